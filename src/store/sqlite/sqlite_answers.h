// Private to store/.
#pragma once

#include <string>
#include <string_view>

#include "store/answers.h"
#include "store/sqlite/database.h"

namespace dure::store::sqlite {

class SqliteAnswers : public Answers {
 public:
  explicit SqliteAnswers(Database& database) : database_(database) {}

  Result<Found> Begin(const AnswerKey& key, std::string_view request_hash, int64_t now_ms,
                      int64_t oldest_ms) override;
  void Keep(const AnswerKey& key, StoredAnswer answer) override;
  void Forget(const AnswerKey& key) override;
  Result<void> ForgetRunning() override;
  Result<void> RemoveBefore(int64_t oldest_ms) override;

 private:
  Database& database_;
};

}  // namespace dure::store::sqlite
