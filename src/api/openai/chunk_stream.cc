#include "api/openai/chunk_stream.h"

#include "api/service.h"
#include "net/sse.h"

namespace dure::api {

using net::WriteResult;

WriteResult ChunkStream::SendChunk(const Json& chunk) {
  return writer_->Write(net::SseEvent(DumpJson(chunk)));
}

WriteResult ChunkStream::SendLast(const providers::ChatUsage& usage) {
  if (settings_.include_usage && !usage_sent_) {
    const WriteResult result = SendChunk(UsageChunk(usage));
    if (result != WriteResult::kAccepted) return result;
    usage_sent_ = true;
  }
  return writer_->Write(net::SseEvent("[DONE]"));
}

}  // namespace dure::api
