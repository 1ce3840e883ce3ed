// From cubes to a program: each position of a value becomes a node, found by what must hold there.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "text/grammar/json_program.h"
#include "text/grammar/schema_expander.h"

namespace dure::text {

/// Used once, by one thread.
class SchemaCompiler {
 public:
  SchemaCompiler(SchemaExpander& expander, const GrammarLimits& limits)
      : expander_(expander), limits_(limits) {}

  /// Every state of the program lies on a way to a whole document, but for a few cases of
  /// uniqueItems and counts of members that a limited choice of names cannot reach. Errors: those
  /// of SchemaExpander::Expand; kInvalidArgument when no document fits the schema and
  /// that is not allowed.
  Result<JsonProgram> Compile(bool allow_nothing);

 private:
  Result<int32_t> NodeOf(const SchemaTerms& terms);
  Result<void> Fill(int32_t node, const SchemaTerms& terms);
  Result<void> FillStrings(const SchemaCubes& cubes, JsonNode& node);
  Result<void> FillNumbers(const SchemaCubes& cubes, JsonNode& node);
  Result<int32_t> ArrayOf(const ArraySet& set);
  Result<int32_t> ObjectOf(const ObjectSet& set);
  Result<std::vector<JsonChoice>> ItemChoices(const ArraySet& set, size_t index);
  // The names of an object's members and what each class of them may be.
  struct Members {
    int32_t names = 0;
    std::vector<std::vector<JsonChoice>> classes;
  };
  Result<Members> MembersOf(const ObjectSet& set);
  Result<std::vector<JsonChoice>> MemberChoices(SchemaTerms terms,
                                                const std::vector<SchemaTerm>& witnesses,
                                                uint32_t applicable);
  int32_t AutomatonId(const DfaPtr& dfa);
  tl::unexpected<Error> Refuse(const std::string& why) const;

  // prune.cc
  void Prune();
  void FindFilled(std::vector<char>& filled) const;
  bool CanEnd(const JsonArray& array, const std::vector<char>& filled) const;
  bool CanEnd(const JsonObject& object, const std::vector<char>& filled) const;
  void PruneArray(JsonArray& array, const std::vector<char>& filled);
  void PruneObject(JsonObject& object, const std::vector<char>& filled);
  uint64_t CountValues(const JsonNode& node) const;

  SchemaExpander& expander_;
  const GrammarLimits& limits_;
  JsonProgram program_;
  std::map<SchemaTerms, int32_t> nodes_;
  std::deque<std::pair<int32_t, SchemaTerms>> todo_;
  std::map<std::string, int32_t> arrays_;
  std::map<std::string, int32_t> objects_;
  std::map<std::string, Members> members_;  // alternatives often differ in what is required only
  std::map<const Dfa*, int32_t> automata_;
  size_t choices_ = 0;
};

}  // namespace dure::text
