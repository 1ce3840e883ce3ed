// Texts continued as they stand, by a local engine. Private to providers/.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "providers/model_pool.h"
#include "providers/provider.h"

namespace dure::providers {

/// Control tokens that a prompt spells count as such (whoever writes raw prompts wants that); with
/// a suffix they are text, since code speaks of them. Errors: as Provider::CompleteText.
Result<std::shared_ptr<Completion>> StartText(const std::shared_ptr<ModelPool::Use>& use,
                                              const TextRequest& request,
                                              const std::function<uint64_t()>& random_seed,
                                              std::shared_ptr<ChatSink> sink);

}  // namespace dure::providers
