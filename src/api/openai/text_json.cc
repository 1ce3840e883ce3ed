#include "api/openai/text_json.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "text/unicode.h"

namespace dure::api {

namespace {

bool IsContinuation(char byte) { return (static_cast<unsigned char>(byte) & 0xC0) == 0x80; }

std::string Spelling(const std::string& bytes) {
  if (text::ReplaceInvalidUtf8(bytes) == bytes) return bytes;
  constexpr char kDigits[] = "0123456789abcdef";
  std::string out = "bytes:";
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    out += {'\\', 'x', kDigits[byte >> 4], kDigits[byte & 15]};
  }
  return out;
}

/// The best candidates and the chosen token: one more where it is none of them.
Json Candidates(const providers::TokenInfo& token) {
  Json out = Json::object();
  for (const providers::TokenLogprob& one : token.top) {
    // Two tokens may be spelled alike: the likelier one counts.
    out.emplace(Spelling(one.bytes), JsonLogprob(one.logprob));
  }
  out.emplace(Spelling(token.chosen.bytes), JsonLogprob(token.chosen.logprob));
  return out;
}

}  // namespace

Json TextLogprobs::Next(const std::vector<providers::TokenInfo>& tokens) {
  Json spelled = Json::array();
  Json chosen = Json::array();
  Json top = Json::array();
  Json offsets = Json::array();
  for (const providers::TokenInfo& token : tokens) {
    const std::string& bytes = token.chosen.bytes;
    const bool inside = !bytes.empty() && IsContinuation(bytes.front()) && characters_ > 0;
    offsets.push_back(inside ? characters_ - 1 : characters_);
    characters_ += static_cast<size_t>(
        std::count_if(bytes.begin(), bytes.end(), [](char c) { return !IsContinuation(c); }));
    spelled.push_back(Spelling(bytes));
    const bool known = !std::isnan(token.chosen.logprob);
    chosen.push_back(known ? Json(JsonLogprob(token.chosen.logprob)) : Json());
    top.push_back(known ? Candidates(token) : Json());
  }
  return {{"tokens", std::move(spelled)},
          {"token_logprobs", std::move(chosen)},
          {"top_logprobs", std::move(top)},
          {"text_offset", std::move(offsets)}};
}

Json TextChoiceJson(int index, const std::string& text, Json logprobs,
                    std::optional<providers::FinishReason> reason) {
  Json out = {{"text", text}, {"index", index}, {"logprobs", std::move(logprobs)}};
  const bool cut = reason == providers::FinishReason::kLength;
  out["finish_reason"] = reason ? Json(cut ? "length" : "stop") : Json();
  return out;
}

Json TextCompletionJson(const CompletionIdentity& identity, Json choices) {
  Json out = IdentityJson(identity, "text_completion");
  out["choices"] = std::move(choices);
  return out;
}

}  // namespace dure::api
