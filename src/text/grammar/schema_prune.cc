// Takes out of a program what no document can come to an end with.
#include <algorithm>

#include "text/grammar/schema_compiler.h"

namespace dure::text {
namespace {

bool AnyFilled(const std::vector<JsonChoice>& choices, const std::vector<char>& filled,
               uint32_t counts = 0) {
  return std::any_of(choices.begin(), choices.end(), [&](const JsonChoice& choice) {
    return filled[choice.node] && (choice.counts & counts) == counts;
  });
}

void KeepFilled(std::vector<JsonChoice>& choices, const std::vector<char>& filled) {
  std::erase_if(choices, [&](const JsonChoice& choice) { return !filled[choice.node]; });
}

constexpr int64_t kEndless = int64_t{1} << 60;

}  // namespace

bool SchemaCompiler::CanEnd(const JsonArray& array, const std::vector<char>& filled) const {
  // Items that there can be: up to the first position where nothing fits.
  int64_t most = array.max < 0 ? kEndless : array.max;
  for (size_t i = 0; i < array.prefix.size(); ++i) {
    if (!AnyFilled(array.prefix[i], filled)) most = std::min<int64_t>(most, i);
  }
  if (!AnyFilled(array.rest, filled)) most = std::min<int64_t>(most, array.prefix.size());
  if (array.min > most) return false;
  for (size_t c = 0; c < array.contains.size(); ++c) {
    int64_t possible = 0;
    for (size_t i = 0; i < array.prefix.size() && static_cast<int64_t>(i) < most; ++i) {
      possible += AnyFilled(array.prefix[i], filled, 1u << c);
    }
    if (most > std::ssize(array.prefix) && AnyFilled(array.rest, filled, 1u << c)) {
      possible += most - std::ssize(array.prefix);
    }
    if (possible < array.contains[c].min) return false;
  }
  return true;
}

bool SchemaCompiler::CanEnd(const JsonObject& object, const std::vector<char>& filled) const {
  const Dfa& names = *program_.automata[object.names];
  if (object.max >= 0 && std::ssize(object.required) > object.max) return false;
  for (const std::string& name : object.required) {
    const int32_t klass = names.Match(name);
    if (klass == Dfa::kDead || !AnyFilled(object.classes[klass], filled)) return false;
  }
  uint32_t reachable = 0;
  bool any = false;
  for (const auto& choices : object.classes) {
    for (const JsonChoice& choice : choices) {
      if (!filled[choice.node]) continue;
      any = true;
      reachable |= choice.counts;
    }
  }
  if (reachable != object.witnesses) return false;
  if (object.min == 0) return true;
  if (!any || names.empty()) return false;
  const uint64_t available = names.WordsFrom(names.start());
  return available == kUncountable || available >= static_cast<uint64_t>(object.min);
}

/// A least fixed point: a node is filled when one of its alternatives can end with what is filled
/// so far.
void SchemaCompiler::FindFilled(std::vector<char>& filled) const {
  filled.assign(program_.nodes.size(), 0);
  bool changed = true;
  while (changed) {
    changed = false;
    for (size_t n = program_.nodes.size(); n-- > 0;) {
      if (filled[n]) continue;
      const JsonNode& node = program_.nodes[n];
      const bool now = node.null || node.yes || node.no || node.string >= 0 || node.number >= 0 ||
                       std::any_of(node.arrays.begin(), node.arrays.end(),
                                   [&](int32_t a) { return CanEnd(program_.arrays[a], filled); }) ||
                       std::any_of(node.objects.begin(), node.objects.end(),
                                   [&](int32_t o) { return CanEnd(program_.objects[o], filled); });
      if (now) filled[n] = changed = true;
    }
  }
}

void SchemaCompiler::PruneArray(JsonArray& array, const std::vector<char>& filled) {
  for (auto& choices : array.prefix) KeepFilled(choices, filled);
  KeepFilled(array.rest, filled);
  const auto stop = std::find_if(array.prefix.begin(), array.prefix.end(),
                                 [](const auto& choices) { return choices.empty(); });
  if (stop != array.prefix.end() || array.rest.empty()) {
    const int64_t most = stop - array.prefix.begin();
    array.max = array.max < 0 ? most : std::min(array.max, most);
  }
  if (!array.unique || !array.prefix.empty()) return;
  array.distinct = 0;
  for (const JsonChoice& choice : array.rest) {
    const uint64_t values = CountValues(program_.nodes[choice.node]);
    array.distinct = values == kUncountable || array.distinct == kUncountable
                         ? kUncountable
                         : array.distinct + values;
  }
}

uint64_t SchemaCompiler::CountValues(const JsonNode& node) const {
  if (node.number >= 0 || !node.arrays.empty() || !node.objects.empty()) return kUncountable;
  const uint64_t words =
      node.string < 0
          ? 0
          : program_.automata[node.string]->WordsFrom(program_.automata[node.string]->start());
  if (words == kUncountable) return words;
  return words + node.null + node.yes + node.no;
}

void SchemaCompiler::PruneObject(JsonObject& object, const std::vector<char>& filled) {
  bool lost = false;
  for (auto& choices : object.classes) {
    KeepFilled(choices, filled);
    lost = lost || choices.empty();
  }
  const Dfa& names = *program_.automata[object.names];
  if (lost && !names.empty()) {
    std::vector<int32_t> accept = names.accepts();
    for (int32_t& tag : accept) {
      if (tag != Dfa::kDead && object.classes[tag].empty()) tag = Dfa::kDead;
    }
    object.names = AutomatonId(std::make_shared<const Dfa>(
        Dfa(names.alphabet(), names.table(), std::move(accept), names.start())));
  }
  if (object.max >= 0 && !object.required.empty()) {
    const Dfa& all = *program_.automata[object.names];
    const auto tag = [&](int literal, const std::vector<bool>&) {
      return literal < 0 ? Dfa::kDead : all.Match(object.required[literal]);
    };
    // As small as its words: the limits have let the larger automaton of all names pass.
    auto required = NamesDfa(object.required, {}, tag, limits_);
    if (required) {
      object.required_names = AutomatonId(std::make_shared<const Dfa>(std::move(*required)));
    }
  }
}

void SchemaCompiler::Prune() {
  std::vector<char> filled;
  FindFilled(filled);
  for (JsonNode& node : program_.nodes) {
    std::erase_if(node.arrays, [&](int32_t a) { return !CanEnd(program_.arrays[a], filled); });
    std::erase_if(node.objects, [&](int32_t o) { return !CanEnd(program_.objects[o], filled); });
  }
  for (JsonArray& array : program_.arrays) PruneArray(array, filled);
  for (JsonObject& object : program_.objects) PruneObject(object, filled);
}

}  // namespace dure::text
