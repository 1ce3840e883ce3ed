// Keywords that combine schemas.
#include <algorithm>
#include <string_view>

#include "text/grammar/schema_expander.h"

namespace dure::text {
namespace {

constexpr int kEmptinessDepth = 3;
constexpr size_t kMostOneOfNegated = 8;
constexpr size_t kMostSubsets = 4;

}  // namespace

Result<std::vector<SchemaTerm>> SchemaExpander::Branches(const Use& use, bool negated) const {
  if (!use.value.is_array() || use.value.items.empty()) {
    return Bad(use, "\"" + use.keyword + "\" must be a non-empty array of schemas");
  }
  std::vector<SchemaTerm> terms;
  for (const JsonValue& schema : use.value.items) terms.push_back({&schema, false, negated});
  return terms;
}

Result<SchemaCubes> SchemaExpander::AllOf(const Use& use) {
  const auto terms = Branches(use, use.negated);
  if (!terms) return tl::unexpected(terms.error());
  return use.negated ? Sum(*terms) : Product(*terms);
}

Result<SchemaCubes> SchemaExpander::AnyOf(const Use& use) {
  const auto terms = Branches(use, use.negated);
  if (!terms) return tl::unexpected(terms.error());
  if (use.negated) return Product(*terms);
  return source_.has_unevaluated() ? SumOfSubsets(*terms) : Sum(*terms);
}

/// As Sum; where several branches fit, what each of them has looked at counts together.
Result<SchemaCubes> SchemaExpander::SumOfSubsets(const std::vector<SchemaTerm>& terms) {
  if (terms.size() > kMostSubsets) return Sum(terms);
  SchemaCubes out;
  for (uint32_t subset = 1; subset < (1u << terms.size()); ++subset) {
    std::vector<SchemaTerm> chosen;
    for (size_t i = 0; i < terms.size(); ++i) {
      if (subset >> i & 1) chosen.push_back(terms[i]);
    }
    const auto cubes = Product(chosen);
    if (!cubes) return cubes;
    out.insert(out.end(), cubes->begin(), cubes->end());
  }
  return out;
}

bool SchemaExpander::Disjoint(const SchemaCubes& a, const SchemaCubes& b) {
  for (const SchemaCube& x : a) {
    for (const SchemaCube& y : b) {
      if (!Spend(1)) return false;
      SchemaCube both = x;
      both.And(y);
      if (both.types != 0 && !ProvablyEmpty(both, kEmptinessDepth)) return false;
    }
  }
  return true;
}

/// Each branch, and none of those it shares values with.
Result<SchemaCubes> SchemaExpander::OneOf(const Use& use) {
  const auto branches = Branches(use, false);
  if (!branches) return tl::unexpected(branches.error());
  if (use.negated) return NotOneOf(*branches);
  std::vector<SchemaCubes> cubes;
  for (const SchemaTerm& branch : *branches) {
    auto expanded = ExpandTerm(branch);
    if (!expanded) return expanded;
    cubes.push_back(std::move(*expanded));
  }
  std::vector<SchemaCubes> exact = cubes;
  for (size_t i = 0; i < cubes.size(); ++i) {
    for (size_t j = i + 1; j < cubes.size(); ++j) {
      if (Disjoint(cubes[i], cubes[j])) continue;
      for (const auto& [mine, other] : {std::pair{i, j}, std::pair{j, i}}) {
        const auto not_other = ExpandTerm({(*branches)[other].value, false, true});
        if (!not_other) return not_other;
        auto rest = Multiply(exact[mine], *not_other);
        if (!rest) return rest;
        std::erase_if(*rest, [&](const SchemaCube& cube) { return ProvablyEmpty(cube, 1); });
        exact[mine] = std::move(*rest);
      }
    }
  }
  SchemaCubes out;
  for (const SchemaCubes& branch : exact) out.insert(out.end(), branch.begin(), branch.end());
  if (auto spent = Spend(out.size()); !spent) return tl::unexpected(spent.error());
  return out;
}

/// None of the branches, or at least two.
Result<SchemaCubes> SchemaExpander::NotOneOf(const std::vector<SchemaTerm>& branches) {
  std::vector<SchemaTerm> none = branches;
  for (SchemaTerm& term : none) term.negated = true;
  auto out = Product(none);
  if (!out) return out;
  if (branches.size() > kMostOneOfNegated) {
    return Refuse(ErrorCode::kUnsupported, *branches[0].value, "",
                  "the opposite of a oneOf of so many branches is not supported");
  }
  for (size_t i = 0; i < branches.size(); ++i) {
    for (size_t j = i + 1; j < branches.size(); ++j) {
      const auto both = Product({branches[i], branches[j]});
      if (!both) return both;
      out->insert(out->end(), both->begin(), both->end());
    }
  }
  return out;
}

Result<SchemaCubes> SchemaExpander::Not(const Use& use) {
  return ExpandTerm({&use.value, false, !use.negated});
}

Result<SchemaCubes> SchemaExpander::If(const Use& use) {
  const auto branch = [&](const char* keyword) {
    const JsonValue* schema = use.schema.Find(keyword);
    return SchemaTerm{schema != nullptr ? schema : &kTrueSchema, false, use.negated};
  };
  const bool alone = use.schema.Find("then") == nullptr && use.schema.Find("else") == nullptr;
  if (alone && (use.negated || !source_.has_unevaluated())) return Ignore(use);
  auto out = Product({{&use.value, false, false}, branch("then")});
  if (!out) return out;
  const auto otherwise = Product({{&use.value, false, true}, branch("else")});
  if (!otherwise) return otherwise;
  out->insert(out->end(), otherwise->begin(), otherwise->end());
  return out;
}

Result<SchemaCubes> SchemaExpander::Ref(const Use& use) {
  if (!use.value.is_string()) return Bad(use, "\"" + use.keyword + "\" must be a string");
  const auto target = source_.Resolve(use.schema, use.value.text);
  if (!target) return Refuse(target.error().code, use.schema, use.keyword, target.error().message);
  if (use.keyword == "$dynamicRef" && (*target)->is_object()) {
    const JsonValue* anchor = (*target)->Find("$dynamicAnchor");
    const std::string& ref = use.value.text;
    if (anchor != nullptr && ref.ends_with("#" + anchor->text) &&
        source_.DynamicAnchors(anchor->text) > 1) {
      return Unsupported(use,
                         "\"$dynamicRef\" to one of several \"$dynamicAnchor\" of a name "
                         "is not supported");
    }
  }
  return ExpandTerm({*target, false, use.negated});
}

}  // namespace dure::text
