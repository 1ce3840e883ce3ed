// Names of members as a JsonReader reads them.
#include <algorithm>
#include <string_view>
#include <utility>

#include "text/grammar/json_document.h"
#include "text/grammar/json_reader.h"

namespace dure::text {
namespace {

/// What the bytes of a string without its quotes stand for. REQUIRES: they form whole characters.
std::string Decoded(std::string_view bytes) {
  auto value = ParseJsonDocument("\"" + std::string(bytes) + "\"", 1);
  return value ? std::move(value->text) : std::string();
}

}  // namespace

/// The automaton of the names that a frame can take now; -1: none.
int32_t JsonReader::NamesOf(const JsonLevel& level, const JsonLevel::Frame& frame) const {
  const JsonObject& object = program_.objects[frame.shape];
  if (object.max < 0) return object.names;
  if (level.count >= object.max) return -1;
  const auto missing =
      std::count_if(object.required.begin(), object.required.end(), [&](const std::string& name) {
        return level.seen == nullptr || !level.seen->contains(name);
      });
  // Where only the required ones have room, no other name may begin.
  return missing == object.max - level.count ? object.required_names : object.names;
}

JsonStep JsonReader::StartName(JsonState& state) const {
  std::vector<int32_t> automata;
  for (const JsonLevel::Frame& frame : state.level->frames) {
    const int32_t names = NamesOf(*state.level, frame);
    if (names >= 0) automata.push_back(names);
  }
  state.lexeme = Lexeme::Start(Lexeme::Kind::kString, std::move(automata), program_.automata);
  state.mode = Mode::kInName;
  state.name_start = state.position;
  state.name_is_new = false;
  if (state.lexeme.parts.empty()) return JsonStep::kDead;
  return NameCanDiffer(state, "") ? JsonStep::kAlive : JsonStep::kDead;
}

bool JsonReader::NameCanDiffer(const JsonState& state, const std::string& document) const {
  const auto& seen = state.level->seen;
  if (seen == nullptr || seen->empty() || !state.lexeme.between()) return true;
  for (const Lexeme::Part& part : state.lexeme.parts) {
    if (program_.automata[part.automaton]->WordsFrom(part.state) == kUncountable) return true;
  }
  const std::string prefix =
      document.size() > state.name_start ? Decoded(document.substr(state.name_start)) : "";
  for (const Lexeme::Part& part : state.lexeme.parts) {
    const Dfa& names = *program_.automata[part.automaton];
    uint64_t taken = 0;
    for (auto name = seen->lower_bound(prefix); name != seen->end() && name->starts_with(prefix);
         ++name) {
      taken += names.Match(*name) != Dfa::kDead;
    }
    if (names.WordsFrom(part.state) > taken) return true;
  }
  return false;
}

JsonStep JsonReader::StepName(JsonState& state, uint8_t byte, const std::string* document) const {
  if (byte == '"' && state.lexeme.between()) return EndName(state, document);
  if (!state.lexeme.Step(byte, program_.automata)) return JsonStep::kDead;
  if (document == nullptr && !state.name_is_new && state.level->seen != nullptr) {
    return JsonStep::kUnknown;
  }
  if (document != nullptr && !NameCanDiffer(state, *document)) return JsonStep::kDead;
  return JsonStep::kAlive;
}

JsonStep JsonReader::EndName(JsonState& state, const std::string* document) const {
  const JsonLevel& level = *state.level;
  auto next = std::make_shared<JsonLevel>(level);
  if (document == nullptr) {
    if (!state.name_is_new && level.seen != nullptr) return JsonStep::kUnknown;
    next->seen_unknown = true;
  } else {
    const size_t length = state.position - 1 - state.name_start;
    const std::string name = Decoded(std::string_view(*document).substr(state.name_start, length));
    if (level.seen != nullptr && level.seen->contains(name)) return JsonStep::kDead;
    auto seen = level.seen == nullptr ? std::make_shared<std::set<std::string>>()
                                      : std::make_shared<std::set<std::string>>(*level.seen);
    seen->insert(name);
    next->seen = std::move(seen);
  }
  auto targets = std::make_shared<std::vector<JsonTarget>>();
  for (uint32_t f = 0; f < level.frames.size(); ++f) {
    const int32_t names = NamesOf(level, level.frames[f]);
    if (names < 0) continue;
    const int32_t klass = state.lexeme.Accept(names, program_.automata);
    if (klass == Dfa::kDead) continue;
    for (const JsonChoice& choice : program_.objects[level.frames[f].shape].classes[klass]) {
      targets->push_back({JsonLink{f, choice.counts}, choice.node});
    }
  }
  if (targets->empty()) return JsonStep::kDead;
  state.targets = std::move(targets);
  state.level = std::move(next);
  state.mode = Mode::kColon;
  return JsonStep::kAlive;
}

}  // namespace dure::text
