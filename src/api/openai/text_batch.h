// Several prompts of one request, answered as one completion.
#pragma once

#include <memory>
#include <vector>

#include "providers/provider.h"

namespace dure::api {

/// requests: at least one, each with as many choices. The sink sees one completion: the choices of
/// request i have the indexes i * choices and on, the usage is the sum, and the first error ends
/// all. Errors: those of Provider::CompleteText for the first request; the others' reach OnEnd.
Result<std::shared_ptr<providers::Completion>> CompleteTexts(
    providers::Provider& provider, const std::vector<providers::TextRequest>& requests,
    std::shared_ptr<providers::ChatSink> sink);

}  // namespace dure::api
