#include "text/grammar/schema_cube.h"

#include <algorithm>

namespace dure::text {
namespace {

std::string KeyOf(const SchemaTerm& term) {
  return std::to_string(reinterpret_cast<uintptr_t>(term.value)) + (term.constant ? "c" : "s") +
         (term.negated ? "-" : "+");
}
std::string KeyOf(const SchemaTerms& terms) {
  std::string key;
  for (const SchemaTerm& term : terms) key += KeyOf(term) + ",";
  return key;
}
std::string KeyOf(const CountRange& range) {
  return std::to_string(range.min) + ".." + std::to_string(range.max) + ";";
}
std::string KeyOf(const std::string& text) { return std::to_string(text.size()) + ":" + text; }
std::string KeyOf(const ObjectSet::Group& group) {
  std::string key;
  for (const JsonValue* part : {group.properties, group.patterns, group.additional}) {
    key += std::to_string(reinterpret_cast<uintptr_t>(part)) + ",";
  }
  return key;
}

}  // namespace

void AddTerm(SchemaTerms& terms, const SchemaTerm& term) {
  const auto at = std::lower_bound(terms.begin(), terms.end(), term);
  if (at == terms.end() || *at != term) terms.insert(at, term);
}

void CountRange::And(const CountRange& other) {
  min = std::max(min, other.min);
  if (other.max >= 0) max = max < 0 ? other.max : std::min(max, other.max);
}

void StringSet::And(const StringSet& other) {
  length.And(other.length);
  for (const Pattern& pattern : other.patterns) {
    const bool known = std::any_of(patterns.begin(), patterns.end(), [&](const Pattern& mine) {
      return mine.key == pattern.key && mine.negated == pattern.negated;
    });
    if (!known) patterns.push_back(pattern);
  }
  excluded.insert(other.excluded.begin(), other.excluded.end());
  if (!other.only) return;
  if (only) {
    std::erase_if(*only, [&](const std::string& word) { return !other.only->contains(word); });
  } else {
    only = other.only;
  }
}

std::string StringSet::Key() const {
  std::string key = KeyOf(length);
  std::set<std::string> parts;
  for (const Pattern& pattern : patterns) {
    parts.insert((pattern.negated ? "-" : "+") + KeyOf(pattern.key));
  }
  for (const std::string& part : parts) key += part;
  key += only ? "o" : "a";
  if (only) {
    for (const std::string& word : *only) key += KeyOf(word);
  }
  key += "x";
  for (const std::string& word : excluded) key += KeyOf(word);
  return key;
}

void ArraySet::And(const ArraySet& other) {
  count.And(other.count);
  unique = unique || other.unique;
  items.insert(items.end(), other.items.begin(), other.items.end());
  contains.insert(contains.end(), other.contains.begin(), other.contains.end());
}

std::string ArraySet::Key() const {
  std::string key = KeyOf(count) + (unique ? "u" : "");
  const size_t prefix = PrefixLength();
  for (size_t i = 0; i <= prefix; ++i) key += "[" + KeyOf(TermsAt(i));
  for (const Contains& part : contains) {
    key += "c" + KeyOf(part.term) + KeyOf(part.count) + std::to_string(part.from);
  }
  return key;
}

SchemaTerms ArraySet::TermsAt(size_t index) const {
  SchemaTerms terms;
  for (const Items& group : items) {
    if (index < group.prefix.size()) {
      AddTerm(terms, group.prefix[index]);
    } else if (group.rest) {
      AddTerm(terms, *group.rest);
    }
  }
  return terms;
}

size_t ArraySet::PrefixLength() const {
  size_t length = 0;
  for (const Items& group : items) length = std::max(length, group.prefix.size());
  for (const Contains& part : contains) length = std::max(length, part.from);
  return length;
}

void ObjectSet::And(const ObjectSet& other) {
  count.And(other.count);
  required.insert(other.required.begin(), other.required.end());
  for (const Group& group : other.groups) {
    if (std::find(groups.begin(), groups.end(), group) == groups.end()) groups.push_back(group);
  }
  rests.insert(rests.end(), other.rests.begin(), other.rests.end());
  for (const auto& [name, terms] : other.named) {
    SchemaTerms& mine = named[name];
    for (const SchemaTerm& term : terms) AddTerm(mine, term);
  }
  for (const SchemaTerm& term : other.names) AddTerm(names, term);
  witnesses.insert(witnesses.end(), other.witnesses.begin(), other.witnesses.end());
}

std::string ObjectSet::Key() const {
  std::string key = KeyOf(count);
  for (const std::string& name : required) key += "r" + KeyOf(name);
  std::set<std::string> parts;
  for (const Group& group : groups) parts.insert(KeyOf(group));
  for (const std::string& part : parts) key += "g" + part;
  for (const Rest& rest : rests) {
    key += "R" + std::to_string(reinterpret_cast<uintptr_t>(rest.schema));
    for (const Group& group : rest.groups) key += "g" + KeyOf(group);
  }
  for (const auto& [name, terms] : named) key += "n" + KeyOf(name) + KeyOf(terms);
  key += "N" + KeyOf(names);
  for (const Witness& witness : witnesses) {
    key += "w" + std::to_string(static_cast<int>(witness.names)) + KeyOf(witness.group) +
           KeyOf(witness.pattern) + KeyOf(witness.name_term) +
           (witness.term ? KeyOf(*witness.term) : "");
  }
  return key;
}

void SchemaCube::And(const SchemaCube& other) {
  types &= other.types;
  if (types & kNumberType) number.And(other.number);
  if (types & kStringType) string.And(other.string);
  if (types & kArrayType) array.And(other.array);
  if (types & kObjectType) object.And(other.object);
  DropEmptyTypes();
}

void SchemaCube::DropEmptyTypes() {
  const auto drop = [this](uint8_t type) { types &= static_cast<uint8_t>(~type); };
  if (types & kNumberType) {
    bool empty = number.nothing || (number.only && number.only->empty());
    if (number.lower && number.upper) {
      const int order = Compare(number.lower->value, number.upper->value);
      if (order > 0) empty = true;
      if (order == 0 && (number.lower->exclusive || number.upper->exclusive)) empty = true;
    }
    if (empty) drop(kNumberType);
  }
  if ((types & kStringType) && (string.length.empty() || (string.only && string.only->empty()))) {
    drop(kStringType);
  }
  if ((types & kArrayType) && array.count.empty()) drop(kArrayType);
  if (types & kObjectType) {
    const auto most = object.count.max;
    if (object.count.empty() || (most >= 0 && std::ssize(object.required) > most)) {
      drop(kObjectType);
    }
  }
}

}  // namespace dure::text
