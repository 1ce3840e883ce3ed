// What a provider answers to what it cannot do.
#include "providers/provider.h"

namespace dure::providers {

Result<std::shared_ptr<Completion>> Provider::CompleteText(const TextRequest& request,
                                                           std::shared_ptr<ChatSink>) {
  return Fail(ErrorCode::kUnsupported, "'" + request.model + "' cannot continue a plain text");
}

Result<std::shared_ptr<Completion>> Provider::Embed(const EmbeddingRequest& request,
                                                    std::function<void(Result<Embeddings>)>) {
  return Fail(ErrorCode::kUnsupported, "'" + request.model + "' is no model for embeddings");
}

void Provider::WithText(const std::string& model,
                        std::function<void(Result<std::shared_ptr<const ModelText>>)> ready) {
  ready(Fail(ErrorCode::kUnsupported, "how '" + model + "' reads text is not known here"));
}

}  // namespace dure::providers
