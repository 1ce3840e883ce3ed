// The machine's own pip as the way to the package registry: it knows the user's index, mirrors and
// credentials, so that this program names no registry host.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/error.h"

namespace dure::formats {

struct PipSettings {
  std::string python = "python3";
  int64_t lookup_timeout_ms = 90'000;
  int64_t download_timeout_ms = 4 * 3600 * 1000;
  int connect_timeout_s = 15;
  int retries = 1;
};

/// "Some.Name-x", "1.0" -> "some_name_x-1.0-py3-none-any.whl", the file name of a wheel of data.
std::string DataWheelName(const std::string& package, const std::string& version);

/// Asks pip, without downloading anything, where the wheel named by DataWheelName is. Blocks;
/// keep_going returning false gives kCancelled. Errors: kNotFound (no python, no pip, or no such
/// wheel), kUnavailable (registry out of reach).
Result<std::string> FindWheelUrl(const std::string& package, const std::string& version,
                                 const PipSettings& settings,
                                 const std::function<bool()>& keep_going);

/// `pip download` of that wheel into `folder`, which must exist and takes pip's temporary files
/// too; returns its path. Errors as above; kResourceExhausted when the disk is full.
Result<std::string> DownloadWheel(const std::string& package, const std::string& version,
                                  const std::string& folder, const PipSettings& settings,
                                  const std::function<bool()>& keep_going);

}  // namespace dure::formats
