#include "text/grammar/schema_expander.h"

#include <algorithm>
#include <string_view>

namespace dure::text {
namespace {

JsonValue OfKind(JsonValue::Kind kind) {
  JsonValue value;
  value.kind = kind;
  return value;
}

constexpr int kMostDepth = 150;  // of schemas that apply to one value, and of emptiness tests

}  // namespace

const JsonValue kTrueSchema = OfKind(JsonValue::Kind::kTrue);
const JsonValue kFalseSchema = OfKind(JsonValue::Kind::kFalse);

tl::unexpected<Error> SchemaExpander::Refuse(ErrorCode code, const JsonValue& schema,
                                             std::string_view keyword,
                                             const std::string& why) const {
  std::string pointer = source_.PointerTo(&schema);
  if (!keyword.empty()) pointer += PointerStep(keyword);
  return Fail(code, (pointer.empty() ? "/" : pointer) + ": " + why);
}

Result<void> SchemaExpander::Spend(size_t cubes) {
  spent_ += cubes + 1;
  if (spent_ > limits_.expansions) {
    return Fail(ErrorCode::kInvalidArgument, "/: the schema's combinations come to more than " +
                                                 std::to_string(limits_.expansions) +
                                                 " alternatives");
  }
  return {};
}

Result<SchemaCubes> SchemaExpander::Multiply(const SchemaCubes& a, const SchemaCubes& b) {
  SchemaCubes out;
  for (const SchemaCube& x : a) {
    if (auto spent = Spend(b.size() > 1 ? b.size() : 0); !spent) {
      return tl::unexpected(spent.error());
    }
    for (const SchemaCube& y : b) {
      SchemaCube both = x;
      both.And(y);
      if (both.types != 0) out.push_back(std::move(both));
    }
    if (out.size() > limits_.alternatives) {
      return Fail(ErrorCode::kInvalidArgument,
                  "/: a value has more than " + std::to_string(limits_.alternatives) +
                      " alternatives once anyOf, oneOf and the like are multiplied");
    }
  }
  return out;
}

Result<SchemaCubes> SchemaExpander::Expand(const SchemaTerms& terms) { return Product(terms); }

Result<SchemaCubes> SchemaExpander::Product(const std::vector<SchemaTerm>& terms) {
  SchemaCubes out = {SchemaCube()};
  for (const SchemaTerm& term : terms) {
    const auto cubes = ExpandTerm(term);
    if (!cubes) return cubes;
    auto both = Multiply(out, *cubes);
    if (!both) return both;
    out = std::move(*both);
  }
  return out;
}

Result<SchemaCubes> SchemaExpander::Sum(const std::vector<SchemaTerm>& terms) {
  SchemaCubes out;
  for (const SchemaTerm& term : terms) {
    const auto cubes = ExpandTerm(term);
    if (!cubes) return cubes;
    if (auto spent = Spend(cubes->size()); !spent) return tl::unexpected(spent.error());
    out.insert(out.end(), cubes->begin(), cubes->end());
  }
  return out;
}

Result<SchemaCubes> SchemaExpander::ExpandTerm(const SchemaTerm& term) {
  if (const auto known = expanded_.find(term); known != expanded_.end()) return known->second;
  if (term.constant) return ExpandConstant(*term.value, term.negated);
  if (term.value->is_bool()) {
    const bool everything = (term.value->kind == JsonValue::Kind::kTrue) != term.negated;
    return everything ? SchemaCubes{SchemaCube()} : SchemaCubes{};
  }
  if (!term.value->is_object()) {
    return Refuse(ErrorCode::kInvalidArgument, *term.value, "",
                  "a schema must be an object, true or false");
  }
  if (depth_ > kMostDepth || !active_.insert(term).second) {
    return Refuse(ErrorCode::kInvalidArgument, *term.value, "",
                  "this schema applies to the value it is applied to, without end");
  }
  ++depth_;
  auto cubes = ExpandObject(*term.value, term.negated);
  --depth_;
  active_.erase(term);
  if (cubes && term.negated) {
    for (SchemaCube& cube : *cubes) {
      for (auto& group : cube.object.groups) group.evaluates = false;
      for (auto& items : cube.array.items) items.evaluates = false;
    }
  }
  if (cubes) expanded_.emplace(term, *cubes);
  return cubes;
}

Result<SchemaCubes> SchemaExpander::ExpandObject(const JsonValue& schema, bool negated) {
  // Before 2019-09 `$ref` stands alone: whatever is beside it does not count.
  const bool alone = source_.draft() <= 7 && schema.Find("$ref") != nullptr;
  SchemaCubes out;
  if (!negated) out.emplace_back();
  for (const auto& [keyword, value] : schema.members) {
    if ((alone && keyword != "$ref") || IsUnevaluated(keyword)) continue;
    const Entry* entry = FindEntry(keyword);
    if (entry != nullptr && source_.draft() < entry->since) {
      return Refuse(ErrorCode::kUnsupported, schema, keyword,
                    "the keyword \"" + keyword + "\" is not of the draft that \"$schema\" names");
    }
    if (entry == nullptr) {
      const std::string_view why = WhyRefused(keyword);
      if (why.empty()) continue;
      return Refuse(ErrorCode::kUnsupported, schema, keyword,
                    "the keyword \"" + keyword + "\" " + std::string(why));
    }
    const auto cubes = (this->*(entry->handler))({schema, keyword, value, negated});
    if (!cubes) return cubes;
    if (negated) {
      out.insert(out.end(), cubes->begin(), cubes->end());
      continue;
    }
    auto both = Multiply(out, *cubes);
    if (!both) return both;
    out = std::move(*both);
  }
  // These look at what all the others have said.
  for (const auto& [keyword, value] : schema.members) {
    if (alone || !IsUnevaluated(keyword)) continue;
    const Use use{schema, keyword, value, negated};
    if (negated) {
      return Unsupported(use, "\"" + keyword + "\" under not, oneOf or if is not supported");
    }
    if (auto done = Unevaluated(use, out); !done) return tl::unexpected(done.error());
  }
  return out;
}

Result<SchemaTerms> SchemaExpander::TermsOfMember(const ObjectSet& object,
                                                  const std::string& name) {
  SchemaTerms terms;
  for (const ObjectSet::Group& group : object.groups) {
    bool meant = false;
    if (group.properties != nullptr) {
      if (const JsonValue* schema = group.properties->Find(name)) {
        AddTerm(terms, {schema, false, false});
        meant = true;
      }
    }
    if (group.patterns != nullptr) {
      for (const auto& [pattern, schema] : group.patterns->members) {
        const auto dfa = automata_.Pattern(pattern);
        if (!dfa) return Refuse(dfa.error().code, *group.patterns, pattern, dfa.error().message);
        if ((*dfa)->Match(name) == Dfa::kDead) continue;
        AddTerm(terms, {&schema, false, false});
        meant = true;
      }
    }
    if (!meant && group.additional != nullptr) AddTerm(terms, {group.additional, false, false});
  }
  for (const ObjectSet::Rest& rest : object.rests) {
    ObjectSet probe;
    probe.groups = rest.groups;
    for (auto& group : probe.groups) group.additional = nullptr;
    const auto meant = TermsOfMember(probe, name);
    if (!meant) return meant;
    if (meant->empty()) AddTerm(terms, {rest.schema, false, false});
  }
  if (const auto named = object.named.find(name); named != object.named.end()) {
    for (const SchemaTerm& term : named->second) AddTerm(terms, term);
  }
  return terms;
}

Result<bool> SchemaExpander::AllEmpty(const SchemaTerms& terms, int depth) {
  if (terms.empty()) return false;
  const auto cubes = Expand(terms);
  if (!cubes) return tl::unexpected(cubes.error());
  return std::all_of(cubes->begin(), cubes->end(),
                     [&](const SchemaCube& cube) { return ProvablyEmpty(cube, depth); });
}

bool SchemaExpander::CanBeArray(const SchemaCube& cube, int depth) {
  const ArraySet& array = cube.array;
  const auto looked = std::min<int64_t>(
      array.count.min, std::ssize(array.items) == 0 ? 0 : array.PrefixLength() + 1);
  for (int64_t i = 0; i < looked && depth > 0; ++i) {
    const auto empty = AllEmpty(array.TermsAt(i), depth - 1);
    if (empty && *empty) return false;
  }
  return true;
}

bool SchemaExpander::CanBeObject(const SchemaCube& cube, int depth) {
  for (const std::string& name : cube.object.required) {
    if (depth <= 0) break;
    const auto terms = TermsOfMember(cube.object, name);
    if (!terms) continue;
    const auto empty = AllEmpty(*terms, depth - 1);
    if (empty && *empty) return false;
  }
  return true;
}

bool SchemaExpander::ProvablyEmpty(const SchemaCube& cube, int depth) {
  if (cube.types & (kNullType | kTrueType | kFalseType)) return false;
  if (cube.types & kNumberType) {
    const bool open = cube.number.multiples.empty() && !cube.number.only;
    if (open && !(cube.number.lower && cube.number.upper)) return false;
    const auto dfa = automata_.Number(cube.number);
    if (!dfa || !(*dfa)->empty()) return false;
  }
  if (cube.types & kStringType) {
    StringSet known = cube.string;
    std::erase_if(known.patterns, [](const StringSet::Pattern& part) { return !part.exact; });
    if (!known.only && known.patterns.empty()) return false;
    const auto dfa = automata_.String(known);
    if (!dfa || !(*dfa)->empty()) return false;
  }
  if ((cube.types & kArrayType) && CanBeArray(cube, depth)) return false;
  if ((cube.types & kObjectType) && CanBeObject(cube, depth)) return false;
  return true;
}

}  // namespace dure::text
