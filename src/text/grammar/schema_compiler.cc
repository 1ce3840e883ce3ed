#include "text/grammar/schema_compiler.h"

#include <algorithm>
#include <optional>

namespace dure::text {
namespace {

bool SaysFalse(const SchemaTerms& terms) {
  return std::any_of(terms.begin(), terms.end(), [](const SchemaTerm& term) {
    return !term.constant && term.value->is_bool() &&
           (term.value->kind == JsonValue::Kind::kTrue) == term.negated;
  });
}

/// `true` adds nothing: without it equal sets of terms look equal.
SchemaTerms Simplified(const SchemaTerms& terms) {
  SchemaTerms out;
  for (const SchemaTerm& term : terms) {
    const bool nothing = !term.constant && term.value->is_bool() &&
                         (term.value->kind == JsonValue::Kind::kTrue) != term.negated;
    if (!nothing) out.push_back(term);
  }
  return out;
}

}  // namespace

tl::unexpected<Error> SchemaCompiler::Refuse(const std::string& why) const {
  return Fail(ErrorCode::kInvalidArgument, "/: " + why);
}

int32_t SchemaCompiler::AutomatonId(const DfaPtr& dfa) {
  const auto [entry, added] =
      automata_.emplace(dfa.get(), static_cast<int32_t>(program_.automata.size()));
  if (added) program_.automata.push_back(dfa);
  return entry->second;
}

Result<JsonProgram> SchemaCompiler::Compile(bool allow_nothing) {
  const auto root = NodeOf({{&expander_.source().root(), false, false}});
  if (!root) return tl::unexpected(root.error());
  while (!todo_.empty()) {
    const auto [node, terms] = std::move(todo_.front());
    todo_.pop_front();
    if (auto filled = Fill(node, terms); !filled) return tl::unexpected(filled.error());
  }
  Prune();
  program_.root = *root;
  if (program_.nodes[*root].empty() && !allow_nothing) {
    return Refuse("no document fits the schema");
  }
  return std::move(program_);
}

Result<int32_t> SchemaCompiler::NodeOf(const SchemaTerms& given) {
  const SchemaTerms terms = Simplified(given);
  const auto [entry, added] = nodes_.emplace(terms, static_cast<int32_t>(nodes_.size()));
  if (!added) return entry->second;
  if (nodes_.size() > limits_.nodes) {
    return Refuse("the schema has more than " + std::to_string(limits_.nodes) +
                  " distinct places for values");
  }
  program_.nodes.emplace_back();
  todo_.emplace_back(entry->second, terms);
  return entry->second;
}

Result<void> SchemaCompiler::Fill(int32_t id, const SchemaTerms& terms) {
  const auto cubes = expander_.Expand(terms);
  if (!cubes) return tl::unexpected(cubes.error());
  JsonNode node;
  if (auto strings = FillStrings(*cubes, node); !strings) return strings;
  if (auto numbers = FillNumbers(*cubes, node); !numbers) return numbers;
  const auto add = [](std::vector<int32_t>& list, int32_t alternative) {
    if (std::find(list.begin(), list.end(), alternative) == list.end()) {
      list.push_back(alternative);
    }
  };
  for (const SchemaCube& cube : *cubes) {
    node.null = node.null || (cube.types & kNullType) != 0;
    node.yes = node.yes || (cube.types & kTrueType) != 0;
    node.no = node.no || (cube.types & kFalseType) != 0;
    if (cube.types & kArrayType) {
      const auto array = ArrayOf(cube.array);
      if (!array) return tl::unexpected(array.error());
      add(node.arrays, *array);
    }
    if (cube.types & kObjectType) {
      const auto object = ObjectOf(cube.object);
      if (!object) return tl::unexpected(object.error());
      add(node.objects, *object);
    }
  }
  program_.nodes[id] = std::move(node);
  return {};
}

Result<void> SchemaCompiler::FillStrings(const SchemaCubes& cubes, JsonNode& node) {
  AutomatonCache& automata = expander_.automata();
  std::vector<DfaPtr> parts;
  StringSet words;
  words.only.emplace();
  for (const SchemaCube& cube : cubes) {
    if (!(cube.types & kStringType)) continue;
    const bool bare = cube.string.only && cube.string.patterns.empty() &&
                      cube.string.excluded.empty() && cube.string.length == CountRange();
    if (bare) {
      words.only->insert(cube.string.only->begin(), cube.string.only->end());
      continue;
    }
    const auto dfa = automata.String(cube.string);
    if (!dfa) return tl::unexpected(dfa.error());
    if (*dfa == automata.any()) {
      node.string = AutomatonId(*dfa);
      return {};
    }
    if ((*dfa)->empty() || std::find(parts.begin(), parts.end(), *dfa) != parts.end()) continue;
    parts.push_back(*dfa);
  }
  if (!words.only->empty()) {
    const auto dfa = automata.String(words);
    if (!dfa) return tl::unexpected(dfa.error());
    parts.push_back(*dfa);
  }
  if (parts.empty()) return {};
  DfaPtr all = parts[0];
  for (size_t i = 1; i < parts.size(); ++i) {
    auto both = automata.Both(all, parts[i], DfaOperation::kOr);
    if (!both) return tl::unexpected(both.error());
    all = *both;
  }
  node.string = AutomatonId(all);
  return {};
}

Result<void> SchemaCompiler::FillNumbers(const SchemaCubes& cubes, JsonNode& node) {
  AutomatonCache& automata = expander_.automata();
  std::vector<DfaPtr> parts;
  for (const SchemaCube& cube : cubes) {
    if (!(cube.types & kNumberType)) continue;
    const auto dfa = automata.Number(cube.number);
    if (!dfa) return Refuse(dfa.error().message);
    if ((*dfa)->empty() || std::find(parts.begin(), parts.end(), *dfa) != parts.end()) continue;
    parts.push_back(*dfa);
  }
  if (parts.empty()) return {};
  DfaPtr all = parts[0];
  for (size_t i = 1; i < parts.size(); ++i) {
    auto both = automata.Both(all, parts[i], DfaOperation::kOr);
    if (!both) return tl::unexpected(both.error());
    all = *both;
  }
  node.number = AutomatonId(all);
  return {};
}

Result<int32_t> SchemaCompiler::ArrayOf(const ArraySet& set) {
  const std::string key = set.Key();
  if (const auto known = arrays_.find(key); known != arrays_.end()) return known->second;
  const auto id = static_cast<int32_t>(program_.arrays.size());
  arrays_.emplace(key, id);
  program_.arrays.emplace_back();
  if (set.contains.size() > kMostContains) {
    return Fail(ErrorCode::kUnsupported, "/: more than " + std::to_string(kMostContains) +
                                             " \"contains\" for one array are not supported");
  }
  JsonArray array;
  array.min = set.count.min;
  array.max = set.count.max;
  array.unique = set.unique;
  for (const ArraySet::Contains& part : set.contains) {
    constexpr int64_t kMostCounted = 30'000;
    if (part.count.min > kMostCounted || part.count.max > kMostCounted) {
      return Refuse("\"minContains\" and \"maxContains\" go up to " + std::to_string(kMostCounted));
    }
    array.contains.push_back({part.count.min, part.count.max});
  }
  const size_t prefix = set.PrefixLength();
  for (size_t i = 0; i <= prefix; ++i) {
    auto choices = ItemChoices(set, i);
    if (!choices) return tl::unexpected(choices.error());
    (i < prefix ? array.prefix.emplace_back() : array.rest) = std::move(*choices);
  }
  program_.arrays[id] = std::move(array);
  return id;
}

Result<std::vector<JsonChoice>> SchemaCompiler::ItemChoices(const ArraySet& set, size_t index) {
  std::vector<JsonChoice> choices;
  const SchemaTerms terms = set.TermsAt(index);
  if (SaysFalse(terms)) return choices;
  for (uint32_t counted = 0; counted < (1u << set.contains.size()); ++counted) {
    SchemaTerms all = terms;
    bool possible = true;
    for (size_t c = 0; c < set.contains.size(); ++c) {
      SchemaTerm term = set.contains[c].term;
      if (counted >> c & 1) {
        possible = possible && index >= set.contains[c].from;
        AddTerm(all, term);
      } else if (set.contains[c].count.max >= 0 && index >= set.contains[c].from) {
        term.negated = !term.negated;
        AddTerm(all, term);
      }
    }
    if (!possible || SaysFalse(all)) continue;
    const auto node = NodeOf(all);
    if (!node) return tl::unexpected(node.error());
    choices.push_back({*node, counted});
  }
  return choices;
}

Result<int32_t> SchemaCompiler::ObjectOf(const ObjectSet& set) {
  const std::string key = set.Key();
  if (const auto known = objects_.find(key); known != objects_.end()) return known->second;
  const auto id = static_cast<int32_t>(program_.objects.size());
  objects_.emplace(key, id);
  program_.objects.emplace_back();
  JsonObject object;
  object.min = set.count.min;
  object.max = set.count.max;
  object.required.assign(set.required.begin(), set.required.end());
  object.witnesses = (1u << set.witnesses.size()) - 1;
  ObjectSet bare = set;
  bare.count = {};
  bare.required.clear();
  const auto [members, added] = members_.try_emplace(bare.Key());
  if (added) {
    auto made = MembersOf(bare);
    if (!made) return tl::unexpected(made.error());
    members->second = std::move(*made);
  }
  object.names = members->second.names;
  object.classes = members->second.classes;
  program_.objects[id] = std::move(object);
  return id;
}

}  // namespace dure::text
