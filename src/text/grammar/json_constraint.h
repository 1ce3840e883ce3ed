// The constraint of a JSON Schema.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "text/grammar/constraint.h"
#include "text/grammar/json_masks.h"
#include "text/grammar/json_program.h"
#include "text/grammar/json_reader.h"

namespace dure::text {

class JsonGrammar : public Grammar {
 public:
  JsonGrammar(JsonProgram program, std::shared_ptr<const TokenVocabulary> vocabulary)
      : program_(std::move(program)),
        vocabulary_(std::move(vocabulary)),
        reader_(program_),
        masks_(reader_, *vocabulary_) {}

  std::unique_ptr<TokenConstraint> NewConstraint() const override;
  const JsonReader& reader() const { return reader_; }
  const TokenVocabulary& vocabulary() const { return *vocabulary_; }
  /// See JsonMasks.
  void FillMask(const JsonState& state, const std::string& document, std::span<uint64_t> mask,
                const JsonTail* tail = nullptr) const {
    const std::lock_guard lock(mutex_);
    masks_.Fill(state, document, mask, tail);
  }
  void FillMaskUnder(uint32_t node, const JsonState& state, const std::string& document,
                     std::span<uint64_t> mask, const JsonTail* tail) const {
    const std::lock_guard lock(mutex_);
    masks_.FillUnder(node, state, document, mask, tail);
  }

 private:
  JsonProgram program_;
  std::shared_ptr<const TokenVocabulary> vocabulary_;
  JsonReader reader_;
  mutable std::mutex mutex_;
  mutable JsonMasks masks_;  // guarded by mutex_
};

}  // namespace dure::text
