// Keywords about arrays.
#include <algorithm>

#include "text/grammar/schema_expander.h"

namespace dure::text {

/// prefixItems and items, or the older items with additionalItems, when the first of them comes up.
Result<SchemaCubes> SchemaExpander::Items(const Use& use) {
  const JsonValue* items = use.schema.Find("items");
  const JsonValue* prefix = use.schema.Find("prefixItems");
  const JsonValue* rest = items;
  const char* first = prefix != nullptr ? "prefixItems" : "items";
  if (use.keyword != first) return Ignore(use);
  if (items != nullptr && items->is_array()) {
    if (prefix != nullptr || (source_.draft() >= 2020 && source_.draft_given())) {
      return Bad(use, "\"items\" must be a schema");
    }
    prefix = items;
    rest = use.schema.Find("additionalItems");
  }
  if (prefix != nullptr && !prefix->is_array()) {
    return Bad(use, "\"prefixItems\" must be an array of schemas");
  }
  ArraySet::Items group;
  if (prefix != nullptr) {
    for (const JsonValue& schema : prefix->items) group.prefix.push_back({&schema, false, false});
  }
  if (rest != nullptr) group.rest = SchemaTerm{rest, false, false};
  if (!use.negated) {
    SchemaCube cube;
    cube.array.items.push_back(std::move(group));
    return SchemaCubes{std::move(cube)};
  }
  SchemaCubes out;
  for (size_t i = 0; i < group.prefix.size(); ++i) {
    SchemaCube cube = SchemaCube::OfTypes(kArrayType);
    cube.array.count.min = static_cast<int64_t>(i) + 1;
    cube.array.items.emplace_back();
    cube.array.items[0].prefix.assign(i, {&kTrueSchema, false, false});
    cube.array.items[0].prefix.push_back({group.prefix[i].value, false, true});
    out.push_back(std::move(cube));
  }
  if (rest != nullptr) {
    SchemaCube cube = SchemaCube::OfTypes(kArrayType);
    cube.array.contains.push_back({{rest, false, true}, {1, -1}, group.prefix.size()});
    out.push_back(std::move(cube));
  }
  return out;
}

Result<SchemaCubes> SchemaExpander::Contains(const Use& use) {
  CountRange range{1, -1};
  for (const char* name : {"minContains", "maxContains"}) {
    const JsonValue* value = use.schema.Find(name);
    if (value == nullptr || source_.draft() < 2019) continue;
    const std::string keyword = name;
    const auto count = CountOf({use.schema, keyword, *value, use.negated});
    if (!count) return tl::unexpected(count.error());
    (keyword == "minContains" ? range.min : range.max) = *count;
  }
  const SchemaTerm term{&use.value, false, false};
  SchemaCubes out;
  const auto add = [&](CountRange count, uint8_t types) {
    SchemaCube cube = SchemaCube::OfTypes(types);
    if (count.min > 0 || count.max >= 0) cube.array.contains.push_back({term, count, 0});
    out.push_back(std::move(cube));
  };
  if (!use.negated) {
    add(range, kAllTypes);
  } else {
    if (range.min > 0) add({0, range.min - 1}, kArrayType);
    if (range.max >= 0) add({range.max + 1, -1}, kArrayType);
  }
  return out;
}

Result<SchemaCubes> SchemaExpander::UniqueItems(const Use& use) {
  if (!use.value.is_bool()) return Bad(use, "\"uniqueItems\" must be true or false");
  if (use.value.kind == JsonValue::Kind::kFalse) return Ignore(use);
  if (use.negated) {
    return Unsupported(use,
                       "the opposite of \"uniqueItems\" (under not, oneOf or if) is not "
                       "supported");
  }
  SchemaCube cube;
  cube.array.unique = true;
  return SchemaCubes{std::move(cube)};
}

}  // namespace dure::text
