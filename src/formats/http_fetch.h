// One file over HTTP into a PartFile: resumed with Range and If-Range (RFC 9110, sections 13.1.5
// and 14), retried while it makes progress, bounded in size, time and redirects.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "base/error.h"
#include "formats/part_file.h"

namespace dure::formats {

struct HttpSettings {
  int64_t connect_timeout_ms = 20'000;
  int64_t stall_timeout_ms = 30'000;  // no byte for that long ends an attempt
  int attempts = 4;                   // that bring no byte, in a row
  int64_t retry_delay_ms = 1'000;     // before the second attempt; doubles
  int max_redirects = 8;
  uint64_t max_bytes = 1ull << 40;            // of a file whose size is not known beforehand
  uint64_t disk_reserve_bytes = 64ull << 20;  // left free on the disk
  bool allow_http = false;                    // https only, redirects included
};

/// Bytes of the file that are here, and in all (0: not known yet). False cancels. Also called while
/// nothing arrives.
using FetchProgress = std::function<bool(uint64_t done, uint64_t total)>;

/// When bytes of an earlier run are continued rather than fetched anew.
enum class ResumeRule {
  kValidator,    // same address and a strong ETag, which the server confirms
  kSameAddress,  // same address: the caller checks the hash of the whole
  kAnyAddress,   // always: the caller checks the hash, and several addresses have the file
};

struct HttpRequest {
  std::string url;
  std::optional<uint64_t> bytes;  // the exact size, where it is known; anything else is an error
  ResumeRule resume = ResumeRule::kValidator;
  std::string bearer_token;  // sent to the first host only
};

struct HttpOutcome {
  /// X-Linked-ETag of the first answer that has one, without quotes: on model hubs the SHA-256 of
  /// the file.
  std::string linked_etag;
};

/// Appends to `part` what is missing. On an error the part keeps what can be resumed. Errors:
/// kInvalidArgument (address), kNotFound (404, 410), kUnavailable (network, server, timeouts),
/// kCorrupt (another size than announced), kResourceExhausted (disk), kCancelled. Messages name the
/// host, never the whole address, which may hold a signature.
Result<HttpOutcome> FetchFile(const HttpRequest& request, PartFile& part,
                              const HttpSettings& settings, const FetchProgress& progress);

/// kResourceExhausted unless `bytes` more fit on the disk of `folder` with `reserve` to spare.
Result<void> RequireDiskSpace(const std::string& folder, uint64_t bytes, uint64_t reserve);

}  // namespace dure::formats
