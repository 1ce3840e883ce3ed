// Constrained decoding: a grammar compiled once, and for each sequence a constraint that says which
// tokens may come next.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "text/grammar/limits.h"
#include "text/grammar/token_vocabulary.h"
#include "text/tokenizer.h"

namespace dure::text {

struct Frame;

/// Follows one sequence. Used by one thread at a time; constraints of one grammar may run side by
/// side. Everything is a function of the grammar, the vocabulary and the tokens taken.
class TokenConstraint {
 public:
  virtual ~TokenConstraint() = default;

  /// Takes the next token of the sequence; false, and nothing changes, where it may not come.
  /// After an end-of-generation token nothing may.
  virtual bool Advance(TokenId token) = 0;
  /// Sets the bits of exactly the tokens that Advance would take, and clears the others.
  /// `mask` has vocabulary().words() words.
  virtual void Mask(std::span<uint64_t> mask) const = 0;
  /// Whether what was taken so far is whole.
  virtual bool MayEnd() const = 0;
  /// Tokens taken.
  virtual size_t size() const = 0;
  /// Forgets all but the first `size` tokens. REQUIRES: size <= size().
  virtual void Rollback(size_t size) = 0;
  virtual std::unique_ptr<TokenConstraint> Clone() const = 0;
  virtual const TokenVocabulary& vocabulary() const = 0;
};

struct JsonSchemaOptions {
  int max_whitespace = 256;  // bytes at one place between JSON's tokens; 0: compact
  // A schema that no document fits: a grammar of nothing instead of an error.
  bool allow_nothing = false;
  GrammarLimits limits;
};

/// A grammar bound to a vocabulary. Immutable to the outside, thread-safe; constraints keep it
/// alive.
class Grammar : public std::enable_shared_from_this<Grammar> {
 public:
  virtual ~Grammar() = default;

  /// JSON texts that fit the schema (docs/api.md says which keywords are understood), in any order
  /// of properties, never with a name twice. An empty object `{}` as schema: any JSON. Errors:
  /// kInvalidArgument, kUnsupported; the message begins with the JSON pointer of the keyword.
  static Result<std::shared_ptr<const Grammar>> FromJsonSchema(
      std::string_view schema, std::shared_ptr<const TokenVocabulary> vocabulary,
      const JsonSchemaOptions& options = {});
  /// UTF-8 texts that the expression matches from end to end. Errors: as CompileRegex.
  static Result<std::shared_ptr<const Grammar>> FromRegex(
      std::string_view pattern, std::shared_ptr<const TokenVocabulary> vocabulary,
      const GrammarLimits& limits = {});
  /// UTF-8 texts that the rule `root` of a grammar in llama.cpp's GBNF derives. Errors:
  /// kInvalidArgument (the line is named; also left recursion and limits), kUnsupported.
  static Result<std::shared_ptr<const Grammar>> FromGbnf(
      std::string_view source, std::shared_ptr<const TokenVocabulary> vocabulary,
      const GrammarLimits& limits = {});

  /// Texts that a frame (text/grammar/frame.h) allows around documents of grammars made by
  /// FromJsonSchema with the same vocabulary. Errors: kInvalidArgument (a document that must be an
  /// object cannot be one), kInternal.
  static Result<std::shared_ptr<const Grammar>> FromFrame(
      Frame frame, const std::vector<std::shared_ptr<const Grammar>>& documents,
      std::shared_ptr<const TokenVocabulary> vocabulary);

  virtual std::unique_ptr<TokenConstraint> NewConstraint() const = 0;
};

}  // namespace dure::text
