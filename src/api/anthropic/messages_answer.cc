#include "api/anthropic/messages_answer.h"

#include <utility>
#include <vector>

#include "api/anthropic/answer_blocks.h"
#include "api/anthropic/errors.h"
#include "api/service.h"
#include "net/sse.h"

namespace dure::api {

namespace {

using net::WriteResult;
using providers::ChatDelta;
using providers::ChatUsage;
using providers::ChoiceEnd;

Json MessageJson(const MessagesAnswerSettings& settings, Json content, Json stop, Json usage) {
  Json out = {{"id", settings.id},
              {"type", "message"},
              {"role", "assistant"},
              {"model", settings.model},
              {"content", std::move(content)}};
  out.update(stop);
  out["usage"] = std::move(usage);
  return out;
}

class WholeMessage : public CompletionAnswer {
 public:
  WholeMessage(std::shared_ptr<net::ResponseWriter> writer, MessagesAnswerSettings settings)
      : CompletionAnswer(std::move(writer), settings.ticket), settings_(std::move(settings)) {}

  void OnDelta(ChatDelta delta) override { AppendToBlocks(delta, blocks_); }
  void OnChoiceEnd(int, const ChoiceEnd& end) override { choice_end_ = end; }
  void OnEnd(const Result<ChatUsage>& usage) override {
    if (!usage) return Reject(FromProviderError(usage.error()));
    auto content = ContentJson(blocks_, choice_end_.reason);
    if (!content) return Reject(content.error());
    writer_->Send(JsonResponse(MessageJson(settings_, std::move(*content),
                                           StopJson(choice_end_, *usage, settings_.max_tokens),
                                           AnthropicUsageJson(*usage))));
  }
  void Reject(const ApiError& error) override { writer_->Send(AnthropicErrorResponse(error)); }

 private:
  const MessagesAnswerSettings settings_;
  std::vector<AnswerBlock> blocks_;  // sink calls come one at a time
  ChoiceEnd choice_end_;
};

class StreamedMessage : public StreamedAnswer {
 public:
  StreamedMessage(std::shared_ptr<net::ResponseWriter> writer, MessagesAnswerSettings settings)
      : StreamedAnswer(std::move(writer), settings.ticket, settings.max_coalesced_bytes),
        settings_(std::move(settings)) {}

  void OnDelta(ChatDelta delta) override {
    size_t bytes = delta.text.size() + delta.reasoning.size();
    for (const auto& piece : delta.tool_calls) bytes += piece.arguments.size();
    Take(bytes, [&] { AppendToBlocks(delta, blocks_); });
  }
  void OnChoiceEnd(int, const ChoiceEnd& end) override {
    Take(0, [&] { choice_end_ = end; });
  }
  void Reject(const ApiError& error) override { writer_->Send(AnthropicErrorResponse(error)); }

 protected:
  WriteResult SendNews() override;
  WriteResult SendLast(const ChatUsage& usage) override;
  WriteResult SendError(const ApiError& error) override {
    return writer_->Write(net::SseEvent(AnthropicErrorJson(error), "error", ""));
  }

 private:
  /// Sends the event once: `done` says whether it was accepted before.
  WriteResult SendOnce(bool& done, Json event);
  WriteResult SendStart();
  WriteResult SendBlock(size_t index);

  const MessagesAnswerSettings settings_;
  std::vector<AnswerBlock> blocks_;  // their text: what is not sent yet
  std::optional<ChoiceEnd> choice_end_;
  size_t first_open_ = 0;  // blocks before it are sent to their end
  bool block_started_ = false;
  bool block_stopped_ = false;
  bool started_ = false;
  bool pinged_ = false;
  bool delta_sent_ = false;
  bool stopped_ = false;
};

WriteResult StreamedMessage::SendOnce(bool& done, Json event) {
  if (done) return WriteResult::kAccepted;
  const std::string name = event["type"];
  const WriteResult result = writer_->Write(net::SseEvent(DumpJson(event), name, ""));
  done = result == WriteResult::kAccepted;
  return result;
}

WriteResult StreamedMessage::SendStart() {
  // How many tokens the prompt has is known when it has been read; message_delta tells.
  const Json stop = {{"stop_reason", nullptr}, {"stop_sequence", nullptr}};
  const WriteResult result = SendOnce(
      started_, {{"type", "message_start"},
                 {"message", MessageJson(settings_, Json::array(), stop, AnthropicUsageJson({}))}});
  if (result != WriteResult::kAccepted) return result;
  return SendOnce(pinged_, {{"type", "ping"}});
}

WriteResult StreamedMessage::SendNews() {
  WriteResult result = SendStart();
  while (result == WriteResult::kAccepted && first_open_ < blocks_.size()) {
    result = SendBlock(first_open_);
    if (!block_stopped_) break;
    ++first_open_;
    block_started_ = block_stopped_ = false;
  }
  return result;
}

WriteResult StreamedMessage::SendBlock(size_t index) {
  AnswerBlock& block = blocks_[index];
  WriteResult result = SendOnce(block_started_, {{"type", "content_block_start"},
                                                 {"index", index},
                                                 {"content_block", BlockStartJson(block)}});
  if (result == WriteResult::kAccepted && !block.text.empty()) {
    bool sent = false;
    result = SendOnce(
        sent,
        {{"type", "content_block_delta"}, {"index", index}, {"delta", BlockDeltaJson(block)}});
    if (sent) block.text.clear();
  }
  const bool whole = index + 1 < blocks_.size() || choice_end_.has_value();
  if (result != WriteResult::kAccepted || !whole) return result;
  return SendOnce(block_stopped_, {{"type", "content_block_stop"}, {"index", index}});
}

WriteResult StreamedMessage::SendLast(const ChatUsage& usage) {
  const ChoiceEnd end = choice_end_.value_or(ChoiceEnd());
  const WriteResult result =
      SendOnce(delta_sent_, {{"type", "message_delta"},
                             {"delta", StopJson(end, usage, settings_.max_tokens)},
                             {"usage", AnthropicUsageJson(usage)}});
  if (result != WriteResult::kAccepted) return result;
  return SendOnce(stopped_, {{"type", "message_stop"}});
}

}  // namespace

std::shared_ptr<CompletionAnswer> MakeMessagesAnswer(std::shared_ptr<net::ResponseWriter> writer,
                                                     bool stream, MessagesAnswerSettings settings) {
  if (stream) return std::make_shared<StreamedMessage>(std::move(writer), std::move(settings));
  return std::make_shared<WholeMessage>(std::move(writer), std::move(settings));
}

}  // namespace dure::api
