// A schema as a union of cubes: references followed, combinators multiplied out, negation pushed
// down to the keywords. Semantics: JSON Schema draft 2020-12, and the older drafts where `$schema`
// names one.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/error.h"
#include "text/grammar/automaton_cache.h"
#include "text/grammar/limits.h"
#include "text/grammar/schema_cube.h"
#include "text/grammar/schema_source.h"

namespace dure::text {

using SchemaCubes = std::vector<SchemaCube>;

/// Used by one thread; the source and the cache must outlive it.
class SchemaExpander {
 public:
  SchemaExpander(const SchemaSource& source, AutomatonCache& automata, const GrammarLimits& limits)
      : source_(source), automata_(automata), limits_(limits) {}

  /// The values that fit all terms; none when nothing does. Every error begins with the JSON
  /// pointer of the keyword. Errors: kUnsupported (a keyword or use of it), kInvalidArgument (a
  /// malformed schema, a limit).
  Result<SchemaCubes> Expand(const SchemaTerms& terms);
  /// What the value of a member of this name must fit. The name itself is not checked.
  Result<SchemaTerms> TermsOfMember(const ObjectSet& object, const std::string& name);
  /// True only when no value fits; looks `depth` levels into arrays and objects.
  bool ProvablyEmpty(const SchemaCube& cube, int depth);

  AutomatonCache& automata() { return automata_; }
  const SchemaSource& source() const { return source_; }
  /// An error that begins with the pointer of `schema` and this keyword.
  tl::unexpected<Error> Refuse(ErrorCode code, const JsonValue& schema, std::string_view keyword,
                               const std::string& why) const;

 private:
  // One keyword, in its schema object.
  struct Use {
    const JsonValue& schema;
    const std::string& keyword;
    const JsonValue& value;
    bool negated;
  };
  using Handler = Result<SchemaCubes> (SchemaExpander::*)(const Use&);
  struct Entry {
    std::string_view keyword;
    Handler handler;
    int since = 0;  // the draft that brought it
  };
  static const Entry kKeywords[];
  static const Entry* FindEntry(const std::string& keyword);
  /// Empty where a keyword without a handler does no harm.
  static std::string_view WhyRefused(const std::string& keyword);
  static bool IsUnevaluated(const std::string& keyword) {
    return keyword == "unevaluatedProperties" || keyword == "unevaluatedItems";
  }

  Result<SchemaCubes> ExpandTerm(const SchemaTerm& term);
  Result<SchemaCubes> ExpandObject(const JsonValue& schema, bool negated);
  Result<SchemaCubes> ExpandConstant(const JsonValue& value, bool negated);
  Result<SchemaCubes> Multiply(const SchemaCubes& a, const SchemaCubes& b);
  Result<SchemaCubes> SumOfSubsets(const std::vector<SchemaTerm>& terms);
  Result<SchemaCubes> Sum(const std::vector<SchemaTerm>& terms);
  Result<SchemaCubes> Product(const std::vector<SchemaTerm>& terms);
  bool Disjoint(const SchemaCubes& a, const SchemaCubes& b);
  Result<bool> AllEmpty(const SchemaTerms& terms, int depth);
  bool CanBeArray(const SchemaCube& cube, int depth);
  bool CanBeObject(const SchemaCube& cube, int depth);
  Result<void> Spend(size_t cubes);

  tl::unexpected<Error> Bad(const Use& use, const std::string& why) const {
    return Refuse(ErrorCode::kInvalidArgument, use.schema, use.keyword, why);
  }
  tl::unexpected<Error> Unsupported(const Use& use, const std::string& why) const {
    return Refuse(ErrorCode::kUnsupported, use.schema, use.keyword, why);
  }
  Result<int64_t> CountOf(const Use& use) const;
  Result<Decimal> NumberOf(const Use& use) const;
  Result<std::vector<SchemaTerm>> Branches(const Use& use, bool negated) const;
  Result<void> CheckSchemas(const Use& use) const;

  // schema_keywords.cc
  Result<SchemaCubes> Type(const Use& use);
  Result<SchemaCubes> Enum(const Use& use);
  Result<SchemaCubes> Const(const Use& use);
  Result<SchemaCubes> Length(const Use& use);
  Result<SchemaCubes> Pattern(const Use& use);
  Result<SchemaCubes> Format(const Use& use);
  Result<SchemaCubes> Minimum(const Use& use);
  Result<SchemaCubes> Maximum(const Use& use);
  Result<SchemaCubes> MultipleOf(const Use& use);
  Result<SchemaCubes> Ignore(const Use& use);
  // schema_object_keywords.cc
  Result<SchemaCubes> Required(const Use& use);
  Result<SchemaCubes> Properties(const Use& use);
  Result<SchemaCubes> NotProperties(const Use& use, const ObjectSet::Group& group);
  Result<SchemaCubes> PropertyNames(const Use& use);
  Result<SchemaCubes> Dependencies(const Use& use);
  Result<SchemaCubes> Dependency(const Use& use, const std::string& name, const JsonValue& value);
  Result<void> Unevaluated(const Use& use, SchemaCubes& cubes);
  // schema_array_keywords.cc
  Result<SchemaCubes> Items(const Use& use);
  Result<SchemaCubes> Contains(const Use& use);
  Result<SchemaCubes> UniqueItems(const Use& use);
  // schema_combinators.cc
  Result<SchemaCubes> AllOf(const Use& use);
  Result<SchemaCubes> AnyOf(const Use& use);
  Result<SchemaCubes> OneOf(const Use& use);
  Result<SchemaCubes> NotOneOf(const std::vector<SchemaTerm>& branches);
  Result<SchemaCubes> Not(const Use& use);
  Result<SchemaCubes> If(const Use& use);
  Result<SchemaCubes> Ref(const Use& use);
  Result<SchemaCubes> NotYet(const Use& use);

  const SchemaSource& source_;
  AutomatonCache& automata_;
  const GrammarLimits& limits_;
  size_t spent_ = 0;
  int depth_ = 0;
  std::set<SchemaTerm> active_;
  std::map<SchemaTerm, SchemaCubes> expanded_;
};

/// The schemas `true` and `false`.
extern const JsonValue kTrueSchema;
extern const JsonValue kFalseSchema;

}  // namespace dure::text
