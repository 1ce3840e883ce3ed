// Answers kept for a while under the Idempotency-Key of their requests.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"

namespace dure::store {

/// Whose request, and which.
struct AnswerKey {
  std::string account_id;
  std::string route;  // "POST /v1/chat/completions"
  std::string key;    // the client's
};

struct StoredAnswer {
  int status = 200;
  std::string content_type;
  bool stream = false;
  std::string body;
};

/// Thread-safe; see Accounts.
class Answers {
 public:
  virtual ~Answers() = default;

  enum class State {
    kNew,      // nobody asked before: the caller answers, then calls Keep or Forget
    kRunning,  // the first request is still being answered
    kOther,    // the key was used with another body
    kKept,     // here is the answer
  };
  struct Found {
    State state = State::kNew;
    StoredAnswer answer;  // with kKept
  };

  /// Rows older than `oldest_ms` count as absent. Of more than kMostAnswers of one account the
  /// oldest are forgotten.
  virtual Result<Found> Begin(const AnswerKey& key, std::string_view request_hash, int64_t now_ms,
                              int64_t oldest_ms) = 0;
  static constexpr int kMostAnswers = 10'000;
  /// Without waiting for the disk.
  virtual void Keep(const AnswerKey& key, StoredAnswer answer) = 0;
  virtual void Forget(const AnswerKey& key) = 0;
  /// When a server starts: what was being answered never will be.
  virtual Result<void> ForgetRunning() = 0;
  virtual Result<void> RemoveBefore(int64_t oldest_ms) = 0;
};

}  // namespace dure::store
