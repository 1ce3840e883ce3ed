// Another program run to its end, without a shell.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/error.h"

namespace dure::formats {

struct ChildRequest {
  std::vector<std::string> argv;  // argv[0] is looked up in PATH
  std::vector<std::string>
      environment;  // "NAME=value", added to this process's own or replacing it
  int64_t timeout_ms = 60'000;
  size_t max_output_bytes = 8 << 20;  // what comes after is read and dropped
  /// Asked about ten times a second; false ends the child and gives kCancelled.
  std::function<bool()> keep_going;
};

struct ChildOutcome {
  int exit_status = 0;  // 128 + signal number when a signal ended it
  std::string output;   // stdout and stderr as they came
};

/// Runs in the root folder, with an empty stdin, in a process group of its own, so that an
/// interrupt at the terminal reaches only this process, which then ends the whole group. Blocks
/// until the child has ended. Any thread. Errors: kNotFound (no such program), kUnavailable
/// (timeout), kCancelled, kIo.
Result<ChildOutcome> RunChild(const ChildRequest& request);

}  // namespace dure::formats
