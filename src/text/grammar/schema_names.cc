// The names of an object's members: one automaton that tells which class a name belongs to, and the
// values each class may have.
#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "text/grammar/schema_compiler.h"

namespace dure::text {
namespace {

constexpr size_t kMostWitnesses = 3;
using Names = ObjectSet::Witness::Names;

/// What reading a name decides: the literals and automata it is compared with.
struct NameTests {
  std::vector<std::string> literals;
  std::vector<DfaPtr> automata;
  std::map<std::string, size_t> patterns;  // index of a pattern's automaton
  std::optional<size_t> allowed;           // of propertyNames
  std::vector<size_t> witness;             // of each witness by name, else 0

  size_t Add(const DfaPtr& dfa) {
    automata.push_back(dfa);
    return automata.size() - 1;
  }
};

/// One name, seen through the tests.
struct SeenName {
  const NameTests& tests;
  const std::string* literal;  // null: none of the literals
  const std::vector<bool>& matched;

  bool Matches(const std::string& pattern) const { return matched[tests.patterns.at(pattern)]; }
  /// Adds what the group says of this name; false when it falls to additionalProperties.
  bool Meant(const ObjectSet::Group& group, SchemaTerms* terms) const {
    bool meant = false;
    const auto add = [&](const JsonValue& schema) {
      meant = true;
      if (terms != nullptr) AddTerm(*terms, {&schema, false, false});
    };
    if (group.properties != nullptr && literal != nullptr) {
      if (const JsonValue* schema = group.properties->Find(*literal)) add(*schema);
    }
    if (group.patterns != nullptr) {
      for (const auto& [pattern, schema] : group.patterns->members) {
        if (Matches(pattern)) add(schema);
      }
    }
    return meant;
  }
  SchemaTerms Terms(const ObjectSet& set) const {
    SchemaTerms terms;
    for (const ObjectSet::Group& group : set.groups) {
      if (!Meant(group, &terms) && group.additional != nullptr) {
        AddTerm(terms, {group.additional, false, false});
      }
    }
    for (const ObjectSet::Rest& rest : set.rests) {
      const bool meant = std::any_of(rest.groups.begin(), rest.groups.end(),
                                     [&](const auto& group) { return Meant(group, nullptr); });
      if (!meant) AddTerm(terms, {rest.schema, false, false});
    }
    if (literal != nullptr) {
      if (const auto named = set.named.find(*literal); named != set.named.end()) {
        for (const SchemaTerm& term : named->second) AddTerm(terms, term);
      }
    }
    return terms;
  }
  /// Bits of the witnesses that this name can be one of.
  uint32_t Witnesses(const ObjectSet& set) const {
    uint32_t bits = 0;
    for (size_t w = 0; w < set.witnesses.size(); ++w) {
      const ObjectSet::Witness& witness = set.witnesses[w];
      const bool can = witness.names == Names::kAdditional ? !Meant(witness.group, nullptr)
                       : witness.names == Names::kPattern  ? Matches(witness.pattern)
                                                           : matched[tests.witness[w]];
      if (can) bits |= 1u << w;
    }
    return bits;
  }
};

/// The strings that fit the terms.
Result<DfaPtr> StringsOf(SchemaExpander& expander, const SchemaTerms& terms) {
  const auto cubes = expander.Expand(terms);
  if (!cubes) return tl::unexpected(cubes.error());
  DfaPtr all = std::make_shared<const Dfa>(Dfa::Lengths(1, 0));
  for (const SchemaCube& cube : *cubes) {
    if (!(cube.types & kStringType)) continue;
    const auto dfa = expander.automata().String(cube.string);
    if (!dfa) return dfa;
    if (all->empty()) {
      all = *dfa;
      continue;
    }
    auto both = expander.automata().Both(all, *dfa, DfaOperation::kOr);
    if (!both) return both;
    all = *both;
  }
  return all;
}

Result<NameTests> TestsOf(SchemaExpander& expander, const ObjectSet& set) {
  NameTests tests;
  std::set<std::string> literals;
  for (const auto& [name, terms] : set.named) literals.insert(name);
  std::vector<ObjectSet::Group> groups = set.groups;
  for (const ObjectSet::Witness& witness : set.witnesses) groups.push_back(witness.group);
  std::vector<std::pair<std::string, const JsonValue*>> patterns;
  for (const ObjectSet::Group& group : groups) {
    if (group.properties != nullptr) {
      for (const auto& [name, schema] : group.properties->members) literals.insert(name);
    }
    if (group.patterns != nullptr) {
      for (const auto& [pattern, schema] : group.patterns->members) {
        patterns.emplace_back(pattern, group.patterns);
      }
    }
  }
  for (const ObjectSet::Witness& witness : set.witnesses) {
    if (witness.names == Names::kPattern) patterns.emplace_back(witness.pattern, nullptr);
  }
  for (const auto& [pattern, where] : patterns) {
    if (tests.patterns.contains(pattern)) continue;
    const auto dfa = expander.automata().Pattern(pattern);
    if (!dfa) {
      const JsonValue& place = where != nullptr ? *where : expander.source().root();
      return expander.Refuse(dfa.error().code, place, pattern, dfa.error().message);
    }
    tests.patterns.emplace(pattern, tests.Add(*dfa));
  }
  if (!set.names.empty()) {
    const auto dfa = StringsOf(expander, set.names);
    if (!dfa) return tl::unexpected(dfa.error());
    tests.allowed = tests.Add(*dfa);
  }
  for (const ObjectSet::Witness& witness : set.witnesses) {
    tests.witness.push_back(0);
    if (witness.names != Names::kNotFitting) continue;
    const auto dfa = StringsOf(expander, {witness.name_term});
    if (!dfa) return tl::unexpected(dfa.error());
    tests.witness.back() = tests.Add(*dfa);
  }
  tests.literals.assign(literals.begin(), literals.end());
  return tests;
}

}  // namespace

Result<SchemaCompiler::Members> SchemaCompiler::MembersOf(const ObjectSet& set) {
  if (set.witnesses.size() > kMostWitnesses) {
    return Fail(ErrorCode::kUnsupported,
                "/: a combination of negated object schemas (under not, oneOf or if) that is not "
                "supported");
  }
  const auto tests = TestsOf(expander_, set);
  if (!tests) return tl::unexpected(tests.error());
  std::vector<SchemaTerm> witnesses;
  for (const ObjectSet::Witness& witness : set.witnesses) {
    witnesses.push_back(witness.term.value_or(SchemaTerm{&kTrueSchema, false, false}));
  }
  Members members;
  std::map<std::pair<SchemaTerms, uint32_t>, int32_t> classes;
  std::optional<Error> error;
  const auto tag = [&](int literal, const std::vector<bool>& matched) -> int32_t {
    const SeenName name{*tests, literal < 0 ? nullptr : &tests->literals[literal], matched};
    if (error || (tests->allowed && !matched[*tests->allowed])) return Dfa::kDead;
    const SchemaTerms terms = name.Terms(set);
    const uint32_t applicable = name.Witnesses(set);
    const auto known = classes.find({terms, applicable});
    if (known != classes.end()) return known->second;
    auto choices = MemberChoices(terms, witnesses, applicable);
    if (!choices) {
      error = choices.error();
      return Dfa::kDead;
    }
    int32_t id = Dfa::kDead;
    if (!choices->empty()) {
      id = static_cast<int32_t>(members.classes.size());
      members.classes.push_back(std::move(*choices));
    }
    classes.emplace(std::pair{terms, applicable}, id);
    return id;
  };
  std::vector<const Dfa*> automata;
  for (const DfaPtr& dfa : tests->automata) automata.push_back(dfa.get());
  const auto names = expander_.automata().Keep(NamesDfa(tests->literals, automata, tag, limits_));
  if (error) return tl::unexpected(*error);
  if (!names) return Refuse(names.error().message);
  members.names = AutomatonId(*names);
  return members;
}

Result<std::vector<JsonChoice>> SchemaCompiler::MemberChoices(
    SchemaTerms terms, const std::vector<SchemaTerm>& witnesses, uint32_t applicable) {
  std::vector<JsonChoice> choices;
  if (SchemaTerms none = terms; std::any_of(none.begin(), none.end(), [](const SchemaTerm& term) {
        return !term.constant && term.value->is_bool() &&
               (term.value->kind == JsonValue::Kind::kTrue) == term.negated;
      })) {
    return choices;
  }
  for (uint32_t counted = 0; counted < (1u << witnesses.size()); ++counted) {
    if ((counted & applicable) != counted) continue;
    SchemaTerms all = terms;
    for (size_t w = 0; w < witnesses.size(); ++w) {
      if (counted >> w & 1) AddTerm(all, witnesses[w]);
    }
    const auto node = NodeOf(all);
    if (!node) return tl::unexpected(node.error());
    choices.push_back({*node, counted});
  }
  return choices;
}

}  // namespace dure::text
