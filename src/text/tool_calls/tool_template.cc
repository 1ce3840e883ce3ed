#include "text/tool_calls/tool_template.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "text/tool_calls/answer_parser.h"

namespace dure::text {
namespace {

using Json = nlohmann::ordered_json;

constexpr char kTool[] = "dure_shown_tool";
constexpr char kQuestion[] = "dure shown question";
constexpr char kResult[] = "dure shown result";
constexpr char kRules[] = "dure shown rules";
const Json kArguments = {{"shown", "value"}};

/// Ways in which templates want a call that was made.
struct CallStyle {
  bool short_ids;
  bool arguments_as_text;
  bool null_content;
};
constexpr CallStyle kCallStyles[] = {
    {false, false, false}, {false, false, true}, {false, true, false}, {false, true, true},
    {true, false, false},  {true, false, true},  {true, true, false},  {true, true, true},
};

Json UserMessage(std::string_view content) { return {{"role", "user"}, {"content", content}}; }

/// Nine letters and digits that depend on the id alone.
std::string ShortId(std::string_view id) {
  constexpr size_t kLength = 9;
  std::string letters;
  for (const char c : id) {
    if (IsNameLetter(c) && c != '_' && c != '-' && c != '.') letters += c;
  }
  if (letters.size() >= kLength) return letters.substr(letters.size() - kLength);
  uint64_t hash = 14695981039346656037u;  // FNV-1a
  for (const char c : id) hash = (hash ^ static_cast<uint8_t>(c)) * 1099511628211u;
  for (letters.clear(); letters.size() < kLength; hash /= 36) {
    letters += "0123456789abcdefghijklmnopqrstuvwxyz"[hash % 36];
  }
  return letters;
}

Json Arguments(const Json& text, bool as_text) {
  if (as_text || !text.is_string()) return text;
  Json value = Json::parse(text.get<std::string>(), nullptr, /*allow_exceptions=*/false);
  return value.is_object() ? value : text;
}

/// An assistant's message with calls, as the template wants it.
void Style(Json& message, const CallStyle& style) {
  if (message.contains("tool_call_id") && style.short_ids) {
    message["tool_call_id"] = ShortId(message["tool_call_id"].get<std::string>());
  }
  if (!message.contains("tool_calls")) return;
  if (style.null_content && message["content"] == "") message["content"] = nullptr;
  for (Json& call : message["tool_calls"]) {
    Json& function = call["function"];
    function["arguments"] = Arguments(function["arguments"], style.arguments_as_text);
    if (style.short_ids) call["id"] = ShortId(call["id"].get<std::string>());
  }
}

/// Whether the text holds the shown call in this format.
bool HoldsCall(const ToolFormat& format, std::string_view text) {
  AnswerParser parser({&format, {kTool}, std::nullopt, false});
  std::vector<AnswerPart> parts = parser.Push(text);
  for (AnswerPart& part : parser.Finish()) parts.push_back(std::move(part));
  const auto call = std::find_if(parts.begin(), parts.end(), [](const AnswerPart& part) {
    return part.kind == AnswerPart::Kind::kCall;
  });
  if (call == parts.end() || call + 1 == parts.end()) return false;
  return Json::parse((call + 1)->text, nullptr, false) == kArguments;
}

/// The format of the call in `shown`. `before`: the same chat up to where the call begins.
const ToolFormat* FormatOf(std::string_view shown, std::string_view before) {
  const size_t question = std::min(shown.find(kQuestion), shown.size());
  const auto differ = std::mismatch(shown.begin(), shown.end(), before.begin(), before.end());
  const auto answer = static_cast<size_t>(differ.first - shown.begin());
  for (const size_t begin : {question, answer}) {
    for (const ToolFormat& format : ToolFormats()) {
      if (HoldsCall(format, shown.substr(begin))) return &format;
    }
  }
  return nullptr;
}

void InspectCalls(const RenderFunction& render, ToolTemplate& out) {
  const Json question = Json::array({UserMessage(kQuestion)});
  const auto before = render(question, nullptr);
  if (!before) return;
  const std::string id = "call_abcdefghijklmnopqrstuvwx";
  const Json call = {{"id", id},
                     {"type", "function"},
                     {"function", {{"name", kTool}, {"arguments", kArguments.dump()}}}};
  for (const CallStyle& style : kCallStyles) {
    Json messages = question;
    messages.push_back({{"role", "assistant"}, {"content", ""}, {"tool_calls", {call}}});
    messages.push_back(
        {{"role", "tool"}, {"content", kResult}, {"name", kTool}, {"tool_call_id", id}});
    for (Json& message : messages) Style(message, style);
    const auto shown = render(messages, nullptr);
    if (!shown || shown->find(kResult) == shown->npos) continue;
    const ToolFormat* format = FormatOf(*shown, *before);
    if (format == nullptr) continue;
    out.format = format;
    out.prints_calls = true;
    out.short_ids = style.short_ids;
    out.arguments_as_text = style.arguments_as_text;
    out.null_content = style.null_content;
    return;
  }
}

/// For templates that do not print calls: what else tells the format.
const ToolFormat* GuessFormat(std::string_view source, const Tokenizer& tokenizer) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 7> kHints = {{
      {"<|channel|>", "harmony"},
      {"<｜tool▁calls▁begin｜>", "deepseek"},
      {"[ARGS]", "mistral"},
      {"[TOOL_CALLS]", "mistral-list"},
      {"<|python_tag|>", "llama3"},
      {"<tool_call>", "hermes"},
      {"<start_of_turn>", "gemma"},
  }};
  for (const auto& [mark, name] : kHints) {
    if (source.find(mark) != source.npos || tokenizer.FindToken(mark)) return FindToolFormat(name);
  }
  return &GenericToolFormat();
}

std::string Description(const Json& tools, const ToolFormat& format) {
  std::string text =
      "You can call functions to help with what the user asks. They are described here, one on "
      "each "
      "line:\n<tools>\n";
  for (const Json& tool : tools) text += tool.dump() + "\n";
  constexpr std::array<WrittenCall, 1> kExample = {
      {{"name-of-the-function", R"({"name-of-a-parameter": "its value"})"}}};
  return text +
         "</tools>\n\nTo call a function, write its name and its arguments as JSON, exactly in "
         "this "
         "form:\n" +
         SpellCalls(format, kExample) +
         "\n\nWhat it returns comes back between <tool_response> and </tool_response>. When no "
         "function is needed, answer in plain text.";
}

/// Puts `text` where the model reads it first.
void AddInstructions(Json& messages, const std::string& text, bool takes_system) {
  const std::string role = takes_system ? "system" : "user";
  for (Json& message : messages) {
    if (message["role"] != role || !message["content"].is_string()) continue;
    const auto content = message["content"].get<std::string>();
    message["content"] = content.empty() ? text
                         : takes_system  ? content + "\n\n" + text
                                         : text + "\n\n" + content;
    return;
  }
  messages.insert(messages.begin(), Json{{"role", role}, {"content", text}});
}

void SpellOut(Json& message, const ToolFormat& format) {
  const Json calls = message["tool_calls"];
  std::vector<WrittenCall> written;
  for (const Json& call : calls) {
    const Json& function = call["function"];
    written.push_back({function["name"].get_ref<const std::string&>(),
                       function["arguments"].get_ref<const std::string&>()});
  }
  std::string text = message["content"].is_string() ? message["content"].get<std::string>() : "";
  if (!text.empty()) text += '\n';
  message["content"] = text + SpellCalls(format, written);
  message.erase("tool_calls");
}

/// Calls and their results as plain messages; results in a row become one message.
Json SpellOutAll(const Json& messages, const ToolFormat& format) {
  Json out = Json::array();
  bool in_results = false;
  for (Json message : messages) {
    if (message["role"] != "tool") {
      if (message.contains("tool_calls")) SpellOut(message, format);
      out.push_back(std::move(message));
      in_results = false;
      continue;
    }
    const std::string result =
        "<tool_response>\n" + message["content"].get<std::string>() + "\n</tool_response>";
    if (in_results) {
      out.back()["content"] = out.back()["content"].get<std::string>() + "\n" + result;
    } else {
      out.push_back(UserMessage(result));
    }
    in_results = true;
  }
  return out;
}

}  // namespace

ToolTemplate InspectTemplate(const RenderFunction& render, std::string_view source,
                             const Tokenizer& tokenizer) {
  ToolTemplate out;
  out.format = GuessFormat(source, tokenizer);
  InspectCalls(render, out);
  const Json tool = {{"type", "function"},
                     {"function",
                      {{"name", kTool},
                       {"description", ""},
                       {"parameters", {{"type", "object"}, {"properties", Json::object()}}}}}};
  const auto with_tool = render(Json::array({UserMessage(kQuestion)}), Json::array({tool}));
  out.prints_tools = with_tool && with_tool->find(kTool) != with_tool->npos;
  const auto with_system = render(
      Json::array({{{"role", "system"}, {"content", kRules}}, UserMessage(kQuestion)}), nullptr);
  out.takes_system = with_system && with_system->find(kRules) != with_system->npos;
  for (const ReasoningMarks& marks : AllReasoningMarks()) {
    const bool printed =
        source.find(marks.open) != source.npos || source.find(marks.close) != source.npos;
    const bool tokens = tokenizer.FindToken(marks.open) && tokenizer.FindToken(marks.close);
    if (!out.reasoning && (printed || tokens)) out.reasoning = marks;
  }
  return out;
}

ToolPrompt PrepareToolPrompt(Json messages, Json tools, const ToolTemplate& use) {
  if (use.prints_calls) {
    const CallStyle style{use.short_ids, use.arguments_as_text, use.null_content};
    for (Json& message : messages) Style(message, style);
  } else {
    messages = SpellOutAll(messages, *use.format);
  }
  if (!tools.empty() && !use.prints_tools) {
    AddInstructions(messages, Description(tools, *use.format), use.takes_system);
    tools = nullptr;
  }
  if (tools.empty()) tools = nullptr;
  return {std::move(messages), std::move(tools)};
}

bool BeginsReasoning(std::string_view prompt, const ReasoningMarks& marks) {
  const size_t last = prompt.find_last_not_of(" \n\r\t");
  return last != prompt.npos && prompt.substr(0, last + 1).ends_with(marks.open);
}

}  // namespace dure::text
