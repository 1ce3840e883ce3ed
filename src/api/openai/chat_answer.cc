#include "api/openai/chat_answer.h"

#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/openai/chat_json.h"
#include "api/service.h"

namespace dure::api {

namespace {

using net::WriteResult;
using providers::ChatDelta;
using providers::ChatUsage;
using providers::ChoiceEnd;
using providers::FinishReason;
using providers::TokenInfo;
using providers::ToolCallDelta;

class WholeChat : public CompletionAnswer {
 public:
  WholeChat(std::shared_ptr<net::ResponseWriter> writer, AnswerSettings settings)
      : CompletionAnswer(std::move(writer), settings.ticket),
        settings_(std::move(settings)),
        results_(static_cast<size_t>(settings_.choices)) {}

  void OnDelta(ChatDelta delta) override {
    ChoiceResult& result = results_[static_cast<size_t>(delta.choice)];
    result.text += delta.text;
    result.reasoning += delta.reasoning;
    for (const ToolCallDelta& call : delta.tool_calls) {
      const auto index = static_cast<size_t>(call.index);
      if (result.calls.size() <= index) result.calls.resize(index + 1);
      result.calls[index].id += call.id;
      result.calls[index].name += call.name;
      result.calls[index].arguments += call.arguments;
    }
    for (TokenInfo& token : delta.tokens) result.tokens.push_back(std::move(token));
  }
  void OnChoiceEnd(int choice, const ChoiceEnd& end) override {
    results_[static_cast<size_t>(choice)].reason = end.reason;
  }
  void OnEnd(const Result<ChatUsage>& usage) override {
    if (!usage) return Reject(FromProviderError(usage.error()));
    writer_->Send(JsonResponse(CompletionJson(settings_.identity, results_, settings_.with_logprobs,
                                              settings_.functions, *usage)));
  }

 private:
  const AnswerSettings settings_;
  std::vector<ChoiceResult> results_;  // sink calls come one at a time
};

class StreamedChat : public ChunkStream {
 public:
  StreamedChat(std::shared_ptr<net::ResponseWriter> writer, AnswerSettings settings)
      : ChunkStream(std::move(writer), std::move(settings)),
        choices_(static_cast<size_t>(settings_.choices)) {}

  void OnDelta(ChatDelta delta) override;
  void OnChoiceEnd(int choice, const ChoiceEnd& end) override;

 protected:
  WriteResult SendNews() override;
  Json UsageChunk(const ChatUsage& usage) const override {
    return UsageChunkJson(settings_.identity, usage);
  }

 private:
  // What one chunk holds: one of these.
  struct News {
    enum class Kind { kReasoning, kText, kCall, kArguments };
    Kind kind = Kind::kText;
    std::string text;               // of arguments, too
    std::vector<TokenInfo> tokens;  // of that text
    ToolCallDelta call;             // its index, and with kCall its id and name
  };
  struct Choice {
    std::deque<News> news;  // not yet sent
    std::optional<FinishReason> end;
    bool role_sent = false;
    bool end_sent = false;
  };

  void Add(Choice& choice, News news);
  Json DeltaJson(const News& news) const;
  WriteResult SendChoice(int index, Choice& choice);
  WriteResult SendDelta(int choice, Json delta, Json logprobs, std::optional<FinishReason> reason);

  std::vector<Choice> choices_;
};

/// Joined to what waits, where one chunk can say both.
void StreamedChat::Add(Choice& choice, News news) {
  if (!choice.news.empty() && choice.news.back().kind == news.kind &&
      news.kind != News::Kind::kCall && choice.news.back().call.index == news.call.index) {
    News& last = choice.news.back();
    last.text += news.text;
    for (TokenInfo& token : news.tokens) last.tokens.push_back(std::move(token));
  } else {
    choice.news.push_back(std::move(news));
  }
}

void StreamedChat::OnDelta(ChatDelta delta) {
  size_t bytes = delta.text.size() + delta.reasoning.size() + TokensBytes(delta.tokens);
  for (const ToolCallDelta& call : delta.tool_calls) bytes += 100 + call.arguments.size();
  Take(bytes, [&] {
    using Kind = News::Kind;
    Choice& choice = choices_[static_cast<size_t>(delta.choice)];
    const auto add = [&](Kind kind, std::string text, ToolCallDelta call) {
      // Log-probabilities go with the first news.
      Add(choice, {kind, std::move(text), std::exchange(delta.tokens, {}), std::move(call)});
    };
    if (!delta.reasoning.empty()) add(Kind::kReasoning, std::move(delta.reasoning), {});
    if (!delta.text.empty()) add(Kind::kText, std::move(delta.text), {});
    for (ToolCallDelta& call : delta.tool_calls) {
      if (!call.id.empty()) add(Kind::kCall, "", {call.index, call.id, call.name, ""});
      if (!call.arguments.empty()) add(Kind::kArguments, call.arguments, {call.index, "", "", ""});
    }
    if (!delta.tokens.empty()) add(Kind::kText, "", {});
  });
}

Json StreamedChat::DeltaJson(const News& news) const {
  switch (news.kind) {
    case News::Kind::kText:
      return {{"content", news.text}};
    case News::Kind::kReasoning:
      return {{"reasoning_content", news.text}};
    case News::Kind::kCall:
    case News::Kind::kArguments:
      break;
  }
  const bool begins = news.kind == News::Kind::kCall;
  Json function = Json::object();
  if (begins) function["name"] = news.call.name;
  function["arguments"] = news.text;
  if (settings_.functions) return {{"function_call", std::move(function)}};
  Json call = {{"index", news.call.index}};
  if (begins) {
    call["id"] = news.call.id;
    call["type"] = "function";
  }
  call["function"] = std::move(function);
  return {{"tool_calls", Json::array({std::move(call)})}};
}

void StreamedChat::OnChoiceEnd(int choice, const ChoiceEnd& end) {
  Take(0, [&] { choices_[static_cast<size_t>(choice)].end = end.reason; });
}

WriteResult StreamedChat::SendNews() {
  for (size_t i = 0; i < choices_.size(); ++i) {
    const WriteResult result = SendChoice(static_cast<int>(i), choices_[i]);
    if (result != WriteResult::kAccepted) return result;
  }
  return WriteResult::kAccepted;
}

WriteResult StreamedChat::SendChoice(int index, Choice& choice) {
  if (!choice.role_sent) {
    const Json content = settings_.with_tools ? Json() : Json("");
    const WriteResult result = SendDelta(
        index, {{"role", "assistant"}, {"content", content}, {"refusal", nullptr}}, nullptr, {});
    if (result != WriteResult::kAccepted) return result;
    choice.role_sent = true;
  }
  while (!choice.news.empty()) {
    const News& news = choice.news.front();
    const WriteResult result = SendDelta(index, DeltaJson(news), LogprobsJson(news.tokens), {});
    if (result != WriteResult::kAccepted) return result;
    choice.news.pop_front();
  }
  if (choice.end && !choice.end_sent) {
    const WriteResult result = SendDelta(index, Json::object(), nullptr, choice.end);
    if (result != WriteResult::kAccepted) return result;
    choice.end_sent = true;
  }
  return WriteResult::kAccepted;
}

WriteResult StreamedChat::SendDelta(int choice, Json delta, Json logprobs,
                                    std::optional<FinishReason> reason) {
  std::optional<std::string_view> name;
  if (reason) name = ReasonName(*reason, settings_.functions);
  return SendChunk(ChunkJson(settings_.identity, choice, std::move(delta), std::move(logprobs),
                             name, settings_.include_usage));
}

}  // namespace

std::shared_ptr<CompletionAnswer> MakeChatAnswer(std::shared_ptr<net::ResponseWriter> writer,
                                                 bool stream, AnswerSettings settings) {
  if (stream) return std::make_shared<StreamedChat>(std::move(writer), std::move(settings));
  return std::make_shared<WholeChat>(std::move(writer), std::move(settings));
}

}  // namespace dure::api
