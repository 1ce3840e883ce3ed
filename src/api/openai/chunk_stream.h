// A streamed answer as OpenAI sends one: chunks, then the usage where it was asked for, then
// [DONE].
#pragma once

#include <memory>
#include <utility>

#include "api/completion_answer.h"
#include "api/openai/completion_json.h"

namespace dure::api {

/// How an answer of OpenAI's routes is made.
struct AnswerSettings {
  CompletionIdentity identity;
  int choices = 1;
  bool with_logprobs = false;
  bool with_tools = false;         // the answer may hold calls
  bool functions = false;          // which go by their older name
  bool include_usage = false;      // streams
  size_t max_coalesced_bytes = 0;  // streams
  std::shared_ptr<Ticket> ticket;  // held to the end
};

class ChunkStream : public StreamedAnswer {
 protected:
  ChunkStream(std::shared_ptr<net::ResponseWriter> writer, AnswerSettings settings)
      : StreamedAnswer(std::move(writer), settings.ticket, settings.max_coalesced_bytes),
        settings_(std::move(settings)) {}

  net::WriteResult SendChunk(const Json& chunk);
  net::WriteResult SendLast(const providers::ChatUsage& usage) override;
  /// The chunk after the last choice's end: no choices, but the usage.
  virtual Json UsageChunk(const providers::ChatUsage& usage) const = 0;

  const AnswerSettings settings_;

 private:
  bool usage_sent_ = false;
};

}  // namespace dure::api
