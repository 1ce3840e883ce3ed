#include "api/openai/chat_json.h"

#include <string_view>
#include <utility>

namespace dure::api {

namespace {

Json TokenJson(const providers::TokenLogprob& token) {
  Json bytes = Json::array();
  for (const char c : token.bytes) bytes.push_back(static_cast<unsigned char>(c));
  return {
      {"token", token.bytes}, {"logprob", JsonLogprob(token.logprob)}, {"bytes", std::move(bytes)}};
}

Json MessageJson(const ChoiceResult& choice, bool functions) {
  Json message = {{"role", "assistant"}, {"content", choice.text}, {"refusal", nullptr}};
  if (!choice.reasoning.empty()) message["reasoning_content"] = choice.reasoning;
  if (choice.calls.empty()) return message;
  if (choice.text.empty()) message["content"] = nullptr;
  for (const providers::ToolCall& call : choice.calls) {
    Json function = {{"name", call.name}, {"arguments", call.arguments}};
    if (functions) {
      message["function_call"] = std::move(function);
    } else {
      message["tool_calls"].push_back(
          {{"id", call.id}, {"type", "function"}, {"function", std::move(function)}});
    }
  }
  return message;
}

}  // namespace

std::string_view ReasonName(providers::FinishReason reason, bool functions) {
  switch (reason) {
    case providers::FinishReason::kLength:
      return "length";
    case providers::FinishReason::kToolCalls:
      return functions ? "function_call" : "tool_calls";
    case providers::FinishReason::kStop:
      break;
  }
  return "stop";
}

Json LogprobsJson(const std::vector<providers::TokenInfo>& tokens) {
  if (tokens.empty()) return nullptr;
  Json content = Json::array();
  for (const providers::TokenInfo& token : tokens) {
    Json entry = TokenJson(token.chosen);
    entry["top_logprobs"] = Json::array();
    for (const auto& candidate : token.top) entry["top_logprobs"].push_back(TokenJson(candidate));
    content.push_back(std::move(entry));
  }
  return {{"content", std::move(content)}, {"refusal", nullptr}};
}

Json CompletionJson(const CompletionIdentity& identity, const std::vector<ChoiceResult>& choices,
                    bool with_logprobs, bool functions, const providers::ChatUsage& usage) {
  Json out = IdentityJson(identity, "chat.completion");
  out["choices"] = Json::array();
  for (const ChoiceResult& choice : choices) {
    Json logprobs;
    if (with_logprobs) {
      logprobs = LogprobsJson(choice.tokens);
      if (logprobs.is_null()) logprobs = {{"content", Json::array()}, {"refusal", nullptr}};
    }
    out["choices"].push_back({{"index", out["choices"].size()},
                              {"message", MessageJson(choice, functions)},
                              {"logprobs", std::move(logprobs)},
                              {"finish_reason", ReasonName(choice.reason, functions)}});
  }
  out["usage"] = UsageJson(usage);
  return out;
}

Json ChunkJson(const CompletionIdentity& identity, int choice, Json delta, Json logprobs,
               std::optional<std::string_view> reason, bool usage_null) {
  Json out = IdentityJson(identity, "chat.completion.chunk");
  Json one = {{"index", choice}, {"delta", std::move(delta)}, {"logprobs", std::move(logprobs)}};
  one["finish_reason"] = reason ? Json(*reason) : Json();
  out["choices"] = Json::array({std::move(one)});
  if (usage_null) out["usage"] = nullptr;
  return out;
}

Json UsageChunkJson(const CompletionIdentity& identity, const providers::ChatUsage& usage) {
  Json out = IdentityJson(identity, "chat.completion.chunk");
  out["choices"] = Json::array();
  out["usage"] = UsageJson(usage);
  return out;
}

}  // namespace dure::api
