// The way of a request from bytes to a checked value, without sockets: HTTP parsing in two halves,
// access, routing, the page's answer, and the chat body's JSON and parameters. Whatever the bytes
// are: an answer or an error, never a crash.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "api/app/pages.h"
#include "api/openai/chat_request.h"
#include "net/access.h"
#include "net/request_reader.h"
#include "net/router.h"

namespace {

using dure::net::Request;
using dure::net::RequestReader;

// Feeds as a connection would: what is not taken comes again with more behind it.
void Feed(RequestReader& reader, std::string_view first, std::string_view second) {
  std::string pending(first);
  bool more = true;
  for (;;) {
    const size_t taken = reader.Feed(pending);
    pending.erase(0, taken);
    if (reader.state() == RequestReader::State::kComplete ||
        reader.state() == RequestReader::State::kFailed) {
      return;
    }
    if (taken > 0 && !pending.empty()) continue;
    if (!more) return;
    pending += second;
    more = false;
  }
}

dure::net::Router MakeRouter() {
  dure::net::Router router;
  const auto nothing = [](const Request&, const std::shared_ptr<dure::net::ResponseWriter>&) {};
  for (const char* path : {"/v1/models", "/v1/models/{id...}", "/v1/chat/completions", "/"}) {
    router.Add("GET", path, dure::net::RunOn::kIoThread, nothing);
  }
  return router;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const dure::net::Router router = MakeRouter();
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const size_t cut = bytes.size() * data[0] / 256;

  dure::net::RequestLimits limits;
  limits.max_body_bytes = 64 << 10;
  RequestReader reader(limits);
  Feed(reader, bytes.substr(0, cut), bytes.substr(cut));
  if (reader.state() != RequestReader::State::kComplete) {
    // Bodies alone are worth trying too: most inputs are no whole request.
    (void)dure::api::ParseChatBody(bytes);
    return 0;
  }
  Request request = reader.TakeRequest();
  (void)dure::net::CheckAccess(request, {});
  (void)router.Find(request);
  (void)dure::api::ServePage(request, dure::api::app::Assets());
  (void)dure::api::ParseChatBody(request.body);
  return 0;
}
