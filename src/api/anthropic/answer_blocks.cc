#include "api/anthropic/answer_blocks.h"

#include <algorithm>

namespace dure::api {

namespace {

using Kind = AnswerBlock::Kind;
using providers::FinishReason;

AnswerBlock& Open(Kind kind, std::vector<AnswerBlock>& blocks) {
  if (blocks.empty() || blocks.back().kind != kind) blocks.push_back({kind, 0, "", "", ""});
  return blocks.back();
}

void AppendCall(const providers::ToolCallDelta& piece, std::vector<AnswerBlock>& blocks) {
  const bool goes_on =
      !blocks.empty() && blocks.back().kind == Kind::kToolUse && blocks.back().call == piece.index;
  if (!goes_on) blocks.push_back({Kind::kToolUse, piece.index, piece.id, piece.name, ""});
  blocks.back().text += piece.arguments;
}

/// Discarded for text that is no object.
Json InputOf(const AnswerBlock& block) {
  if (block.text.empty()) return Json::object();
  Json input = Json::parse(block.text, nullptr, /*allow_exceptions=*/false);
  return input.is_object() ? input : Json(Json::value_t::discarded);
}

const char* StopReason(const providers::ChoiceEnd& end, const providers::ChatUsage& usage,
                       int max_tokens) {
  switch (end.reason) {
    case FinishReason::kToolCalls:
      return "tool_use";
    case FinishReason::kLength:
      return usage.completion_tokens < max_tokens ? "model_context_window_exceeded" : "max_tokens";
    case FinishReason::kStop:
      break;
  }
  return end.stop_match ? "stop_sequence" : "end_turn";
}

}  // namespace

void AppendToBlocks(providers::ChatDelta& delta, std::vector<AnswerBlock>& blocks) {
  if (!delta.reasoning.empty()) Open(Kind::kThinking, blocks).text += delta.reasoning;
  if (!delta.text.empty()) Open(Kind::kText, blocks).text += delta.text;
  for (const auto& piece : delta.tool_calls) AppendCall(piece, blocks);
}

Json BlockStartJson(const AnswerBlock& block) {
  switch (block.kind) {
    case Kind::kThinking:
      return {{"type", "thinking"}, {"thinking", ""}, {"signature", ""}};
    case Kind::kToolUse:
      return {
          {"type", "tool_use"}, {"id", block.id}, {"name", block.name}, {"input", Json::object()}};
    case Kind::kText:
      break;
  }
  return {{"type", "text"}, {"text", ""}};
}

Json BlockDeltaJson(const AnswerBlock& block) {
  switch (block.kind) {
    case Kind::kThinking:
      return {{"type", "thinking_delta"}, {"thinking", block.text}};
    case Kind::kToolUse:
      return {{"type", "input_json_delta"}, {"partial_json", block.text}};
    case Kind::kText:
      break;
  }
  return {{"type", "text_delta"}, {"text", block.text}};
}

ApiResult<Json> ContentJson(const std::vector<AnswerBlock>& blocks, FinishReason reason) {
  Json content = Json::array();
  for (const AnswerBlock& block : blocks) {
    Json out = BlockStartJson(block);
    if (block.kind == Kind::kThinking) {
      out["thinking"] = block.text;
    } else if (block.kind == Kind::kText) {
      out["text"] = block.text;
    } else {
      Json input = InputOf(block);
      if (input.is_discarded() && reason == FinishReason::kLength) continue;
      if (input.is_discarded()) {
        return Refuse(
            "internal_error",
            "the model called '" + block.name + "' with arguments that are no JSON object", "");
      }
      out["input"] = std::move(input);
    }
    content.push_back(std::move(out));
  }
  return content;
}

Json StopJson(const providers::ChoiceEnd& end, const providers::ChatUsage& usage, int max_tokens) {
  return {{"stop_reason", StopReason(end, usage, max_tokens)},
          {"stop_sequence", end.stop_match ? Json(*end.stop_match) : Json()}};
}

Json AnthropicUsageJson(const providers::ChatUsage& usage) {
  return {{"input_tokens", usage.prompt_tokens - usage.cached_tokens},
          {"cache_creation_input_tokens", 0},
          {"cache_read_input_tokens", usage.cached_tokens},
          {"output_tokens", usage.completion_tokens}};
}

}  // namespace dure::api
