// Random schemas and documents against the verdicts of an independent validator
// (make_schema_cases.py).
#include <gtest/gtest.h>

#include <string>

#include "tests/text/constraints.h"
#include "tests/text/model_files.h"
#include "text/grammar/constraint.h"

namespace dure::text {
namespace {

TEST(JsonSchemaCasesTest, AgreeWithAnotherValidator) {
  const auto cases = ReadJson(std::string(DURE_TEST_DATA) + "/json_schema_cases.json");
  ASSERT_TRUE(cases.is_array());
  JsonSchemaOptions options;
  options.allow_nothing = true;
  int supported = 0;
  for (const auto& test : cases) {
    const auto schema = test["schema"].get<std::string>();
    const auto grammar = Grammar::FromJsonSchema(schema, JsonVocabulary(), options);
    if (!grammar) {
      // What is refused is one of the documented gaps.
      EXPECT_EQ(grammar.error().code, ErrorCode::kUnsupported) << grammar.error().message;
      continue;
    }
    ++supported;
    for (const auto& text : test["yes"]) {
      EXPECT_EQ(Writes(**grammar, text.get<std::string>()), true) << schema << ": " << text;
    }
    for (const auto& text : test["no"]) {
      EXPECT_EQ(Writes(**grammar, text.get<std::string>()), false) << schema << ": " << text;
    }
  }
  EXPECT_GE(supported, 0.9 * static_cast<double>(cases.size()));
}

}  // namespace
}  // namespace dure::text
