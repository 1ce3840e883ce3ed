// What a template may do, what it may not, and which bytes of the prompt come from input.
#include "text/chat_template.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace dure::text {
namespace {

using testing::HasSubstr;

Result<RenderedPrompt> Render(const std::string& source, const Json& messages,
                              const TemplateLimits& limits = {}) {
  const auto chat_template = ChatTemplate::Parse(source, limits);
  if (!chat_template) return tl::unexpected(chat_template.error());
  ChatTemplateInput input;
  input.messages = messages;
  input.bos_token = "<s>";
  return chat_template->Render(input);
}

// The prompt with the bytes from input put between braces.
std::string Marked(const std::string& source, const Json& messages) {
  const auto prompt = Render(source, messages);
  if (!prompt) return "error: " + prompt.error().message;
  std::string out;
  size_t at = 0;
  for (const ByteRange& range : prompt->from_input) {
    out += prompt->text.substr(at, range.begin - at) + "{" +
           prompt->text.substr(range.begin, range.end - range.begin) + "}";
    at = range.end;
  }
  return out + prompt->text.substr(at);
}

const Json kMessages = {{{"role", "user"}, {"content", " Ab|c "}, {"n", 3}, {"list", {"x", 1}}}};

TEST(ChatTemplateProvenanceTest, FollowsInputThroughEveryOperation) {
  const std::pair<std::string, std::string> cases[] = {
      {"{{ bos_token }}<|im_start|>{{ messages[0].role }}\n", "<s><|im_start|>{user}"},
      {"<{{ messages[0].content }}>", "<{ Ab|c }>"},
      {"{{ '<' + messages[0].content|trim + '>' }}", "<{Ab|c}>"},
      {"{{ '<' ~ messages[0].content.strip()|upper ~ '>' }}", "<{AB|C}>"},
      {"{{ messages[0].content.split('|')|join('|') }}", "{ Ab}|{c }"},
      {"{{ messages[0].content|replace('|', '<|') }}", "{ Ab}<|{c }"},
      {"{{ 'a-b'|replace('-', messages[0].role) }}", "a{user}b"},
      {"{{ messages[0].list|tojson }}", "{[\"x\", 1]}"},
      {"{{ {'k': messages[0].role}|tojson }}", "{\"k\": {\"user\"}}"},
      {"{{ messages[0].list }}", "{['x', 1]}"},
      {"{{ messages[0].n + 1 }} {{ 1 + 1 }}", "{4} 2"},
      {"{{ messages[0].role[::-1] }}", "{resu}"},
      {"{{ '%s!' % messages[0].role }}{{ '{}?'.format(messages[0].role) }}", "{user}!{user}?"},
      {"{% for k in messages[0] %}{{ k }},{% endfor %}", "{role},{content},{n},{list},"},
      {"{% for c in messages[0].role %}{{ c }}.{% endfor %}", "{u}.{s}.{e}.{r}."},
      {"{% set x %}a{{ messages[0].role }}{% endset %}{{ x|capitalize }}", "A{user}"},
      {"{% macro m(x) %}[{{ x }}]{% endmacro %}{{ m(messages[0].role)|upper }}", "[{USER}]"},
      {"{% filter indent(2, true) %}a\n{{ messages[0].role }}{% endfilter %}", "  a\n  {user}"},
      {"{{ ('<' ~ messages[0].role)|e }}", "&lt;{user}"},
      {"{{ messages|map(attribute='role')|first ~ messages|length }}", "{user1}"},
      {"{{ messages[0].content.replace('', '-')|trim }}", "-{ }-{A}-{b}-{|}-{c}-{ }-"},
      {"{{ 'yes' if messages[0].n > 2 else 'no' }}", "yes"},
      {"{{ messages[0].role|center(8) }}{{ messages[0].n|string }}", "  {user}  {3}"},
  };
  for (const auto& [source, expected] : cases)
    EXPECT_EQ(Marked(source, kMessages), expected) << source;
}

TEST(ChatTemplateErrorTest, NamesTheLine) {
  const std::pair<std::string, std::string> cases[] = {
      {"a\n{{ x.y }}", "line 2: 'x' is undefined"},
      {"a\n\n{% if %}", "line 3"},
      {"\n{{ raise_exception('no ' ~ 1) }}", "line 2: no 1"},
      {"{% for x in messages %}\n{{ 1 + 'a' }}{% endfor %}", "line 2"},
      {"{{ 'a", "line 1"},
      {"{# a\n", "missing end of comment"},
      {"{% if true %}\n", "expected 'endif'"},
      {"{% endif %}", "unexpected block 'endif'"},
      {"{{ 1 / 0 }}", "division by zero"},
      {"{{ 9223372036854775807 + 1 }}", "integer overflow"},
      {"{% break %}", "outside of a loop"},
      {"{{ (1 }}", "unexpected"},
  };
  for (const auto& [source, expected] : cases) {
    const auto prompt = Render(source, kMessages);
    ASSERT_FALSE(prompt.has_value()) << source;
    EXPECT_EQ(prompt.error().code, ErrorCode::kInvalidArgument) << source;
    EXPECT_THAT(prompt.error().message, HasSubstr(expected)) << source;
  }
}

TEST(ChatTemplateErrorTest, NamesWhatIsNotSupported) {
  for (const std::string source :
       {"{% include 'x' %}", "{% extends 'x' %}", "{{ 1|nosuch }}", "{{ 1 is nosuch }}",
        "{% for x in messages recursive %}{% endfor %}"}) {
    const auto prompt = Render(source, kMessages);
    ASSERT_FALSE(prompt.has_value()) << source;
    EXPECT_EQ(prompt.error().code, ErrorCode::kUnsupported) << source;
  }
}

std::string Repeat(const std::string& text, size_t times) {
  std::string out;
  for (size_t i = 0; i < times; ++i) out += text;
  return out;
}

TEST(ChatTemplateLimitTest, HostileTemplatesEndInAnError) {
  const std::string sources[] = {
      "{{ " + Repeat("(", 10'000) + "1" + Repeat(")", 10'000) + " }}",
      "{{ " + Repeat("[", 10'000) + " }}",
      "{{ " + Repeat("not ", 10'000) + "1 }}",
      "{{ " + Repeat("-", 10'000) + "1 }}",
      "{{ x" + Repeat(".a", 10'000) + " }}",
      "{{ x" + Repeat("|trim", 10'000) + " }}",
      "{{ " + Repeat("1 if 1 else ", 10'000) + "1 }}",
      Repeat("{% if true %}", 10'000),
      Repeat("{% for x in messages %}", 100) + "{% endfor %}",
      "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
      "{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}",
      "{{ range(1000000000) }}",
      "{{ 'a' * 1000000000000 }}",
      "{{ [1] * 1000000000000 }}",
      "{% set ns = namespace(s='aaaaaaaa') %}{% for i in range(100) %}{% set ns.s = ns.s + ns.s "
      "%}{% endfor %}",
      "{% set ns = namespace(l=[1]) %}{% for i in range(100) %}{% set ns.l = ns.l + ns.l %}{% "
      "endfor %}",
      "{% set ns = namespace(l=[1]) %}{% for i in range(1000) %}{% set ns.l = [ns.l] %}{% endfor "
      "%}{{ ns.l }}",
      "{% set l = [1] %}{% do l.append(l) %}{{ l }}",
      "{% set l = [1] %}{% do l.append(l) %}{{ l|tojson }}",
      "{% set d = {} %}{% do d.update(a=d) %}{{ d == d.copy() }}{{ d|string }}",
      "{{ ('a' * 100000).replace('', 'b' * 100000) }}",
      "{{ '%1000000s' % 'a' }}",
      "{{ 'a'.center(100000000) }}",
  };
  for (const std::string& source : sources) {
    const auto prompt = Render(source, kMessages);
    ASSERT_FALSE(prompt.has_value()) << source.substr(0, 80);
  }
}

TEST(ChatTemplateLimitTest, AreSettings) {
  TemplateLimits limits;
  limits.max_output_bytes = 10;
  EXPECT_TRUE(Render("0123456789", kMessages, limits).has_value());
  EXPECT_EQ(Render("0123456789a", kMessages, limits).error().code, ErrorCode::kResourceExhausted);
  limits = {};
  limits.max_steps = 100;
  EXPECT_EQ(Render("{% for i in range(1000) %}{% endfor %}", kMessages, limits).error().code,
            ErrorCode::kResourceExhausted);
  limits = {};
  limits.max_source_bytes = 5;
  EXPECT_EQ(Render("123456", kMessages, limits).error().code, ErrorCode::kResourceExhausted);
  limits = {};
  limits.max_depth = 12;
  EXPECT_TRUE(Render("{{ ((1)) }}", kMessages, limits).has_value());
  EXPECT_EQ(Render("{{ ((((((((((((1)))))))))))) }}", kMessages, limits).error().code,
            ErrorCode::kResourceExhausted);
}

TEST(ChatTemplateLimitTest, LongChatsAndLongChainsAreFine) {
  Json messages = Json::array();
  for (int i = 0; i < 2000; ++i)
    messages.push_back({{"role", "user"}, {"content", Repeat("word ", 200)}});
  const auto prompt = Render(
      "{% for m in messages %}<|im_start|>{{ m.role + '\n' + m.content|trim + '<|im_end|>' + '\n' "
      "}}{% endfor %}",
      messages);
  ASSERT_TRUE(prompt.has_value()) << prompt.error().message;
  EXPECT_GT(prompt->text.size(), 2'000'000u);
  EXPECT_TRUE(Render("{{ " + Repeat("'a' + ", 5'000) + "'b' }}", kMessages).has_value());
  EXPECT_TRUE(Render("{{ " + Repeat("x or ", 5'000) + "'b' }}", kMessages).has_value());
}

TEST(ChatTemplateTest, IsReusable) {
  const auto chat_template = ChatTemplate::Parse("{% set x = messages|length %}{{ x }}{{ y }}");
  ASSERT_TRUE(chat_template.has_value());
  ChatTemplateInput input;
  input.messages = kMessages;
  input.extra = {{"y", "!"}};
  EXPECT_EQ(chat_template->Render(input)->text, "1!");
  input.extra = Json::object();
  EXPECT_EQ(chat_template->Render(input)->text, "1");
}

}  // namespace
}  // namespace dure::text
