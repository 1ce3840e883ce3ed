#include "main/json_io.h"

#include <gtest/gtest.h>

#include <bit>
#include <string>

namespace dure {
namespace {

TEST(ParseJson, RefusesWhatIsNotJsonAndWhatIsTooDeep) {
  EXPECT_FALSE(ParseJson("{"));
  EXPECT_FALSE(ParseJson(""));
  EXPECT_FALSE(ParseJson("[1] 2"));
  EXPECT_TRUE(ParseJson(std::string(100, '[') + std::string(100, ']')));
  const auto deep = ParseJson(std::string(100000, '[') + std::string(100000, ']'));
  ASSERT_FALSE(deep);
  EXPECT_EQ(deep.error().code, ErrorCode::kInvalidArgument);
}

TEST(TokenArray, TakesTokenIdsOnly) {
  EXPECT_EQ(*TokenArray(Json{{"t", {0, 5, 2147483647}}}, "t"),
            (std::vector<engine::TokenId>{0, 5, 2147483647}));
  for (const char* bad : {R"({"t": [-1]})", R"({"t": [1.5]})", R"({"t": ["1"]})",
                          R"({"t": [2147483648]})", R"({"t": 3})", R"({})", R"([])"}) {
    EXPECT_FALSE(TokenArray(*ParseJson(bad), "t")) << bad;
  }
}

TEST(LogprobRows, PrintSoThatReadingGivesTheSameBits) {
  for (const float value : {-0.1f, -1e-30f, -12.345678f, -0.0f, -87.33654f}) {
    const std::string text = LogprobRows({{{7, value}}}).dump();
    const auto read = ParseJson(text);
    ASSERT_TRUE(read);
    EXPECT_EQ(std::bit_cast<uint32_t>((*read)[0][0][1].get<float>()),
              std::bit_cast<uint32_t>(value))
        << text;
  }
}

TEST(ReadFile, NamesTheFileItCannotRead) {
  const auto missing = ReadFile("/nonexistent/prompt.txt");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::kNotFound);
  EXPECT_NE(missing.error().message.find("/nonexistent/prompt.txt"), std::string::npos);
  EXPECT_FALSE(ReadFile("/"));
}

}  // namespace
}  // namespace dure
