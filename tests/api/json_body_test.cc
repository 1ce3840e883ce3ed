#include "api/json_body.h"

#include <gtest/gtest.h>

#include <string>

namespace dure::api {
namespace {

std::string Repeat(const std::string& text, int count) {
  std::string out;
  for (int i = 0; i < count; ++i) out += text;
  return out;
}

TEST(JsonBodyTest, ParsesWithinLimits) {
  const auto json = ParseJson(R"({"a": [1, -2.5e3, "한글 \u00e9 \"\\"], "b": {"c": null}})");
  ASSERT_TRUE(json) << json.error().message;
  EXPECT_EQ((*json)["a"][2], "한글 é \"\\");
}

TEST(JsonBodyTest, RefusesWhatIsNoJson) {
  for (const char* text :
       {"", " ", "{", "{\"a\":}", "[1,]", "{'a':1}", "nul", "\"\xff\"", "\"\\ud800\"", "01", "1 2",
        "\"a\nb\"", "1e999", "[[]", "\"unfinished\\"}) {
    EXPECT_FALSE(ParseJson(text)) << text;
  }
}

TEST(JsonBodyTest, RefusesWhatExceedsALimit) {
  JsonLimits limits;
  limits.max_bytes = 100'000;
  limits.max_depth = 10;
  limits.max_string_bytes = 1000;
  limits.max_members = 50;
  limits.max_values = 500;
  const auto message = [&](const std::string& text) {
    const auto json = ParseJson(text, limits);
    return json ? std::string("accepted") : json.error().message;
  };
  EXPECT_EQ(message(Repeat("[", 10) + Repeat("]", 10)), "accepted");
  EXPECT_NE(message(Repeat("[", 11) + Repeat("]", 11)).find("nesting"), std::string::npos);
  EXPECT_NE(message(Repeat("{\"a\":", 50'000)).find("bytes"), std::string::npos);
  EXPECT_NE(message(Repeat("[", 50'000)).find("nesting"), std::string::npos);
  EXPECT_EQ(message("\"" + Repeat("x", 1000) + "\""), "accepted");
  EXPECT_NE(message("\"" + Repeat("x", 1001) + "\"").find("string"), std::string::npos);
  EXPECT_NE(message(Repeat("1", 1000)).find("number"), std::string::npos);
  EXPECT_NE(message("[" + Repeat("1,", 600) + "1]").find("values"), std::string::npos);
  std::string members = "{";
  for (int i = 0; i < 60; ++i) members += "\"k" + std::to_string(i) + "\":1,";
  EXPECT_NE(message(members + "\"z\":1}").find("members"), std::string::npos);
  // Brackets inside strings are text.
  EXPECT_EQ(message("\"" + Repeat("[", 500) + "\\\"" + Repeat("{", 400) + "\""), "accepted");
}

}  // namespace
}  // namespace dure::api
