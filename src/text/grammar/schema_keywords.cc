// Keywords about one value by itself: types, constants, strings and numbers.
#include <algorithm>
#include <iterator>
#include <string_view>
#include <utility>

#include "text/grammar/schema_expander.h"
#include "text/grammar/string_format.h"

namespace dure::text {
namespace {

/// Formats whose automaton is exact, so that its complement is too.
constexpr std::string_view kExactFormats[] = {
    "date", "uuid", "ipv4", "ip-address", "ipv6", "json-pointer", "relative-json-pointer"};

uint8_t TypeOf(const JsonValue& value) {
  switch (value.kind) {
    case JsonValue::Kind::kNull:
      return kNullType;
    case JsonValue::Kind::kFalse:
      return kFalseType;
    case JsonValue::Kind::kTrue:
      return kTrueType;
    case JsonValue::Kind::kNumber:
      return kNumberType;
    case JsonValue::Kind::kString:
      return kStringType;
    case JsonValue::Kind::kArray:
      return kArrayType;
    case JsonValue::Kind::kObject:
      return kObjectType;
  }
  return 0;
}

SchemaCube ArrayCube(CountRange count) {
  SchemaCube cube = SchemaCube::OfTypes(kArrayType);
  cube.array.count = count;
  return cube;
}

SchemaCube ObjectCube(CountRange count) {
  SchemaCube cube = SchemaCube::OfTypes(kObjectType);
  cube.object.count = count;
  return cube;
}

SchemaCubes EqualComposite(const JsonValue& value) {
  if (value.is_array()) {
    const auto size = std::ssize(value.items);
    SchemaCube cube = ArrayCube({size, size});
    cube.array.items.emplace_back();
    for (const JsonValue& item : value.items) {
      cube.array.items[0].prefix.push_back({&item, true, false});
    }
    return {std::move(cube)};
  }
  const auto size = std::ssize(value.members);
  SchemaCube cube = ObjectCube({size, size});
  for (const auto& [name, member] : value.members) {
    cube.object.required.insert(name);
    cube.object.named[name] = {{&member, true, false}};
  }
  return {std::move(cube)};
}

/// Of the same type, but not equal: another size, or a difference in one place.
void AddUnequalComposite(const JsonValue& value, SchemaCubes& out) {
  if (value.is_array()) {
    const auto size = std::ssize(value.items);
    out.push_back(ArrayCube({size + 1, -1}));
    if (size > 0) out.push_back(ArrayCube({0, size - 1}));
    for (size_t i = 0; i < value.items.size(); ++i) {
      SchemaCube cube = ArrayCube({size, size});
      cube.array.items.emplace_back();
      cube.array.items[0].prefix.assign(i, {&kTrueSchema, false, false});
      cube.array.items[0].prefix.push_back({&value.items[i], true, true});
      out.push_back(std::move(cube));
    }
    return;
  }
  const auto size = std::ssize(value.members);
  out.push_back(ObjectCube({size + 1, -1}));
  if (size > 0) out.push_back(ObjectCube({0, size - 1}));
  for (const auto& [name, member] : value.members) {
    SchemaCube absent = ObjectCube({size, size});
    absent.object.named[name] = {{&kFalseSchema, false, false}};
    out.push_back(std::move(absent));
    SchemaCube other = ObjectCube({size, size});
    other.object.required.insert(name);
    other.object.named[name] = {{&member, true, true}};
    out.push_back(std::move(other));
  }
}

}  // namespace

Result<SchemaCubes> SchemaExpander::ExpandConstant(const JsonValue& value, bool negated) {
  const uint8_t type = TypeOf(value);
  if (type & (kArrayType | kObjectType)) {
    if (!negated) return EqualComposite(value);
    SchemaCubes out = {SchemaCube::OfTypes(static_cast<uint8_t>(kAllTypes & ~type))};
    AddUnequalComposite(value, out);
    return out;
  }
  if (type & (kNullType | kTrueType | kFalseType)) {
    return SchemaCubes{
        SchemaCube::OfTypes(negated ? static_cast<uint8_t>(kAllTypes & ~type) : type)};
  }
  SchemaCube cube = negated ? SchemaCube() : SchemaCube::OfTypes(type);
  if (type == kNumberType) {
    const Decimal number = *Decimal::Parse(value.text);
    if (negated) {
      cube.number.excluded.push_back(number);
    } else {
      cube.number.only = std::vector<Decimal>{number};
    }
  } else if (negated) {
    cube.string.excluded.insert(value.text);
  } else {
    cube.string.only = std::set<std::string>{value.text};
  }
  return SchemaCubes{std::move(cube)};
}

Result<SchemaCubes> SchemaExpander::Const(const Use& use) {
  return ExpandConstant(use.value, use.negated);
}

Result<SchemaCubes> SchemaExpander::Enum(const Use& use) {
  if (!use.value.is_array()) return Bad(use, "\"enum\" must be an array");
  std::vector<SchemaTerm> terms;
  for (const JsonValue& item : use.value.items) terms.push_back({&item, true, use.negated});
  if (use.negated) return Product(terms);
  // All scalars in one alternative.
  SchemaCube scalars = SchemaCube::OfTypes(0);
  SchemaCubes out;
  for (const JsonValue& item : use.value.items) {
    const uint8_t type = TypeOf(item);
    if (type & (kArrayType | kObjectType)) {
      const auto cubes = EqualComposite(item);
      out.insert(out.end(), cubes.begin(), cubes.end());
      continue;
    }
    scalars.types |= type;
    if (type == kStringType) {
      if (!scalars.string.only) scalars.string.only.emplace();
      scalars.string.only->insert(item.text);
    } else if (type == kNumberType) {
      if (!scalars.number.only) scalars.number.only.emplace();
      scalars.number.only->push_back(*Decimal::Parse(item.text));
    }
  }
  if (scalars.types != 0) out.push_back(std::move(scalars));
  if (auto spent = Spend(out.size()); !spent) return tl::unexpected(spent.error());
  return out;
}

Result<SchemaCubes> SchemaExpander::Type(const Use& use) {
  constexpr std::pair<std::string_view, uint8_t> kTypes[] = {
      {"null", kNullType},     {"boolean", kTrueType | kFalseType},
      {"number", kNumberType}, {"integer", kNumberType},
      {"string", kStringType}, {"array", kArrayType},
      {"object", kObjectType}};
  std::vector<const JsonValue*> names = {&use.value};
  if (use.value.is_array()) {
    names.clear();
    for (const JsonValue& item : use.value.items) names.push_back(&item);
  }
  uint8_t types = 0;
  bool integer = false;
  bool number = false;
  for (const JsonValue* name : names) {
    const auto* found = std::find_if(std::begin(kTypes), std::end(kTypes),
                                     [&](const auto& type) { return type.first == name->text; });
    if (!name->is_string() || found == std::end(kTypes)) {
      return Bad(use, "\"type\" must name types of JSON");
    }
    types |= found->second;
    integer = integer || name->text == "integer";
    number = number || name->text == "number";
  }
  integer = integer && !number;
  // OpenAPI's word for a type list with "null" in it.
  const JsonValue* nullable = use.schema.Find("nullable");
  if (nullable != nullptr && nullable->kind == JsonValue::Kind::kTrue) types |= kNullType;
  SchemaCube cube =
      SchemaCube::OfTypes(use.negated ? static_cast<uint8_t>(kAllTypes & ~types) : types);
  if (integer) {
    cube.types |= kNumberType;
    cube.number.whole = use.negated ? NumberSet::Whole::kFraction : NumberSet::Whole::kInteger;
    cube.number.plain = !use.negated && source_.draft() <= 4;
  }
  return SchemaCubes{std::move(cube)};
}

Result<int64_t> SchemaExpander::CountOf(const Use& use) const {
  constexpr int64_t kMost = 1'000'000'000;
  const auto number = use.value.is_number() ? Decimal::Parse(use.value.text) : std::nullopt;
  if (!number || number->negative || !number->integer()) {
    return Bad(use, "\"" + use.keyword + "\" must be an integer of at least 0");
  }
  return number->AsInteger(kMost).value_or(kMost);
}

Result<Decimal> SchemaExpander::NumberOf(const Use& use) const {
  auto number = use.value.is_number() ? Decimal::Parse(use.value.text) : std::nullopt;
  if (!number) return Bad(use, "\"" + use.keyword + "\" must be a number");
  return *number;
}

/// minLength, maxLength, minItems, maxItems, minProperties, maxProperties.
Result<SchemaCubes> SchemaExpander::Length(const Use& use) {
  const auto count = CountOf(use);
  if (!count) return tl::unexpected(count.error());
  const bool is_min = use.keyword.starts_with("min");
  CountRange range = is_min ? CountRange{*count, -1} : CountRange{0, *count};
  if (use.negated) range = is_min ? CountRange{0, *count - 1} : CountRange{*count + 1, -1};
  if (use.negated && is_min && *count == 0) return SchemaCubes{};
  const bool string = use.keyword.ends_with("Length");
  const bool array = use.keyword.ends_with("Items");
  const uint8_t type = string ? kStringType : array ? kArrayType : kObjectType;
  SchemaCube cube = use.negated ? SchemaCube::OfTypes(type) : SchemaCube();
  (string ? cube.string.length : array ? cube.array.count : cube.object.count) = range;
  return SchemaCubes{std::move(cube)};
}

Result<SchemaCubes> SchemaExpander::Pattern(const Use& use) {
  if (!use.value.is_string()) return Bad(use, "\"pattern\" must be a string");
  const auto dfa = automata_.Pattern(use.value.text);
  if (!dfa) return Refuse(dfa.error().code, use.schema, use.keyword, dfa.error().message);
  SchemaCube cube = use.negated ? SchemaCube::OfTypes(kStringType) : SchemaCube();
  cube.string.patterns.push_back({"p" + use.value.text, *dfa, use.negated, true});
  return SchemaCubes{std::move(cube)};
}

Result<SchemaCubes> SchemaExpander::Format(const Use& use) {
  if (!use.value.is_string()) return Bad(use, "\"format\" must be a string");
  const auto dfa = automata_.Format(use.value.text);
  if (!dfa) return Refuse(dfa.error().code, use.schema, use.keyword, dfa.error().message);
  const bool exact = std::find(std::begin(kExactFormats), std::end(kExactFormats),
                               use.value.text) != std::end(kExactFormats);
  if (use.negated && !exact) {
    return Unsupported(use, "the opposite of \"format\": \"" + use.value.text +
                                "\" (under not, oneOf or if) is not supported");
  }
  SchemaCube cube = use.negated ? SchemaCube::OfTypes(kStringType) : SchemaCube();
  cube.string.patterns.push_back({"f" + use.value.text, *dfa, use.negated, exact});
  return SchemaCubes{std::move(cube)};
}

/// minimum and exclusiveMinimum.
Result<SchemaCubes> SchemaExpander::Minimum(const Use& use) {
  const bool own = use.keyword == "exclusiveMinimum";
  if (own && use.value.is_bool() && source_.draft() <= 4) return Ignore(use);
  const auto number = NumberOf(use);
  if (!number) return tl::unexpected(number.error());
  const JsonValue* beside = use.schema.Find("exclusiveMinimum");
  const bool exclusive =
      own || (source_.draft() <= 4 && beside != nullptr && beside->kind == JsonValue::Kind::kTrue);
  SchemaCube cube = use.negated ? SchemaCube::OfTypes(kNumberType) : SchemaCube();
  if (use.negated) {
    cube.number.upper = {*number, !exclusive};
  } else {
    cube.number.lower = {*number, exclusive};
  }
  return SchemaCubes{std::move(cube)};
}

Result<SchemaCubes> SchemaExpander::Maximum(const Use& use) {
  const bool own = use.keyword == "exclusiveMaximum";
  if (own && use.value.is_bool() && source_.draft() <= 4) return Ignore(use);
  const auto number = NumberOf(use);
  if (!number) return tl::unexpected(number.error());
  const JsonValue* beside = use.schema.Find("exclusiveMaximum");
  const bool exclusive =
      own || (source_.draft() <= 4 && beside != nullptr && beside->kind == JsonValue::Kind::kTrue);
  SchemaCube cube = use.negated ? SchemaCube::OfTypes(kNumberType) : SchemaCube();
  if (use.negated) {
    cube.number.lower = {*number, !exclusive};
  } else {
    cube.number.upper = {*number, exclusive};
  }
  return SchemaCubes{std::move(cube)};
}

Result<SchemaCubes> SchemaExpander::MultipleOf(const Use& use) {
  const auto number = NumberOf(use);
  if (!number) return tl::unexpected(number.error());
  if (number->zero() || number->negative) return Bad(use, "\"multipleOf\" must be above 0");
  SchemaCube cube = use.negated ? SchemaCube::OfTypes(kNumberType) : SchemaCube();
  cube.number.multiples.push_back({*number, use.negated});
  if (auto dfa = automata_.Number(cube.number); !dfa) {
    return Refuse(dfa.error().code, use.schema, use.keyword, dfa.error().message);
  }
  return SchemaCubes{std::move(cube)};
}

/// A keyword that says nothing: every value fits, none does not.
Result<SchemaCubes> SchemaExpander::Ignore(const Use& use) {
  return use.negated ? SchemaCubes{} : SchemaCubes{SchemaCube()};
}

}  // namespace dure::text
