// What OpenAI's JSON shapes of chats and of continued texts have in common.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "api/json_body.h"
#include "providers/provider.h"

namespace dure::api {

/// What all chunks of one answer have in common.
struct CompletionIdentity {
  std::string id;  // "chatcmpl-...", "cmpl-..."
  int64_t created = 0;
  std::string model;
  std::string system_fingerprint;
};

/// The members above, with the object's kind.
Json IdentityJson(const CompletionIdentity& identity, std::string_view object);

Json UsageJson(const providers::ChatUsage& usage);

/// A number JSON can hold: -9999 where the probability is too small to tell.
double JsonLogprob(float logprob);

}  // namespace dure::api
