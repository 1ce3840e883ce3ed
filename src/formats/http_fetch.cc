#include "formats/http_fetch.h"

#include <curl/curl.h>
#include <fmt/format.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string_view>
#include <thread>

#include "formats/message.h"

namespace dure::formats {
namespace {

struct CurlClose {
  void operator()(CURL* curl) const { curl_easy_cleanup(curl); }
};
struct ListFree {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};

std::string Lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

std::string_view Trimmed(std::string_view text) {
  const auto is_space = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; };
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

std::optional<uint64_t> Number(std::string_view text) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string HostOf(const std::string& url) {
  const size_t scheme = url.find("://");
  const size_t start = scheme == std::string::npos ? 0 : scheme + 3;
  std::string host = url.substr(start, url.find_first_of("/?#", start) - start);
  if (const size_t at = host.rfind('@'); at != std::string::npos) host.erase(0, at + 1);
  return host;
}

/// The headers of the answer being received; a redirect's answer is replaced by the next one.
struct Answer {
  std::string etag;
  std::optional<uint64_t> length;       // Content-Length
  std::optional<uint64_t> range_start;  // Content-Range
  std::optional<uint64_t> range_total;
};

/// One GET, from the part's end on.
class Attempt {
 public:
  Attempt(const HttpRequest& request, PartFile& part, const HttpSettings& settings,
          const FetchProgress& progress, HttpOutcome& outcome)
      : request_(request),
        part_(part),
        settings_(settings),
        progress_(progress),
        outcome_(outcome),
        curl_(curl_easy_init()) {}

  /// What went wrong; `retry` tells whether another attempt makes sense.
  Result<void> Run(bool& retry);

 private:
  void Configure();
  void AddHeaders();
  Result<void> Judge(CURLcode code, bool& retry);
  Result<void> JudgeStatus(long status, bool& retry);
  bool StartBody();
  size_t OnBody(const char* data, size_t size);
  void OnHeader(std::string_view line);
  bool OnTick();
  bool MayResume() const;
  uint64_t Limit() const { return request_.bytes.value_or(settings_.max_bytes); }
  uint64_t Total() const { return request_.bytes ? *request_.bytes : Announced(); }
  uint64_t Announced() const;  // by the server; 0: not known
  tl::unexpected<Error> Failure(ErrorCode code, const std::string& what) const {
    return Fail(code, fmt::format("{}: {}", HostOf(request_.url), what));
  }

  static size_t BodyCallback(char* data, size_t size, size_t count, void* self) {
    return static_cast<Attempt*>(self)->OnBody(data, size * count);
  }
  static size_t HeaderCallback(char* data, size_t size, size_t count, void* self) {
    static_cast<Attempt*>(self)->OnHeader({data, size * count});
    return size * count;
  }
  static int ProgressCallback(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
    return static_cast<Attempt*>(self)->OnTick() ? 0 : 1;
  }

  const HttpRequest& request_;
  PartFile& part_;
  const HttpSettings& settings_;
  const FetchProgress& progress_;
  HttpOutcome& outcome_;
  const std::unique_ptr<CURL, CurlClose> curl_;
  std::unique_ptr<curl_slist, ListFree> headers_;
  std::array<char, CURL_ERROR_SIZE> curl_message_{};
  Answer answer_;
  uint64_t resumed_at_ = 0;
  bool body_started_ = false;
  bool cancelled_ = false;
  bool stalled_ = false;
  std::chrono::steady_clock::time_point last_byte_ = std::chrono::steady_clock::now();
  Result<void> failure_;  // what a callback stopped for
};

Result<void> Attempt::Run(bool& retry) {
  retry = false;
  if (!curl_) return Failure(ErrorCode::kInternal, "libcurl could not be started");
  if (part_.bytes() > 0 && (!MayResume() || part_.bytes() > Limit())) {
    if (auto cut = part_.TruncateTo(0); !cut) return cut;
  }
  resumed_at_ = part_.bytes();
  Configure();
  AddHeaders();
  return Judge(curl_easy_perform(curl_.get()), retry);
}

bool Attempt::MayResume() const {
  const bool same_address = part_.origin().url == request_.url;
  switch (request_.resume) {
    case ResumeRule::kValidator:
      return same_address && !part_.origin().etag.empty();
    case ResumeRule::kSameAddress:
      return same_address;
    case ResumeRule::kAnyAddress:
      return true;
  }
  return false;
}

uint64_t Attempt::Announced() const {
  if (answer_.range_total) return *answer_.range_total;
  return body_started_ ? answer_.length.value_or(0) : 0;
}

void Attempt::Configure() {
  CURL* curl = curl_.get();
  const char* protocols = settings_.allow_http ? "http,https" : "https";
  curl_easy_setopt(curl, CURLOPT_URL, request_.url.c_str());
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, protocols);
  curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, protocols);
  curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
  curl_easy_setopt(curl, CURLOPT_MAXREDIRS, static_cast<long>(settings_.max_redirects));
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS,
                   static_cast<long>(settings_.connect_timeout_ms));
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_USERAGENT, "dure");
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, curl_message_.data());
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, BodyCallback);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, this);
  curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, HeaderCallback);
  curl_easy_setopt(curl, CURLOPT_HEADERDATA, this);
  curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, ProgressCallback);
  curl_easy_setopt(curl, CURLOPT_XFERINFODATA, this);
  // As other programs that use OpenSSL do: a company's own certificates come in this way.
  if (const char* bundle = std::getenv("SSL_CERT_FILE"); bundle != nullptr && *bundle != '\0') {
    curl_easy_setopt(curl, CURLOPT_CAINFO, bundle);
  }
}

void Attempt::AddHeaders() {
  const auto add = [this](const std::string& line) {
    // On failure the old list stays valid and a header is missing: the transfer then fails or
    // starts anew.
    if (curl_slist* longer = curl_slist_append(headers_.get(), line.c_str())) {
      (void)headers_.release();
      headers_.reset(longer);
    }
  };
  if (resumed_at_ > 0) {
    add(fmt::format("Range: bytes={}-", resumed_at_));
    const PartOrigin& origin = part_.origin();
    if (origin.url == request_.url && !origin.etag.empty()) add("If-Range: " + origin.etag);
  }
  // libcurl drops this header when a redirect leads to another host.
  if (!request_.bearer_token.empty()) add("Authorization: Bearer " + request_.bearer_token);
  curl_easy_setopt(curl_.get(), CURLOPT_HTTPHEADER, headers_.get());
}

void Attempt::OnHeader(std::string_view line) {
  last_byte_ = std::chrono::steady_clock::now();
  line = Trimmed(line);
  if (line.starts_with("HTTP/")) {
    answer_ = {};
    return;
  }
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos) return;
  const std::string name = Lower(line.substr(0, colon));
  const std::string_view value = Trimmed(line.substr(colon + 1));
  if (name == "etag") {
    answer_.etag = value;
  } else if (name == "content-length") {
    answer_.length = Number(value);
  } else if (name == "content-range" && Lower(value).starts_with("bytes ")) {
    const std::string_view range = value.substr(6);  // "0-99/200", "0-99/*" or "*/200"
    answer_.range_start = Number(range.substr(0, range.find('-')));
    answer_.range_total = Number(range.substr(std::min(range.find('/'), range.size() - 1) + 1));
  } else if (name == "x-linked-etag" && outcome_.linked_etag.empty()) {
    outcome_.linked_etag = value;
    std::erase(outcome_.linked_etag, '"');
  }
}

/// libcurl calls this about once a second, and more often while bytes come. Its own speed limit
/// averages over five seconds, too coarse for a setting in milliseconds.
bool Attempt::OnTick() {
  cancelled_ = progress_ && !progress_(part_.bytes(), Total());
  const auto quiet = std::chrono::steady_clock::now() - last_byte_;
  stalled_ = quiet > std::chrono::milliseconds(settings_.stall_timeout_ms);
  return !cancelled_ && !stalled_;
}

bool Attempt::StartBody() {
  long status = 0;
  curl_easy_getinfo(curl_.get(), CURLINFO_RESPONSE_CODE, &status);
  if (status == 200) {
    resumed_at_ = 0;
    failure_ = part_.TruncateTo(0);
  } else if (answer_.range_start != resumed_at_) {
    failure_ =
        Failure(ErrorCode::kUnavailable, "the server answered with another range than asked");
  }
  if (!failure_) return false;
  if (resumed_at_ == 0) {
    // A weak validator does not promise the same bytes, so nothing is resumed by it.
    const bool strong = !answer_.etag.starts_with("W/");
    failure_ = part_.SetOrigin({request_.url, strong ? answer_.etag : std::string()});
    if (!failure_) return false;
  }
  body_started_ = true;
  const uint64_t total = Total();
  const uint64_t announced = Announced();
  if (announced > Limit() || (request_.bytes && announced != 0 && announced != *request_.bytes)) {
    failure_ = Failure(ErrorCode::kCorrupt,
                       fmt::format("the file there has {} bytes instead of {}{}", announced,
                                   request_.bytes ? "" : "at most ", Limit()));
  } else if (total > part_.bytes()) {
    const std::string folder = std::filesystem::path(part_.path()).parent_path();
    failure_ = RequireDiskSpace(folder, total - part_.bytes(), settings_.disk_reserve_bytes);
  }
  return failure_.has_value();
}

size_t Attempt::OnBody(const char* data, size_t size) {
  last_byte_ = std::chrono::steady_clock::now();
  long status = 0;
  curl_easy_getinfo(curl_.get(), CURLINFO_RESPONSE_CODE, &status);
  if (status != 200 && status != 206) return size;  // the page that comes with an error
  if (!body_started_ && !StartBody()) return 0;
  if (size > Limit() - part_.bytes()) {
    failure_ = Failure(ErrorCode::kCorrupt, fmt::format("more than {} bytes came", Limit()));
    return 0;
  }
  failure_ = part_.Append(std::as_bytes(std::span(data, size)));
  return failure_ && OnTick() ? size : 0;
}

Result<void> Attempt::Judge(CURLcode code, bool& retry) {
  if (cancelled_) return Failure(ErrorCode::kCancelled, "the download was cancelled");
  if (!failure_) return failure_;
  if (stalled_) {
    retry = true;
    return Failure(ErrorCode::kUnavailable,
                   fmt::format("nothing came for {} ms", settings_.stall_timeout_ms));
  }
  if (code == CURLE_UNSUPPORTED_PROTOCOL) {
    return Failure(ErrorCode::kInvalidArgument, "only https addresses are allowed");
  }
  if (code == CURLE_URL_MALFORMAT) return Failure(ErrorCode::kInvalidArgument, "not an address");
  if (code != CURLE_OK) {
    const char* message =
        curl_message_[0] != '\0' ? curl_message_.data() : curl_easy_strerror(code);
    // A host that never answered is not asked again; a connection that broke is.
    const bool unreachable = code == CURLE_COULDNT_RESOLVE_HOST || code == CURLE_COULDNT_CONNECT ||
                             code == CURLE_COULDNT_RESOLVE_PROXY;
    const bool hopeless = code == CURLE_TOO_MANY_REDIRECTS ||
                          code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_OUT_OF_MEMORY;
    retry = !hopeless && (!unreachable || part_.bytes() > 0);
    return Failure(ErrorCode::kUnavailable, message);
  }
  long status = 0;
  curl_easy_getinfo(curl_.get(), CURLINFO_RESPONSE_CODE, &status);
  return JudgeStatus(status, retry);
}

Result<void> Attempt::JudgeStatus(long status, bool& retry) {
  if (status == 200 || status == 206) {
    if (!body_started_ && !StartBody()) return failure_;  // an empty file has no body
    const uint64_t total = Total();
    if (total == 0 || part_.bytes() == total) return {};
    retry = part_.bytes() < total;
    return Failure(ErrorCode::kUnavailable,
                   fmt::format("the connection ended at {} of {} bytes", part_.bytes(), total));
  }
  if (status == 416 && resumed_at_ > 0) {
    if (!request_.bytes && answer_.range_total == resumed_at_) return {};
    // The file there is not longer than what we have, so it is another one: start over.
    retry = true;
    if (auto cut = part_.TruncateTo(0); !cut) return cut;
    return Failure(ErrorCode::kUnavailable, "the file changed on the server");
  }
  switch (status) {
    case 401:
    case 403:
      return Failure(
          ErrorCode::kUnavailable,
          fmt::format("access refused (HTTP {}): the file is private, needs a licence to "
                      "be accepted, or does not exist",
                      status));
    case 404:
    case 410:
      return Failure(ErrorCode::kNotFound, fmt::format("no such file (HTTP {})", status));
    default:
      retry = status == 408 || status == 429 || (status >= 500 && status != 501);
      return Failure(ErrorCode::kUnavailable, fmt::format("the server answered HTTP {}", status));
  }
}

/// Waits before another attempt; false when the caller cancelled.
bool WaitToRetry(int64_t delay_ms, const PartFile& part, const FetchProgress& progress) {
  constexpr int64_t kSliceMs = 100;
  for (int64_t waited = 0; waited < delay_ms; waited += kSliceMs) {
    if (progress && !progress(part.bytes(), 0)) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(std::min(kSliceMs, delay_ms - waited)));
  }
  return true;
}

}  // namespace

Result<HttpOutcome> FetchFile(const HttpRequest& request, PartFile& part,
                              const HttpSettings& settings, const FetchProgress& progress) {
  // libcurl's global state is made once and lives as long as the process.
  static std::once_flag started;
  std::call_once(started, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });

  HttpOutcome outcome;
  int64_t delay_ms = settings.retry_delay_ms;
  uint64_t furthest = part.bytes();  // an attempt that starts over and gets no further is barren
  for (int barren = 0;;) {
    if (request.bytes && part.bytes() == *request.bytes) return outcome;
    bool retry = false;
    auto result = Attempt(request, part, settings, progress, outcome).Run(retry);
    if (result) return outcome;
    if (part.bytes() > furthest) {
      furthest = part.bytes();
      barren = 0;
      delay_ms = settings.retry_delay_ms;
    }
    if (!retry || ++barren >= settings.attempts) return tl::unexpected(result.error());
    if (!WaitToRetry(delay_ms, part, progress)) {
      return Fail(ErrorCode::kCancelled, HostOf(request.url) + ": the download was cancelled");
    }
    delay_ms *= 2;
  }
}

Result<void> RequireDiskSpace(const std::string& folder, uint64_t bytes, uint64_t reserve) {
  struct statvfs disk{};
  if (statvfs(folder.empty() ? "." : folder.c_str(), &disk) != 0) return {};  // then writing tells
  const uint64_t free = static_cast<uint64_t>(disk.f_bavail) * disk.f_frsize;
  if (free >= reserve && free - reserve >= bytes) return {};
  constexpr uint64_t kMegabyte = 1'000'000;
  return Fail(ErrorCode::kResourceExhausted,
              fmt::format("not enough disk space: {} MB are needed and {} MB are free in {}; free "
                          "some space, or set DURE_MODEL_DIR to a folder on another disk",
                          (bytes + reserve) / kMegabyte + 1, free / kMegabyte, folder));
}

}  // namespace dure::formats
