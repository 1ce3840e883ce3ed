// Errors as values: what input, files, the network or the machine can cause is a Result.
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>

namespace dure {

enum class ErrorCode {
  kInvalidArgument,        // the caller's input is malformed or out of range
  kNotFound,               // a file, model, tensor or route that does not exist
  kUnsupported,            // well-formed, but of a type, version or feature not known here
  kCorrupt,                // a file or message that contradicts its own format
  kIo,                     // reading, writing or the network failed
  kContextLengthExceeded,  // prompt + answer do not fit the context; the message holds the numbers
  kResourceExhausted,      // a limit or the memory budget is reached
  kUnavailable,            // not now: shutting down, still loading, overloaded
  kConflict,               // something of this name exists, or what is there forbids it
  kUpstream,               // another server that this one asks failed or cannot be reached
  kUpstreamTimeout,        // it took too long
  kModelOutput,            // a model's answer contradicts its own format
  kCancelled,              // the caller or its client went away
  kInternal,               // our own mistake
};

/// What went wrong, in one line that says what, where and what to do. Never holds secrets.
struct Error {
  ErrorCode code;
  std::string message;
};

template <typename T>
using Result = tl::expected<T, Error>;

inline tl::unexpected<Error> Fail(ErrorCode code, std::string message) {
  return tl::unexpected<Error>(Error{code, std::move(message)});
}

/// The code's name as logs print it: "invalid_argument".
std::string_view ErrorCodeName(ErrorCode code);

}  // namespace dure
