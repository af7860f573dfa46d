#include "ming/admin/status_json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ming::admin {
namespace {

using ::testing::HasSubstr;

RoleReport Sample() {
  RoleReport report;
  report.role = "client";
  report.facts = {{"id", "myhost"}, {"path", "direct udp"}};
  report.metrics = {
      Gauge("round_trip_seconds", "x", 0.25),
      {"path_bytes_total", "x", MetricKind::kCounter, "direction", {{"sent", 7}, {"received", 0}}},
  };
  return report;
}

TEST(StatusJson, WritesTheDocument) {
  EXPECT_EQ(FormatStatus(Sample()),
            "{\n"
            "  \"version\": 1,\n"
            "  \"role\": \"client\",\n"
            "  \"ready\": true,\n"
            "  \"not_ready\": null,\n"
            "  \"id\": \"myhost\",\n"
            "  \"path\": \"direct udp\",\n"
            "  \"metrics\": {\n"
            "    \"round_trip_seconds\": 0.25,\n"
            "    \"path_bytes_total\": {\n"
            "      \"sent\": 7,\n"
            "      \"received\": 0\n"
            "    }\n"
            "  }\n"
            "}");
}

TEST(StatusJson, IsReadBack) {
  RoleReport report = Sample();
  report.not_ready = "no path";
  const auto view = ParseStatus(FormatStatus(report));
  ASSERT_TRUE(view.ok()) << view.status().ToString();
  EXPECT_EQ(view->role, "client");
  EXPECT_EQ(view->not_ready, "no path");
  std::string lines;
  for (const Fact& line : view->lines) lines += line.name + "=" + line.value + ";";
  EXPECT_EQ(lines,
            "id=myhost;path=direct udp;round_trip_seconds=0.25;path_bytes_total sent=7;"
            "path_bytes_total received=0;");
}

TEST(StatusJson, ReplacesWhatIsNoUtf8) {
  RoleReport report = Sample();
  report.facts = {{"id", "\xff"}};
  EXPECT_THAT(FormatStatus(report), HasSubstr("\"id\": \"\xef\xbf\xbd\""));
}

TEST(StatusJson, RefusesOtherDocuments) {
  for (const char* text :
       {"", "ok", "[]", "{}", "{\"version\":1}",
        "{\"version\":2,\"role\":\"x\",\"not_ready\":null}",
        "{\"version\":\"1\",\"role\":\"x\",\"not_ready\":null}",
        "{\"version\":1,\"role\":3,\"not_ready\":null}", "{\"version\":1,\"role\":\"x\"}",
        "{\"version\":1,\"role\":\"x\",\"not_ready\":true}",
        "{\"version\":1,\"role\":\"x\",\"not_ready\":null} x"}) {
    const auto view = ParseStatus(text);
    ASSERT_FALSE(view.ok()) << text;
    EXPECT_EQ(view.status().code(), StatusCode::kMalformed);
  }
}

TEST(StatusJson, ShowsMembersOfALaterVersion) {
  const auto view = ParseStatus(
      "{\"version\":1,\"role\":\"x\",\"not_ready\":null,\"new\":[1,2],\"metrics\":{\"a\":null}}");
  ASSERT_TRUE(view.ok());
  ASSERT_EQ(view->lines.size(), 2u);
  EXPECT_EQ(view->lines[0].value, "[1,2]");
  EXPECT_EQ(view->lines[1].value, "null");
}

TEST(StatusJson, DeepDocumentsAreCut) {
  const std::string deep =
      "{\"version\":1,\"role\":\"x\",\"not_ready\":null,\"new\":" + std::string(100'000, '[') +
      std::string(100'000, ']') + "}";
  static_cast<void>(ParseStatus(deep));
  static_cast<void>(ParseStatus(std::string(100'000, '[')));
}

}  // namespace
}  // namespace ming::admin
