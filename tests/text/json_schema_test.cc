#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

#include "tests/text/constraints.h"
#include "text/grammar/constraint.h"

namespace dure::text {
namespace {

std::shared_ptr<const Grammar> Compile(const std::string& schema) {
  auto grammar = Grammar::FromJsonSchema(schema, JsonVocabulary());
  EXPECT_TRUE(grammar.has_value()) << schema << ": " << grammar.error().message;
  return grammar ? *grammar : nullptr;
}

struct Fits {
  const char* schema;
  std::vector<const char*> yes;
  std::vector<const char*> no;
};

class JsonSchemaTest : public testing::TestWithParam<Fits> {};

TEST_P(JsonSchemaTest, WritesExactlyWhatFits) {
  const auto grammar = Compile(GetParam().schema);
  ASSERT_NE(grammar, nullptr);
  for (const char* text : GetParam().yes) EXPECT_EQ(Writes(*grammar, text), true) << text;
  for (const char* text : GetParam().no) EXPECT_EQ(Writes(*grammar, text), false) << text;
}

const Fits kJson[] = {
    {"{}",
     {"1", "-0.5e+3", " [ ] ", "{\"a\":{\"b\":[null,true,false]}}", "\"\\ud83d\\ude00\"", "\"é\"",
      "{\"\":0}", "\n{}\n"},
     {"",
      "01",
      "1.",
      ".5",
      "+1",
      "NaN",
      "[1,]",
      "[,1]",
      "{\"a\":1,}",
      "{\"a\":1,\"a\":2}",
      "{\"a\":1,\"\\u0061\":2}",
      "{a:1}",
      "\"\\ud800\"",
      "\"\\ude00\\ud83d\"",
      "\"\t\"",
      "\"\\x\"",
      "\"\xc3\"",
      "\"\xc0\xaf\"",
      "\"\xed\xa0\x80\"",
      "tru",
      "1 2",
      "[1 2]",
      "'a'",
      "\xef\xbb\xbf"
      "1",
      "\v1"}},
    {"true", {"1", "{}"}, {"[", "{\"a\"}"}},
};
const Fits kScalars[] = {
    {R"({"type":["null","boolean"]})", {"null", "true", "false"}, {"0", "\"\"", "[]", "nul"}},
    {R"({"type":"integer"})", {"0", "-12", "3.0", "3.000", "1e2", "-0"}, {"0.5", "1e-1", "\"1\""}},
    {R"({"$schema":"http://json-schema.org/draft-04/schema#","type":"integer"})",
     {"3", "-3"},
     {"3.0", "1e2"}},
    {R"({"minimum":-1.5,"exclusiveMaximum":12.25})",
     {"-1.5", "-1.50", "-1.499", "0", "12.24999", "12", "9.99", "\"x\"", "-0.0"},
     {"-1.51", "-2", "12.25", "12.250", "13", "100", "1e5"}},
    {R"({"type":"integer","minimum":8,"maximum":12})",
     {"8", "9", "10", "12.0", "12"},
     {"7", "13", "1", "80", "120", "8.5", "-9"}},
    {R"({"exclusiveMinimum":0})", {"1e-5", "0.001", "7E+10"}, {"0", "-1", "0.0", "0e5", "-1e-9"}},
    {R"({"multipleOf":0.01})", {"0.07", "12", "4.3500", "-0.01"}, {"0.075", "1.001"}},
    {R"({"type":"integer","multipleOf":7})", {"0", "7", "-14", "700.0"}, {"1", "8", "7.5"}},
    {R"({"enum":[1,"a",null,[1,{"x":2}],{"k":"v"}]})",
     {"1", "1.0", "\"a\"", "\"\\u0061\"", "null", "[1,{\"x\":2.0}]", "{\"k\":\"v\"}"},
     {"2", "\"b\"", "[1]", "[1,{\"x\":3}]", "{\"k\":\"w\"}", "{}", "true",
      "{\"k\":\"v\",\"l\":1}"}},
    {R"({"const":"a\"\\/\n"})", {R"("a\"\\/\n")", R"("a\u0022\\\/\u000a")"}, {R"("a")"}},
    {R"({"type":"string","minLength":2,"maxLength":3})",
     {"\"ab\"", "\"日本語\"", "\"\\ud83d\\ude00😀\""},
     {"\"a\"", "\"😀\"", "\"abcd\"", "\"\\ud83d\\ude00\""}},
    {R"({"pattern":"^a+$"})", {"\"aaa\"", "1"}, {"\"\"", "\"ab\"", "\"a\\n\""}},
    {R"({"type":"string","pattern":"b"})", {"\"abc\"", "\"b\""}, {"\"ac\""}},
    {R"({"type":"string","not":{"pattern":"b"}})", {"\"ac\"", "\"\""}, {"\"abc\""}},
    {R"({"nullable":true,"type":"string"})", {"null", "\"\""}, {"1"}},
};
const Fits kFormats[] = {
    {R"({"type":"string","format":"date"})",
     {"\"2024-02-29\"", "\"2000-02-29\"", "\"1999-12-31\""},
     {"\"2023-02-29\"", "\"1900-02-29\"", "\"2024-13-01\"", "\"2024-04-31\"", "\"24-01-01\""}},
    {R"({"type":"string","format":"date-time"})",
     {"\"2024-02-29T23:59:60Z\"", "\"2024-01-01t00:00:00.25+09:00\""},
     {"\"2024-01-01 00:00:00Z\"", "\"2024-01-01T24:00:00Z\"", "\"2024-01-01T00:00:00\""}},
    {R"({"type":"string","format":"ipv6"})",
     {"\"::\"", "\"::1\"", "\"1:2:3:4:5:6:7:8\"", "\"1::8\"", "\"::ffff:1.2.3.4\"",
      "\"1:2:3:4:5:6:7::\""},
     {"\":::\"", "\"1:2:3:4:5:6:7\"", "\"1::2::3\"", "\"12345::\"", "\"1:2:3:4:5:6:7:8:9\"",
      "\"::1.2.3\""}},
    {R"({"type":"string","format":"ipv4"})",
     {"\"0.0.0.0\"", "\"255.1.2.3\""},
     {"\"256.1.1.1\"", "\"1.2.3\"", "\"01.2.3.4\""}},
    {R"({"type":"string","format":"uuid"})",
     {"\"2eb8aa08-aa98-11ea-b4aa-73b441d16380\""},
     {"\"2eb8aa08aa9811eab4aa73b441d16380\""}},
    {R"({"type":"string","format":"hostname"})",
     {"\"a.b-c.de\"", "\"localhost\""},
     {"\"-a\"", "\"a-.b\"", "\"a..b\"", "\"\"", "\"ab--c\""}},
    {R"({"type":"string","format":"email"})",
     {"\"a.b@c.de\"", "\"\\\"a b\\\"@c.de\"", "\"a@[127.0.0.1]\""},
     {"\"a@\"", "\".a@b\"", "\"a b@c\""}},
    {R"({"type":"string","format":"uri"})",
     {"\"http://a.b/c?d=e#f\"", "\"urn:x:y\"", "\"http://[::1]:80/\""},
     {"\"/a\"", "\"http://a b\"", "\"a\"", "\"http://[1]/\""}},
    {R"({"type":"string","format":"duration"})",
     {"\"P1Y2M3DT4H5M6S\"", "\"P4W\"", "\"PT36H\""},
     {"\"P\"", "\"P1YT\"", "\"PT1D\"", "\"P1Y2W\""}},
};
const Fits kObjects[] = {
    {R"({"type":"object","properties":{"a":{"type":"integer"},"b":{"type":"string"}},"required":["a"],"additionalProperties":false})",
     {"{\"a\":1}", "{ \"b\" : \"\" , \"a\" : 1 }", "{\"\\u0061\":1}"},
     {"{}", "{\"b\":\"\"}", "{\"a\":1,\"c\":1}", "{\"a\":1,\"a\":1}", "{\"a\":\"\"}", "{\"ab\":1}",
      "{\"a\":1,\"\\u0061\":1}", "[]"}},
    {R"({"properties":{"a":{"type":"integer"}},"additionalProperties":{"type":"boolean"}})",
     {"{\"a\":1,\"b\":true}", "{\"aa\":true}", "1"},
     {"{\"a\":true}", "{\"b\":1}"}},
    {R"({"patternProperties":{"^a":{"minimum":5},"b$":{"maximum":7}},"additionalProperties":false})",
     {"{\"ab\":6,\"a\":9,\"b\":1}", "{}"},
     {"{\"ab\":4}", "{\"ab\":8}", "{\"c\":1}"}},
    {R"({"type":"object","minProperties":2,"maxProperties":3,"required":["x"]})",
     {"{\"x\":1,\"y\":2}", "{\"y\":1,\"z\":2,\"x\":3}"},
     {"{\"x\":1}", "{\"a\":1,\"b\":1,\"c\":1}", "{\"a\":1,\"b\":1,\"c\":1,\"x\":1}"}},
    {R"({"type":"object","propertyNames":{"maxLength":2,"pattern":"^a"}})",
     {"{\"ab\":1}", "{}"},
     {"{\"b\":1}", "{\"abc\":1}"}},
    {R"({"type":"object","dependentRequired":{"a":["b"]}})",
     {"{}", "{\"b\":1}", "{\"a\":1,\"b\":2}", "{\"b\":1,\"a\":2}"},
     {"{\"a\":1}"}},
    {R"({"type":"object","dependentSchemas":{"a":{"minProperties":2}}})",
     {"{\"b\":1}", "{\"a\":1,\"b\":2}"},
     {"{\"a\":1}"}},
    {R"({"type":"object","properties":{"a":false}})", {"{}", "{\"b\":1}"}, {"{\"a\":1}"}},
    {R"({"allOf":[{"properties":{"a":{"type":"integer"}}}],"properties":{"b":true},"unevaluatedProperties":false})",
     {"{\"a\":1,\"b\":2}", "{}"},
     {"{\"c\":1}", "{\"a\":\"\"}"}},
};
const Fits kNames[] = {
    {R"({"type":"object","properties":{"ab":true,"name":true},"patternProperties":{"^x":true},"additionalProperties":false})",
     {"{\"ab\":1,\"name\":1,\"xy\":1}", "{\"x\":1,\"ab\":1}"},
     {"{\"ab\":1,\"ab\":1}", "{\"a\":1}", "{\"ab\":1,\"a\":1}"}},
};
const Fits kArrays[] = {
    {R"({"type":"array","prefixItems":[{"type":"integer"},{"type":"string"}],"items":false})",
     {"[]", "[1]", "[1,\"a\"]"},
     {"[\"a\"]", "[1,\"a\",2]", "[1,2]"}},
    {R"({"items":{"type":"integer"},"minItems":2,"maxItems":3})",
     {"[1,2]", "[1,2,3]", "{}"},
     {"[1]", "[1,2,3,4]", "[1,\"\"]"}},
    {R"({"type":"array","uniqueItems":true})",
     {"[1,2]", "[{\"a\":1,\"b\":2},{\"a\":1,\"b\":3}]", "[\"1\",1]", "[]"},
     {"[1,1.0]", "[{\"a\":1,\"b\":2},{\"b\":2,\"a\":1}]", "[\"a\",\"\\u0061\"]", "[[1],[1]]",
      "[null,1,null]"}},
    {R"({"type":"array","items":{"enum":["a","ab"]},"uniqueItems":true})",
     {"[\"a\",\"ab\"]", "[\"ab\"]"},
     {"[\"a\",\"a\"]", "[\"a\",\"ab\",\"a\"]"}},
    {R"({"type":"array","items":{"enum":["kind","keen",true,null]},"uniqueItems":true,"maxItems":4})",
     {"[\"keen\",true,\"kind\",null]", "[true]"},
     {"[true,true]", "[\"kind\",\"kin\"]"}},
    {R"({"type":"array","contains":{"type":"integer"},"minContains":2,"maxContains":3})",
     {"[1,\"a\",2]", "[1,2,3]"},
     {"[1]", "[1,2,3,4]", "[]", "[\"a\",\"b\"]"}},
    {R"({"type":"array","contains":{"const":1},"maxItems":2})",
     {"[1]", "[2,1]", "[1,2]"},
     {"[2,2]", "[2]"}},
    {R"({"$defs":{"n":{"type":"object","properties":{"next":{"$ref":"#/$defs/n"}},"additionalProperties":false}},"$ref":"#/$defs/n"})",
     {"{}", "{\"next\":{\"next\":{}}}"},
     {"{\"next\":1}", "{\"next\":{\"x\":1}}"}},
};
const Fits kCombinators[] = {
    {R"({"anyOf":[{"type":"integer"},{"type":"string","maxLength":1}]})",
     {"1", "\"a\""},
     {"1.5", "\"ab\""}},
    {R"({"oneOf":[{"type":"integer"},{"minimum":2}]})", {"1", "2.5", "\"a\""}, {"3", "1.5"}},
    {R"({"type":"object","oneOf":[{"required":["a"]},{"required":["b"]}]})",
     {"{\"a\":1}", "{\"b\":1,\"c\":2}"},
     {"{}", "{\"a\":1,\"b\":1}"}},
    {R"({"oneOf":[{"properties":{"k":{"const":"x"},"v":{"type":"integer"}},"required":["k"]},{"properties":{"k":{"const":"y"},"v":{"type":"string"}},"required":["k"]}],"type":"object"})",
     {"{\"k\":\"x\",\"v\":1}", "{\"v\":\"s\",\"k\":\"y\"}"},
     {"{\"v\":\"s\",\"k\":\"x\"}", "{\"k\":\"z\"}", "{\"v\":1}"}},
    {R"({"allOf":[{"minimum":2},{"maximum":5},{"type":"integer"}]})",
     {"2", "5"},
     {"1", "6", "2.5", "\"\""}},
    {R"({"not":{"type":["string","object"]}})", {"1", "[]", "null"}, {"\"\"", "{}"}},
    {R"({"not":{"enum":[1,"a",[1]]}})",
     {"2", "\"b\"", "[2]", "[]", "[1,1]", "{}"},
     {"1", "1.0", "\"a\"", "[1]", "[1.0]"}},
    {R"({"type":"object","not":{"required":["a","b"]}})",
     {"{\"a\":1}", "{\"b\":1}", "{}"},
     {"{\"a\":1,\"b\":2}"}},
    {R"({"type":"object","not":{"additionalProperties":{"type":"integer"}}})",
     {"{\"a\":\"\"}", "{\"a\":1,\"b\":null}"},
     {"{}", "{\"a\":1}"}},
    {R"({"type":"array","not":{"items":{"type":"integer"}}})",
     {"[\"\"]", "[1,\"\",2]"},
     {"[]", "[1]"}},
    {R"({"if":{"properties":{"a":{"const":1}},"required":["a"]},"then":{"required":["b"]},"else":{"required":["c"]},"type":"object"})",
     {"{\"a\":1,\"b\":2}", "{\"a\":2,\"c\":2}", "{\"c\":1}", "{\"b\":2,\"a\":1}"},
     {"{\"a\":1}", "{\"a\":2,\"b\":1}", "{}", "{\"a\":1,\"c\":1}"}},
};

INSTANTIATE_TEST_SUITE_P(Json, JsonSchemaTest, testing::ValuesIn(kJson));
INSTANTIATE_TEST_SUITE_P(Scalars, JsonSchemaTest, testing::ValuesIn(kScalars));
INSTANTIATE_TEST_SUITE_P(Formats, JsonSchemaTest, testing::ValuesIn(kFormats));
INSTANTIATE_TEST_SUITE_P(Objects, JsonSchemaTest, testing::ValuesIn(kObjects));
INSTANTIATE_TEST_SUITE_P(Names, JsonSchemaTest, testing::ValuesIn(kNames));
INSTANTIATE_TEST_SUITE_P(Arrays, JsonSchemaTest, testing::ValuesIn(kArrays));
INSTANTIATE_TEST_SUITE_P(Combinators, JsonSchemaTest, testing::ValuesIn(kCombinators));

// Walks along documents and compares every mask with the tokens tried one by one.
TEST_P(JsonSchemaTest, MasksAreWhatAdvanceTakes) {
  const auto grammar = Compile(GetParam().schema);
  ASSERT_NE(grammar, nullptr);
  const TokenVocabulary& vocabulary = *JsonVocabulary();
  for (const char* text : GetParam().yes) {
    const auto constraint = grammar->NewConstraint();
    TokenBits mask(vocabulary.words());
    std::string written;
    for (const char byte : std::string(text)) {
      constraint->Mask(mask);
      const TokenBits tried = MaskByTrying(*constraint);
      for (TokenId id = 0; id < vocabulary.size(); ++id) {
        ASSERT_EQ(HasToken(mask, id), HasToken(tried, id))
            << GetParam().schema << " after " << written << ": " << vocabulary.Bytes(id);
      }
      ASSERT_TRUE(constraint->Advance(vocabulary.Spell(std::string(1, byte)).at(0)));
      written += byte;
    }
  }
}

TEST(JsonSchemaRefusalTest, NamesPointerAndKeyword) {
  const std::pair<const char*, const char*> kRefused[] = {
      {R"({"properties":{"a/b":{"typeof":1}}})", "/properties/a~1b/typeof: "},
      {R"j({"items":{"pattern":"(?=a)"}})j", "/items/pattern: "},
      {R"j({"pattern":"(a)\\1"})j", "/pattern: "},
      {R"j({"pattern":"("})j", "/pattern: "},
      {R"({"format":"shoe-size"})", "/format: "},
      {R"({"$ref":"http://example.com/x"})", "/$ref: "},
      {R"({"$ref":"#/nowhere"})", "/$ref: "},
      {R"({"$ref":"#"})", "/: "},
      {R"({"anyOf":[]})", "/anyOf: "},
      {R"({"type":"strin"})", "/type: "},
      {R"({"minLength":-1})", "/minLength: "},
      {R"({"multipleOf":0})", "/multipleOf: "},
      {R"({"type":"string","enum":[1]})", "/: no document"},
      {R"({"required":["a"],"properties":{"a":false},"type":"object"})", "/: no document"},
      {R"({"$defs":{"n":{"type":"object","properties":{"n":{"$ref":"#/$defs/n"}},"required":["n"]}},"$ref":"#/$defs/n"})",
       "/: no document"},
      {R"({"not":{"uniqueItems":true}})", "/not/uniqueItems: "},
      {R"({"type":"object","aditionalProperties":false})", "/aditionalProperties: "},
      {R"({"oneof":[true]})", "/oneof: "},
      {R"({"items":{"item":true}})", "/items/item: "},
  };
  for (const auto& [schema, begin] : kRefused) {
    const auto grammar = Grammar::FromJsonSchema(schema, JsonVocabulary());
    ASSERT_FALSE(grammar.has_value()) << schema;
    EXPECT_TRUE(grammar.error().message.starts_with(begin)) << grammar.error().message;
  }
}

std::string Times(int count, const std::string& text) {
  std::string out;
  for (int i = 0; i < count; ++i) out += text;
  return out;
}

// What costs too much is refused for that, and soon. The bound on time is generous: builds with
// sanitizers and busy machines pass, endless work does not.
TEST(JsonSchemaRefusalTest, HostileSchemasAreRefusedSoon) {
  std::string any_of = R"({"allOf":[)";
  for (int i = 0; i < 20; ++i) {
    const std::string n = std::to_string(i);
    any_of += (i > 0 ? "," : "") + std::string(R"({"anyOf":[{"required":["a)") + n +
              R"("]},{"required":["b)" + n + R"("]},{"required":["c)" + n + R"("]}]})";
  }
  any_of += "]}";
  const std::string kHostile[] = {
      Times(60000, "["),
      Times(60000, R"({"items":)") + "true" + Times(60000, "}"),
      R"j({"pattern":"(((a{1000}){1000}){1000})"})j",
      R"j({"pattern":"(a|b)*a(a|b){30}"})j",
      "{\"pattern\":\"" + Times(60000, "(") + "\"}",
      R"j({"pattern":"((){99999}){99999}"})j",
      any_of,
      R"({"multipleOf":123456789})",
      R"({"minimum":1e5000})",
  };
  for (const std::string& schema : kHostile) {
    const auto begin = std::chrono::steady_clock::now();
    const auto grammar = Grammar::FromJsonSchema(schema, JsonVocabulary());
    ASSERT_FALSE(grammar.has_value()) << schema.substr(0, 60);
    EXPECT_EQ(grammar.error().code, ErrorCode::kInvalidArgument) << grammar.error().message;
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5))
        << schema.substr(0, 60);
  }
}

// Whatever is written, something can follow until the document is whole.
TEST(TokenConstraintTest, NeverGetsStuck) {
  const TokenVocabulary& vocabulary = *JsonVocabulary();
  for (
      const char* schema :
      {R"({"type":"array","items":{"enum":["kind","kin",true,null]},"uniqueItems":true,"minItems":3})",
       R"({"type":"object","properties":{"ab":true,"a":true},"additionalProperties":false,
            "minProperties":2})",
       R"({"type":"object","maxProperties":2,"required":["a","b"],"patternProperties":{"^x":true}})",
       R"({"type":"array","contains":{"const":1},"maxItems":2,"items":{"enum":[1,2,"x"]}})"}) {
    const auto grammar = Compile(schema);
    for (uint32_t seed = 1; seed <= 40; ++seed) {
      const auto constraint = grammar->NewConstraint();
      TokenBits mask(vocabulary.words());
      uint32_t random = seed;
      for (int step = 0; step < 60; ++step) {
        constraint->Mask(mask);
        std::vector<TokenId> allowed;
        for (TokenId id = 0; id < vocabulary.size(); ++id) {
          if (HasToken(mask, id)) allowed.push_back(id);
        }
        ASSERT_FALSE(allowed.empty()) << schema << " seed " << seed;
        random = random * 1664525 + 1013904223;
        const TokenId token = allowed[(random >> 8) % allowed.size()];
        ASSERT_TRUE(constraint->Advance(token));
        if (vocabulary.IsEnd(token)) break;
      }
    }
  }
}

TEST(TokenConstraintTest, RollsBackAndClones) {
  const auto grammar = Compile(R"({"type":"object","additionalProperties":{"type":"integer"}})");
  const auto constraint = grammar->NewConstraint();
  const TokenVocabulary& vocabulary = *JsonVocabulary();
  std::vector<TokenBits> masks;
  const auto tokens = vocabulary.Spell(R"({"a":1,"b":10})");
  for (const TokenId token : tokens) {
    masks.emplace_back(vocabulary.words());
    constraint->Mask(masks.back());
    ASSERT_TRUE(constraint->Advance(token));
  }
  ASSERT_FALSE(vocabulary.end_of_generation().empty());
  const TokenId end = vocabulary.end_of_generation()[0];
  EXPECT_TRUE(constraint->MayEnd());
  EXPECT_TRUE(constraint->Advance(end));
  EXPECT_FALSE(constraint->Advance(tokens[0]));
  EXPECT_EQ(constraint->size(), tokens.size() + 1);
  for (size_t size = tokens.size(); size-- > 0;) {
    constraint->Rollback(size);
    TokenBits mask(vocabulary.words());
    constraint->Mask(mask);
    EXPECT_EQ(mask, masks[size]) << size;
    const auto clone = constraint->Clone();
    EXPECT_TRUE(clone->Advance(tokens[size]));
    EXPECT_EQ(constraint->size(), size);
  }
  EXPECT_FALSE(constraint->Advance(end));
  EXPECT_FALSE(constraint->Advance(-1));
  EXPECT_FALSE(constraint->Advance(vocabulary.size()));
}

TEST(JsonSchemaOptionsTest, CompactAllowsNoWhiteSpace) {
  JsonSchemaOptions options;
  options.max_whitespace = 0;
  const auto compact = *Grammar::FromJsonSchema("{}", JsonVocabulary(), options);
  EXPECT_EQ(Writes(*compact, R"({"a":[1,2]})"), true);
  EXPECT_EQ(Writes(*compact, R"({"a": 1})"), false);
  options.max_whitespace = 3;
  const auto some = *Grammar::FromJsonSchema("{}", JsonVocabulary(), options);
  EXPECT_EQ(Writes(*some, "[   1]"), true);
  EXPECT_EQ(Writes(*some, "[    1]"), false);
}

TEST(JsonSchemaOptionsTest, DocumentsNestOnlySoDeep) {
  JsonSchemaOptions options;
  options.limits.document_depth = 5;
  const auto grammar = *Grammar::FromJsonSchema("{}", JsonVocabulary(), options);
  EXPECT_EQ(Writes(*grammar, Times(5, "[") + Times(5, "]")), true);
  EXPECT_EQ(Writes(*grammar, Times(6, "[") + Times(6, "]")), false);
}

}  // namespace
}  // namespace dure::text
