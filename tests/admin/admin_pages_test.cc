#include "ming/admin/admin_pages.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ming::admin {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class Source final : public ReportSource {
 public:
  RoleReport Report() const override {
    ++asked;
    return report;
  }
  RoleReport report;
  mutable int asked = 0;
};

class AdminPages : public testing::Test {
 protected:
  AdminPages() {
    source_.report.role = "host";
    source_.report.metrics = {Gauge("sessions", "peer connections", 2)};
  }
  Page Get(std::string_view path) { return AnswerPage(path, source_); }

  Source source_;
};

TEST_F(AdminPages, HealthAsksNobody) {
  source_.report.not_ready = "no server";
  const Page page = Get("/healthz");
  EXPECT_EQ(page.status, 200);
  EXPECT_EQ(page.text, "ok");
  EXPECT_EQ(source_.asked, 0);
}

TEST_F(AdminPages, ReadinessSaysWhyNot) {
  EXPECT_EQ(Get("/readyz").status, 200);
  EXPECT_EQ(Get("/readyz").text, "ready");
  source_.report.not_ready = "no server";
  EXPECT_EQ(Get("/readyz").status, 503);
  EXPECT_EQ(Get("/readyz").text, "not ready: no server");
}

TEST_F(AdminPages, StatusIsJson) {
  const Page page = Get("/status");
  EXPECT_EQ(page.content_type, "application/json");
  EXPECT_THAT(page.text, HasSubstr("\"role\": \"host\""));
  EXPECT_EQ(Get("/stats").text, page.text);
}

TEST_F(AdminPages, MetricsAreForPrometheus) {
  const Page page = Get("/metrics");
  EXPECT_THAT(page.content_type, StartsWith("text/plain; version=0.0.4"));
  EXPECT_THAT(page.text, HasSubstr("ming_sessions 2"));
}

TEST_F(AdminPages, OtherPathsAreNotFound) {
  for (const char* path : {"/", "", "/healthz/", "/status/x", "/../status"}) {
    EXPECT_EQ(Get(path).status, 404) << path;
  }
  EXPECT_EQ(source_.asked, 0);
}

TEST(LocalHostHeader, IsNoForeignName) {
  for (const char* host :
       {"", "localhost", "localhost:9120", "127.0.0.1:9120", "[::1]:9120", "[::1]", "192.0.2.1"}) {
    EXPECT_TRUE(IsLocalHostHeader(host)) << host;
  }
  for (const char* host : {"evil.example", "evil.example:9120", "localhost.evil.example", "[x]:1",
                           "[", "127.0.0.1.evil.example", ":80", "::1"}) {
    EXPECT_FALSE(IsLocalHostHeader(host)) << host;
  }
}

}  // namespace
}  // namespace ming::admin
