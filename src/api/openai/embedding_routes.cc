// POST /v1/embeddings: texts as vectors.
#include <bit>
#include <charconv>
#include <cstring>
#include <string>
#include <utility>

#include "api/completion_answer.h"
#include "api/openai/embedding_request.h"
#include "api/openai/text_answer.h"
#include "api/service.h"

namespace dure::api {

namespace {

static_assert(std::endian::native == std::endian::little, "vectors travel as they lie in memory");

/// RFC 4648, section 4.
void AppendBase64(std::string& out, const std::vector<float>& vector) {
  constexpr char kLetters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string bytes(vector.size() * sizeof(float), '\0');
  std::memcpy(bytes.data(), vector.data(), bytes.size());
  for (size_t i = 0; i < bytes.size(); i += 3) {
    uint32_t bits = 0;
    for (size_t k = 0; k < 3; ++k) {
      bits = bits << 8 | (i + k < bytes.size() ? static_cast<unsigned char>(bytes[i + k]) : 0u);
    }
    for (size_t k = 0; k < 4; ++k) {
      out += i + k <= bytes.size() ? kLetters[bits >> (18 - 6 * k) & 63] : '=';
    }
  }
}

/// The shortest decimals that give the same floats again.
void AppendNumbers(std::string& out, const std::vector<float>& vector) {
  char number[32];
  out += '[';
  for (const float value : vector) {
    const auto [end, error] = std::to_chars(number, number + sizeof number, value);
    out.append(number, end);
    out += ',';
  }
  out.back() = ']';
}

/// Written by hand: a thousand vectors as a tree of JSON values would take far more time and
/// memory than the vectors.
std::string AnswerJson(const providers::Embeddings& embeddings, const std::string& model,
                       bool base64) {
  std::string out = R"({"object":"list","data":[)";
  for (size_t i = 0; i < embeddings.vectors.size(); ++i) {
    if (i > 0) out += ',';
    out += R"({"object":"embedding","index":)" + std::to_string(i) + R"(,"embedding":)";
    if (base64) {
      out += '"';
      AppendBase64(out, embeddings.vectors[i]);
      out += '"';
    } else {
      AppendNumbers(out, embeddings.vectors[i]);
    }
    out += '}';
  }
  const Json usage = {{"prompt_tokens", embeddings.prompt_tokens},
                      {"total_tokens", embeddings.prompt_tokens}};
  return out + R"(],"model":)" + DumpJson(model) + R"(,"usage":)" + DumpJson(usage) + "}";
}

class EmbeddingAnswer : public WatchedAnswer {
 public:
  EmbeddingAnswer(const Call& call, std::string model, bool base64)
      : WatchedAnswer(call.writer, call.ticket), model_(std::move(model)), base64_(base64) {}

  void Done(const Result<providers::Embeddings>& embeddings) {
    if (!embeddings) return Reject(FromTextError(embeddings.error(), "input"));
    ticket_->SetUsage(embeddings->prompt_tokens, 0, 0);
    writer_->Send(net::Response{
        200, {{"Content-Type", "application/json"}}, AnswerJson(*embeddings, model_, base64_)});
  }

 private:
  const std::string model_;
  const bool base64_;
};

void Embed(const Service& service, const Call& call) {
  auto body = ParseEmbeddingBody(call.request.body, service.embedding_limits);
  if (!body) return call.Send(body.error());
  providers::EmbeddingRequest& request = body->request;
  call.ticket->SetModel(request.model, false);
  if (const auto reason =
          WhyNotUsable(service, call.caller, request.model, providers::ModelKind::kEmbedding)) {
    return call.Send(*reason);
  }
  request.tenant = call.caller.account_id;
  const auto answer = std::make_shared<EmbeddingAnswer>(call, request.model, body->base64);
  answer->Watch();
  auto running = service.provider->Embed(
      request, [answer](const Result<providers::Embeddings>& done) { answer->Done(done); });
  if (!running) return answer->Reject(FromTextError(running.error(), "input"));
  answer->Attach(std::move(*running));
}

}  // namespace

void AddEmbeddingRoutes(Routes& routes) {
  routes.Add("POST", "/v1/embeddings", net::RunOn::kWorker, Rule::kInference, Embed);
}

}  // namespace dure::api
