// Keywords about objects.
#include <algorithm>

#include "text/grammar/schema_expander.h"

namespace dure::text {
namespace {

SchemaCube Absent(const std::string& name) {
  SchemaCube cube = SchemaCube::OfTypes(kObjectType);
  cube.object.named[name] = {{&kFalseSchema, false, false}};
  return cube;
}

SchemaCube Present(const std::string& name) {
  SchemaCube cube = SchemaCube::OfTypes(kObjectType);
  cube.object.required.insert(name);
  return cube;
}

SchemaCube NoObject() {
  return SchemaCube::OfTypes(static_cast<uint8_t>(kAllTypes & ~kObjectType));
}

bool IsStringArray(const JsonValue& value) {
  return value.is_array() && std::all_of(value.items.begin(), value.items.end(),
                                         [](const JsonValue& item) { return item.is_string(); });
}

SchemaCube WitnessCube(ObjectSet::Witness witness) {
  SchemaCube cube = SchemaCube::OfTypes(kObjectType);
  cube.object.witnesses.push_back(std::move(witness));
  cube.object.count.min = 1;
  return cube;
}

}  // namespace

Result<SchemaCubes> SchemaExpander::Required(const Use& use) {
  if (!IsStringArray(use.value)) return Bad(use, "\"required\" must be an array of names");
  if (use.negated) {
    SchemaCubes out;
    for (const JsonValue& name : use.value.items) out.push_back(Absent(name.text));
    return out;
  }
  SchemaCube cube;
  for (const JsonValue& name : use.value.items) cube.object.required.insert(name.text);
  return SchemaCubes{std::move(cube)};
}

/// properties, patternProperties and additionalProperties together, when the first of them comes
/// up.
Result<SchemaCubes> SchemaExpander::Properties(const Use& use) {
  ObjectSet::Group group;
  group.properties = use.schema.Find("properties");
  group.patterns = use.schema.Find("patternProperties");
  group.additional = use.schema.Find("additionalProperties");
  for (const JsonValue* map : {group.properties, group.patterns}) {
    if (map != nullptr && !map->is_object()) return Bad(use, "must be an object of schemas");
  }
  const char* first = group.properties != nullptr ? "properties"
                      : group.patterns != nullptr ? "patternProperties"
                                                  : "additionalProperties";
  if (use.keyword != first) return Ignore(use);
  if (use.negated) return NotProperties(use, group);
  SchemaCube cube;
  cube.object.groups.push_back(group);
  return SchemaCubes{std::move(cube)};
}

Result<SchemaCubes> SchemaExpander::NotProperties(const Use& use, const ObjectSet::Group& group) {
  SchemaCubes out;
  if (group.properties != nullptr) {
    for (const auto& [name, schema] : group.properties->members) {
      SchemaCube cube = Present(name);
      cube.object.named[name] = {{&schema, false, true}};
      out.push_back(std::move(cube));
    }
  }
  if (group.patterns != nullptr) {
    for (const auto& [pattern, schema] : group.patterns->members) {
      ObjectSet::Witness witness;
      witness.names = ObjectSet::Witness::Names::kPattern;
      witness.pattern = pattern;
      witness.term = SchemaTerm{&schema, false, true};
      out.push_back(WitnessCube(std::move(witness)));
    }
  }
  if (group.additional != nullptr && group.additional->kind != JsonValue::Kind::kTrue) {
    ObjectSet::Witness witness;
    witness.group = group;
    witness.term = SchemaTerm{group.additional, false, true};
    out.push_back(WitnessCube(std::move(witness)));
  }
  if (auto spent = Spend(out.size()); !spent) return tl::unexpected(spent.error());
  (void)use;
  return out;
}

Result<SchemaCubes> SchemaExpander::PropertyNames(const Use& use) {
  if (use.negated) {
    ObjectSet::Witness witness;
    witness.names = ObjectSet::Witness::Names::kNotFitting;
    witness.name_term = {&use.value, false, true};
    return SchemaCubes{WitnessCube(std::move(witness))};
  }
  SchemaCube cube;
  cube.object.names = {{&use.value, false, false}};
  return SchemaCubes{std::move(cube)};
}

/// dependentRequired, dependentSchemas and the older dependencies.
Result<SchemaCubes> SchemaExpander::Dependencies(const Use& use) {
  if (!use.value.is_object()) return Bad(use, "\"" + use.keyword + "\" must be an object");
  SchemaCubes out;
  if (!use.negated) out.emplace_back();
  for (const auto& [name, value] : use.value.members) {
    const auto cubes = Dependency(use, name, value);
    if (!cubes) return cubes;
    if (use.negated) {
      out.insert(out.end(), cubes->begin(), cubes->end());
      continue;
    }
    auto both = Multiply(out, *cubes);
    if (!both) return both;
    out = std::move(*both);
  }
  return out;
}

Result<SchemaCubes> SchemaExpander::Dependency(const Use& use, const std::string& name,
                                               const JsonValue& value) {
  JsonValue single;
  const JsonValue* names = &value;
  if (use.keyword == "dependencies" && value.is_string()) {
    single.kind = JsonValue::Kind::kArray;
    single.items.push_back(value);
    names = &single;
  }
  SchemaCubes present = {Present(name)};
  if (names->is_array() && use.keyword != "dependentSchemas") {
    if (!IsStringArray(*names)) return Bad(use, "must be an object of arrays of names");
    SchemaCubes out;
    if (use.negated) {
      for (const JsonValue& other : names->items) {
        SchemaCube cube = present[0];
        cube.And(Absent(other.text));
        out.push_back(std::move(cube));
      }
      return out;
    }
    SchemaCube all = present[0];
    for (const JsonValue& other : names->items) all.object.required.insert(other.text);
    return SchemaCubes{NoObject(), Absent(name), std::move(all)};
  }
  if (use.keyword == "dependentRequired") return Bad(use, "must be an object of arrays of names");
  const auto cubes = ExpandTerm({&value, false, use.negated});
  if (!cubes) return cubes;
  auto both = Multiply(present, *cubes);
  if (!both || use.negated) return both;
  both->push_back(NoObject());
  both->push_back(Absent(name));
  return both;
}

/// Members and items that no other keyword here has looked at, also none of the schemas applied in
/// place, fit this schema.
Result<void> SchemaExpander::Unevaluated(const Use& use, SchemaCubes& cubes) {
  const SchemaTerm term{&use.value, false, false};
  for (SchemaCube& cube : cubes) {
    if (use.keyword == "unevaluatedProperties") {
      ObjectSet::Rest rest;
      rest.schema = &use.value;
      bool all = false;
      for (const ObjectSet::Group& group : cube.object.groups) {
        if (!group.evaluates) continue;
        all = all || group.additional != nullptr;
        rest.groups.push_back(group);
      }
      if (!all) cube.object.rests.push_back(std::move(rest));
      // Now every member has been looked at.
      cube.object.groups.push_back({nullptr, nullptr, &kTrueSchema, true});
      continue;
    }
    if (!cube.array.contains.empty()) {
      return Unsupported(use, "\"unevaluatedItems\" beside \"contains\" is not supported");
    }
    ArraySet::Items rest;
    rest.rest = term;
    bool all = false;
    for (const ArraySet::Items& items : cube.array.items) {
      if (!items.evaluates) continue;
      all = all || items.rest;
      const size_t length = std::max(rest.prefix.size(), items.prefix.size());
      rest.prefix.resize(length, {&kTrueSchema, false, false});
    }
    if (all) rest = {{}, SchemaTerm{&kTrueSchema, false, false}, true};
    cube.array.items.push_back(std::move(rest));
  }
  return {};
}

}  // namespace dure::text
