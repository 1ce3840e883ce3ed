// Which keywords there are: those that are understood, those that say nothing about what is valid,
// and those that are refused.
#include <algorithm>
#include <iterator>
#include <string_view>

#include "text/grammar/schema_expander.h"

namespace dure::text {
namespace {

/// Said about a schema, of no effect on what is valid; or read together with another keyword.
constexpr std::string_view kHarmless[] = {"$schema",
                                          "$id",
                                          "id",
                                          "$anchor",
                                          "$dynamicAnchor",
                                          "$comment",
                                          "$defs",
                                          "definitions",
                                          "title",
                                          "description",
                                          "default",
                                          "examples",
                                          "example",
                                          "deprecated",
                                          "readOnly",
                                          "writeOnly",
                                          "$vocabulary",
                                          "contentSchema",
                                          "contentMediaType",
                                          "contentEncoding",
                                          "then",
                                          "else",
                                          "minContains",
                                          "maxContains",
                                          "additionalItems",
                                          "nullable",
                                          "discriminator",
                                          "externalDocs",
                                          "xml"};

/// Constraints of older drafts and of well-known extensions: a schema with one of them means more
/// than is understood here.
constexpr std::string_view kRefused[] = {"$recursiveRef",
                                         "extends",
                                         "disallow",
                                         "divisibleBy",
                                         "maxDecimal",
                                         "minimumCanEqual",
                                         "maximumCanEqual",
                                         "requires",
                                         "propertyDependencies",
                                         "formatMinimum",
                                         "formatMaximum",
                                         "formatExclusiveMinimum",
                                         "formatExclusiveMaximum",
                                         "patternRequired",
                                         "patternGroups",
                                         "switch",
                                         "select",
                                         "selectCases",
                                         "selectDefault",
                                         "regexp",
                                         "instanceof",
                                         "typeof",
                                         "range",
                                         "exclusiveRange",
                                         "deepProperties",
                                         "deepRequired",
                                         "allRequired",
                                         "anyRequired",
                                         "oneRequired",
                                         "prohibited",
                                         "uniqueItemProperties",
                                         "$data",
                                         "$merge",
                                         "$patch"};

template <size_t N>
bool IsIn(const std::string_view (&list)[N], std::string_view keyword) {
  return std::find(std::begin(list), std::end(list), keyword) != std::end(list);
}

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }

/// Equal but for case, or but for one character too many, too few, wrong, or out of turn.
bool LooksLike(std::string_view word, std::string_view keyword) {
  const auto same = [](std::string_view a, std::string_view b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](char x, char y) { return Lower(x) == Lower(y); });
  };
  if (same(word, keyword)) return true;
  size_t at = 0;
  while (at < word.size() && at < keyword.size() && Lower(word[at]) == Lower(keyword[at])) ++at;
  word.remove_prefix(at);
  keyword.remove_prefix(at);
  if (!word.empty() && same(word.substr(1), keyword)) return true;
  if (!keyword.empty() && same(word, keyword.substr(1))) return true;
  if (word.empty() || keyword.empty()) return false;
  if (same(word.substr(1), keyword.substr(1))) return true;
  return word.size() > 1 && keyword.size() > 1 && word[0] == keyword[1] && word[1] == keyword[0] &&
         same(word.substr(2), keyword.substr(2));
}

constexpr size_t kShortestMisspelt = 5;

}  // namespace

using S = SchemaExpander;
const SchemaExpander::Entry SchemaExpander::kKeywords[] = {
    {"type", &S::Type},
    {"enum", &S::Enum},
    {"const", &S::Const, 6},
    {"minLength", &S::Length},
    {"maxLength", &S::Length},
    {"minItems", &S::Length},
    {"maxItems", &S::Length},
    {"minProperties", &S::Length},
    {"maxProperties", &S::Length},
    {"pattern", &S::Pattern},
    {"format", &S::Format},
    {"minimum", &S::Minimum},
    {"exclusiveMinimum", &S::Minimum},
    {"maximum", &S::Maximum},
    {"exclusiveMaximum", &S::Maximum},
    {"multipleOf", &S::MultipleOf},
    {"required", &S::Required},
    {"properties", &S::Properties},
    {"patternProperties", &S::Properties},
    {"additionalProperties", &S::Properties},
    {"propertyNames", &S::PropertyNames, 6},
    {"dependentRequired", &S::Dependencies, 2019},
    {"dependentSchemas", &S::Dependencies, 2019},
    {"dependencies", &S::Dependencies},
    {"items", &S::Items},
    {"prefixItems", &S::Items, 2020},
    {"contains", &S::Contains, 6},
    {"uniqueItems", &S::UniqueItems},
    {"allOf", &S::AllOf},
    {"anyOf", &S::AnyOf},
    {"oneOf", &S::OneOf},
    {"not", &S::Not},
    {"if", &S::If, 7},
    {"$ref", &S::Ref},
    {"$dynamicRef", &S::Ref, 2020},
};

const SchemaExpander::Entry* SchemaExpander::FindEntry(const std::string& keyword) {
  const auto* found = std::find_if(std::begin(kKeywords), std::end(kKeywords),
                                   [&](const Entry& entry) { return entry.keyword == keyword; });
  return found == std::end(kKeywords) ? nullptr : found;
}

std::string_view SchemaExpander::WhyRefused(const std::string& keyword) {
  if (IsIn(kHarmless, keyword)) return "";
  if (IsIn(kRefused, keyword)) return "is not supported";
  // By the specification an unknown keyword says nothing about validity (Core, 6.5). One that looks
  // like a constraint's misspelling was meant as one.
  // A mark in front of it takes a keyword out on purpose.
  if (keyword.starts_with("_") || keyword.starts_with("x-")) return "";
  for (const Entry& entry : kKeywords) {
    if (entry.keyword.size() >= kShortestMisspelt && LooksLike(keyword, entry.keyword)) {
      return "is not known; it looks like a misspelling of a known one";
    }
  }
  return "";
}

}  // namespace dure::text
