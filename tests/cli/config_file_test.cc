#include "ming/cli/config_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ming/cli/yaml_tree.h"

#include "test_flags.h"

namespace ming::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

// "name=value@where ..." or the error.
std::string Read(std::string_view text, std::string_view command = "host") {
  const FlagSet host = TestHostFlags();
  const FlagSet server = TestServerFlags();
  const std::vector<CommandFlags> commands = {{"host", &host}, {"server", &server}};
  const Result<std::vector<Setting>> settings = ParseConfig(text, "c.yaml", commands, command);
  if (!settings.ok()) {
    EXPECT_EQ(settings.status().code(), StatusCode::kInvalidArgument);
    return settings.status().message();
  }
  std::string lines;
  for (const Setting& setting : *settings) {
    EXPECT_EQ(setting.origin, Origin::kFile);
    lines += setting.name + "=" + setting.value + "@" + setting.where + "\n";
  }
  return lines;
}

TEST(ConfigFile, FlatKeysAreFlags) {
  EXPECT_EQ(Read("id: me\nstun_server: a\n"),
            "id=me@c.yaml:1:5: id\nstun-server=a@c.yaml:2:14: stun-server\n");
}

TEST(ConfigFile, EmptyFileSetsNothing) {
  EXPECT_EQ(Read(""), "");
  EXPECT_EQ(Read("# only a comment\n"), "");
  EXPECT_EQ(Read("---\n"), "");
}

TEST(ConfigFile, SectionOfTheCommandComesLast) {
  EXPECT_EQ(Read("host:\n  id: b\nid: a\n"), "id=a@c.yaml:3:5: id\nid=b@c.yaml:2:7: id\n");
}

TEST(ConfigFile, OtherCommandsAreCheckedAndLeftAlone) {
  EXPECT_EQ(Read("addr: ':1'\nserver:\n  addr: ':2'\nid: x\n"), "id=x@c.yaml:4:5: id\n");
  EXPECT_EQ(Read("addr: nonsense\n").substr(0, 11), "c.yaml:1:7:");
  EXPECT_EQ(Read("server:\n  addr: nonsense\n").substr(0, 11), "c.yaml:2:9:");
}

TEST(ConfigFile, NestedMapsJoinTheirNames) {
  EXPECT_EQ(Read("stun:\n  server: s\n"), "stun-server=s@c.yaml:2:11: stun-server\n");
  EXPECT_EQ(Read("server:\n  tls:\n    cert-file: f\n", "server"),
            "tls-cert-file=f@c.yaml:3:16: tls-cert-file\n");
}

TEST(ConfigFile, ListsForListFlagsOnly) {
  EXPECT_EQ(Read("stun-server: [a, b]\n"), "stun-server=a,b@c.yaml:1:14: stun-server\n");
  EXPECT_EQ(Read("stun-server: []\n"), "stun-server=@c.yaml:1:14: stun-server\n");
  EXPECT_THAT(Read("id: [a]\n"), HasSubstr("c.yaml:1:5: id needs a value"));
  EXPECT_THAT(Read("stun-server: ['a,b']\n"), HasSubstr("must not hold a comma"));
  EXPECT_THAT(Read("stun-server: [[a]]\n"), HasSubstr("an item must be a value"));
}

TEST(ConfigFile, NamesPlaceOfUnknownKeys) {
  EXPECT_EQ(Read("id: x\nremoote: localhost:1\n"),
            "c.yaml:2:1: unknown key \"remoote\"; did you mean \"remote\"?");
  EXPECT_EQ(Read("server:\n  id: x\n"), "c.yaml:2:3: unknown key \"id\" in the section \"server\"");
  EXPECT_THAT(Read("foo:\n  bar: x\n"), StartsWith("c.yaml:2:3: unknown key \"foo-bar\""));
  EXPECT_THAT(Read("<<: {id: x}\n"), HasSubstr("unknown key"));
}

TEST(ConfigFile, RefusesRepeatedKeys) {
  EXPECT_EQ(Read("id: a\nid: b\n"), "c.yaml:2:1: \"id\" is set twice");
  EXPECT_EQ(Read("stun-server: a\nstun_server: b\n"), "c.yaml:2:1: \"stun-server\" is set twice");
  EXPECT_EQ(Read("stun-server: a\nstun: {server: b}\n"),
            "c.yaml:2:8: \"stun-server\" is set twice");
  EXPECT_EQ(Read("host: {id: a}\nhost: {id: b}\n"), "c.yaml:2:1: \"host\" is set twice");
}

TEST(ConfigFile, RefusesWrongTypes) {
  EXPECT_THAT(Read("max-connections: many\n"),
              StartsWith("c.yaml:1:18: max-connections: \"many\" is not a whole number"));
  EXPECT_THAT(Read("id:\n"), HasSubstr("id needs a value"));
  EXPECT_THAT(Read("id: {a: b}\n"), HasSubstr("id needs a value, not a map or list"));
  EXPECT_THAT(Read("host: x\n"), HasSubstr("\"host\" is a section"));
  EXPECT_THAT(Read("- a\n"), HasSubstr("key: value"));
  EXPECT_THAT(Read("[a]: b\n"), HasSubstr("a key must be a word"));
}

TEST(ConfigFile, FlagsOfTheCommandLineStayThere) {
  EXPECT_EQ(Read("config: x\n"), "c.yaml:1:1: \"config\" cannot be set in a file");
}

TEST(ConfigFile, BrokenYamlNamesItsPlace) {
  EXPECT_THAT(Read("id: [a\n"), StartsWith("c.yaml:2:1: "));
  EXPECT_THAT(Read("id: a: b\n"), StartsWith("c.yaml:1:6: "));
  EXPECT_THAT(Read("id: a\n---\nid: b\n"), HasSubstr("more than one YAML document"));
}

TEST(ConfigFile, SurvivesSelfReferenceAndDepth) {
  EXPECT_EQ(Read("stun: &a\n  stun: *a\n"), "c.yaml:2:9: aliases (*name) cannot be used here");
  EXPECT_THAT(Read(std::string(5000, '[')), StartsWith("c.yaml:"));
  EXPECT_EQ(Read("a: {b: {c: {d: {e: f}}}}\n"), "c.yaml:1:16: maps are nested too deeply");
  EXPECT_EQ(Read("stun-server: [[[[[[[[[[a]]]]]]]]]]\n"), "c.yaml:1:21: nested too deeply");
}

TEST(ConfigFile, BoundOfSize) {
  const std::string line = "id: x\n";
  std::string text = line + "#";
  text.resize(kMaxYamlBytes, 'x');
  EXPECT_EQ(Read(text), "id=x@c.yaml:1:5: id\n");
  text += 'x';
  EXPECT_EQ(Read(text), "c.yaml:1:1: larger than 1 MiB");
}

TEST(ConfigFile, SecretsAreNotShown) {
  const std::string error = Read("token: \"secret\\x01\"\n");
  EXPECT_THAT(error, StartsWith("c.yaml:1:8: token: "));
  EXPECT_THAT(error, testing::Not(HasSubstr("secret")));
}

}  // namespace
}  // namespace ming::cli
