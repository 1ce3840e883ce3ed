// One alternative of what a schema allows: constraints by type that all hold together. A schema is
// a union of such cubes (a disjunctive normal form over JSON's types).
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "text/grammar/dfa.h"
#include "text/grammar/json_document.h"
#include "text/grammar/number_language.h"

namespace dure::text {

/// A schema that a value must (not) fit, or a value that it must (not) equal.
struct SchemaTerm {
  const JsonValue* value = nullptr;
  bool constant = false;
  bool negated = false;
  auto operator<=>(const SchemaTerm&) const = default;
};
/// All of them hold. Sorted, no two alike.
using SchemaTerms = std::vector<SchemaTerm>;
void AddTerm(SchemaTerms& terms, const SchemaTerm& term);

enum JsonTypes : uint8_t {
  kNullType = 1,
  kTrueType = 2,
  kFalseType = 4,
  kNumberType = 8,
  kStringType = 16,
  kArrayType = 32,
  kObjectType = 64,
  kAllTypes = 127,
};

/// min and max of a count; max < 0: none.
struct CountRange {
  int64_t min = 0;
  int64_t max = -1;
  void And(const CountRange& other);
  bool empty() const { return max >= 0 && min > max; }
  auto operator<=>(const CountRange&) const = default;
};

struct StringSet {
  struct Pattern {
    std::string key;  // tells automata apart
    std::shared_ptr<const Dfa> dfa;
    bool negated = false;
    bool exact = true;  // false: the automaton knows only some of the strings
  };
  CountRange length;  // code points
  std::vector<Pattern> patterns;
  std::optional<std::set<std::string>> only;
  std::set<std::string> excluded;
  void And(const StringSet& other);
  /// Equal sets of constraints have equal keys.
  std::string Key() const;
};

struct ArraySet {
  struct Items {
    std::vector<SchemaTerm> prefix;
    std::optional<SchemaTerm> rest;
    bool evaluates = true;  // for unevaluatedItems
  };
  struct Contains {
    SchemaTerm term;
    CountRange count;
    size_t from = 0;  // items before it do not count
  };
  CountRange count;
  bool unique = false;
  std::vector<Items> items;
  std::vector<Contains> contains;
  void And(const ArraySet& other);
  std::string Key() const;
  /// What the item at this index must fit, `contains` aside.
  SchemaTerms TermsAt(size_t index) const;
  /// Items from here on are all treated alike.
  size_t PrefixLength() const;
};

struct ObjectSet {
  /// The keywords of one schema object that depend on each other; null where absent.
  struct Group {
    const JsonValue* properties = nullptr;
    const JsonValue* patterns = nullptr;
    const JsonValue* additional = nullptr;
    bool evaluates = true;  // for unevaluatedProperties; not what a failed schema said
    auto operator<=>(const Group&) const = default;
  };
  /// At least one member whose name is meant fits the term.
  struct Witness {
    enum class Names { kAdditional, kPattern, kNotFitting };
    Names names = Names::kAdditional;
    Group group;                     // kAdditional: outside of it
    std::string pattern;             // kPattern
    SchemaTerm name_term;            // kNotFitting: names that this schema does not allow
    std::optional<SchemaTerm> term;  // of the member's value
  };
  /// Members that none of the groups means fit the schema.
  struct Rest {
    std::vector<Group> groups;
    const JsonValue* schema = nullptr;
  };
  CountRange count;
  std::set<std::string> required;
  std::vector<Group> groups;
  std::vector<Rest> rests;
  std::map<std::string, SchemaTerms> named;
  SchemaTerms names;
  std::vector<Witness> witnesses;
  void And(const ObjectSet& other);
  std::string Key() const;
};

struct SchemaCube {
  uint8_t types = kAllTypes;
  NumberSet number;
  StringSet string;
  ArraySet array;
  ObjectSet object;

  static SchemaCube OfTypes(uint8_t types) {
    SchemaCube cube;
    cube.types = types;
    return cube;
  }
  /// Both hold. Types whose constraints contradict each other at first sight are left out.
  void And(const SchemaCube& other);
  void DropEmptyTypes();
};

}  // namespace dure::text
