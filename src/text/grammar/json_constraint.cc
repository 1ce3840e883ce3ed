#include "text/grammar/json_constraint.h"

#include <algorithm>
#include <utility>

#include "text/grammar/automaton_cache.h"
#include "text/grammar/schema_compiler.h"
#include "text/grammar/schema_expander.h"
#include "text/grammar/schema_source.h"

namespace dure::text {
namespace {

class JsonConstraint : public TokenConstraint {
 public:
  explicit JsonConstraint(std::shared_ptr<const JsonGrammar> grammar)
      : grammar_(std::move(grammar)), states_{grammar_->reader().Start()} {}

  bool Advance(TokenId token) override {
    if (ended_ || token < 0 || token >= vocabulary().size()) return false;
    if (vocabulary().IsEnd(token)) {
      if (!MayEnd()) return false;
      ended_ = true;
      states_.push_back(states_.back());
      return true;
    }
    const std::string& bytes = vocabulary().Bytes(token);
    if (bytes.empty()) return false;
    JsonState next = states_.back();
    const size_t length = next.position;
    document_.resize(length);
    for (const char byte : bytes) {
      document_ += byte;
      if (grammar_->reader().Step(next, static_cast<uint8_t>(byte), &document_) !=
          JsonStep::kAlive) {
        document_.resize(length);
        return false;
      }
    }
    states_.push_back(std::move(next));
    return true;
  }

  void Mask(std::span<uint64_t> mask) const override {
    std::fill(mask.begin(), mask.end(), 0);
    if (ended_) return;
    grammar_->FillMask(states_.back(), document_, mask);
    if (!MayEnd()) return;
    for (const TokenId end : vocabulary().end_of_generation()) SetToken(mask, end);
  }

  bool MayEnd() const override { return grammar_->reader().MayEnd(states_.back()); }
  size_t size() const override { return states_.size() - 1; }

  void Rollback(size_t size) override {
    if (size < this->size()) ended_ = false;
    states_.resize(size + 1);
    document_.resize(states_.back().position);
  }

  std::unique_ptr<TokenConstraint> Clone() const override {
    return std::make_unique<JsonConstraint>(*this);
  }
  const TokenVocabulary& vocabulary() const override { return grammar_->vocabulary(); }

 private:
  std::shared_ptr<const JsonGrammar> grammar_;
  std::vector<JsonState> states_;  // before the first token, after it, ...
  std::string document_;
  bool ended_ = false;
};

}  // namespace

std::unique_ptr<TokenConstraint> JsonGrammar::NewConstraint() const {
  return std::make_unique<JsonConstraint>(
      std::static_pointer_cast<const JsonGrammar>(shared_from_this()));
}

Result<std::shared_ptr<const Grammar>> Grammar::FromJsonSchema(
    std::string_view schema, std::shared_ptr<const TokenVocabulary> vocabulary,
    const JsonSchemaOptions& options) {
  const auto source = SchemaSource::Parse(schema, options.limits);
  if (!source) return tl::unexpected(source.error());
  AutomatonCache automata(options.limits);
  SchemaExpander expander(**source, automata, options.limits);
  auto program = SchemaCompiler(expander, options.limits).Compile(options.allow_nothing);
  if (!program) return tl::unexpected(program.error());
  program->max_whitespace = options.max_whitespace;
  program->max_depth = options.limits.document_depth;
  program->max_frames = options.limits.parallel_states;
  return std::make_shared<const JsonGrammar>(std::move(*program), std::move(vocabulary));
}

}  // namespace dure::text
