#include <gtest/gtest.h>

#include <fstream>

#include "model/cluster/document_json.h"

namespace kubeproof {
namespace {

using nlohmann::json;

std::vector<json> values(const std::string& text) {
  const auto documents = parse_documents(text, "file");
  if (!documents) return {json(documents.error().message)};
  std::vector<json> result;
  for (const JsonDocument& document : *documents) result.push_back(document.value);
  return result;
}

json value(const std::string& text) {
  const auto all = values(text);
  return all.size() == 1 ? all[0] : json("not one document");
}

std::string error(const std::string& text) {
  const auto documents = parse_documents(text, "file");
  return documents ? "no error" : documents.error().message;
}

TEST(Yaml, TellsTypesByTheLookOfPlainScalars) {
  EXPECT_EQ(value("a: 80"), json({{"a", 80}}));
  EXPECT_EQ(value("a: -1"), json({{"a", -1}}));
  EXPECT_EQ(value("a: 0x1F"), json({{"a", 31}}));
  EXPECT_EQ(value("a: 0755"), json({{"a", 0755}}));
  EXPECT_EQ(value("a: 1_000"), json({{"a", 1000}}));
  EXPECT_EQ(value("a: 18446744073709551615"), json({{"a", UINT64_MAX}}));
  EXPECT_EQ(value("a: 1.5"), json({{"a", 1.5}}));
  EXPECT_EQ(value("a: 1e3"), json({{"a", 1000.0}}));
  EXPECT_EQ(value("a: 080"), json({{"a", 80.0}}));
  for (const char* yes : {"true", "True", "yes", "ON", "y"}) {
    EXPECT_EQ(value(std::string("a: ") + yes), json({{"a", true}})) << yes;
  }
  for (const char* no : {"false", "FALSE", "No", "off", "N"}) {
    EXPECT_EQ(value(std::string("a: ") + no), json({{"a", false}})) << no;
  }
  for (const char* null : {"null", "~", "Null", ""}) {
    EXPECT_EQ(value(std::string("a: ") + null), json({{"a", nullptr}})) << null;
  }
}

TEST(Yaml, LeavesTheRestAsStrings) {
  for (const char* text : {"10.0.0.1", "2024-01-01T00:00:00Z", "80/TCP", "1.2.3", "0xZZ", "inf",
                           ".nan", "tRue", "fd00::1", "12:30:45", "--1", "1-2"}) {
    EXPECT_EQ(value(std::string("a: ") + text), json({{"a", text}})) << text;
  }
}

TEST(Yaml, LeavesQuotedScalarsAsStrings) {
  EXPECT_EQ(value("a: \"80\""), json({{"a", "80"}}));
  EXPECT_EQ(value("a: 'true'"), json({{"a", "true"}}));
  EXPECT_EQ(value("a: \"\""), json({{"a", ""}}));
  EXPECT_EQ(value("a: |-\n  80"), json({{"a", "80"}}));
  EXPECT_EQ(value("80: a"), json({{"80", "a"}}));
}

TEST(Yaml, ReadsSeveralDocuments) {
  EXPECT_EQ(values("---\na: 1\n---\nb: 2\n---\n"),
            (std::vector<json>{{{"a", 1}}, {{"b", 2}}, nullptr}));
}

TEST(Yaml, FollowsAliasesAndMerges) {
  EXPECT_EQ(value("a: &x [1, {b: 2}]\nc: *x"), json::parse(R"({"a":[1,{"b":2}],"c":[1,{"b":2}]})"));
  EXPECT_EQ(value("a: &x {p: 1, q: 2}\nb:\n  <<: *x\n  q: 3")["b"], json({{"p", 1}, {"q", 3}}));
  EXPECT_EQ(value("a: &x {p: 1}\nc: &y {p: 2, r: 3}\nb:\n  <<: [*x, *y]")["b"],
            json({{"p", 1}, {"r", 3}}));
}

TEST(Yaml, NamesTheLineOfAnError) {
  EXPECT_EQ(error("a: 1\nb: [1,\n").substr(0, 7), "file:3:");
  EXPECT_EQ(error("a: 1\nb: 2\na: 3"), "file:3:1: key 'a' occurs twice in one object");
  EXPECT_EQ(error("a: &x [*x]"), "file:1:8: an alias stands inside of what it names");
}

TEST(Yaml, EndsWithWhateverItIsGiven) {
  EXPECT_EQ(error(std::string(5000, '[')).substr(0, 5), "file:");
  const std::string deep = "a: " + std::string(200, '[') + std::string(200, ']');
  EXPECT_NE(error(deep).find("deep"), std::string::npos) << error(deep);
  std::string bomb = "x0: &x0 [1,1,1,1,1,1,1,1,1,1]\n";
  for (int i = 1; i < 12; ++i) {
    const std::string before = "*x" + std::to_string(i - 1);
    bomb += "x" + std::to_string(i) + ": &x" + std::to_string(i) + " [" + before;
    for (int j = 0; j < 9; ++j) bomb += "," + before;
    bomb += "]\n";
  }
  EXPECT_NE(error(bomb).find("too many"), std::string::npos);
}

// Every short text of what means something in YAML: each is read or refused, and none goes on for
// ever.
TEST(Yaml, EndsWithAnyTokens) {
  EXPECT_EQ(error(", a: 1"), "file:1:1: expected a document, found what none can begin with");
  EXPECT_EQ(error("a: 1\n---\n]\n").substr(0, 7), "file:3:");
  const std::vector<std::string> tokens = {"a",  ":", ": ", "- ", "? ",   ",",   "[",     "]",
                                           "{",  "}", "&x", "*x", "!!s ", "|\n", "\n",    "\n ",
                                           "\"", "'", "#",  "%",  "---",  "...", "\n---", "<<"};
  for (const std::string& first : tokens) {
    for (const std::string& second : tokens) {
      for (const std::string& third : tokens) {
        const auto documents = parse_documents(first + second + third, "file");
        if (documents) continue;
        EXPECT_EQ(documents.error().message.find('\n'), std::string::npos);
      }
    }
  }
}

TEST(Json, ReadsDocumentsThatFollowEachOther) {
  EXPECT_EQ(values("{\"a\":1}\n{\"b\":[true,null,1.5,\"x\"]}\n"),
            (std::vector<json>{{{"a", 1}}, json::parse(R"({"b":[true,null,1.5,"x"]})")}));
  EXPECT_EQ(value("[]"), json::array());
}

TEST(Json, NamesTheLineOfAnError) {
  EXPECT_EQ(error("{\n\"a\": 1,\n\"a\": 2}"), "file:3:3: key 'a' occurs twice in one object");
  const std::string syntax = error("{\"a\":1}\n{\n\"b\": x}");
  EXPECT_EQ(syntax.substr(0, 16), "file:3:6: syntax") << syntax;
  EXPECT_EQ(error("{\"a\": [1, 2").substr(0, 17), "file:1:11: syntax");
}

TEST(Json, IsToldFromYamlInBraces) {
  const auto documents = parse_documents("{a: 1, b: [x]}", "file.yaml");
  ASSERT_TRUE(documents);
  EXPECT_EQ(documents->front().value, json::parse(R"({"a":1,"b":["x"]})"));
}

TEST(Json, EndsWithWhateverItIsGiven) {
  EXPECT_NE(error(std::string(100000, '[')).find("deep"), std::string::npos);
  EXPECT_EQ(error("{\"a\":\"\xff\xfe\"}").substr(0, 5), "file:");
  EXPECT_TRUE(parse_documents("", "file")->empty());
}

TEST(Documents, SayWhyAFileCannotBeRead) {
  EXPECT_EQ(read_documents("/nonexistent/file").error().message,
            "/nonexistent/file: No such file or directory");
  EXPECT_EQ(read_documents("/").error().message, "/: a directory, expected JSON or YAML");
  EXPECT_EQ(read_documents("/dev/zero").error().message,
            "/dev/zero: not text, expected JSON or YAML");
}

TEST(Documents, KnowTheLineOfAValue) {
  const auto documents = parse_documents("a: 1\n---\nb:\n- c: 2\n  d: 3\n", "file");
  ASSERT_EQ(documents->size(), 2U);
  const JsonDocument& second = (*documents)[1];
  EXPECT_EQ(second.place_of(second.value["b"][0]["d"]), "file:5");
  EXPECT_EQ(second.place_of(second.value["b"][0]), "file:4");
  EXPECT_EQ((*documents)[0].place_of((*documents)[0].value["a"]), "file:1");
}

}  // namespace
}  // namespace kubeproof
