// Names of members, and items that must differ, as a JsonReader reads them.
#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

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

/// Whether `fits` holds after one of the characters that the escape or UTF-8 sequence that has
/// begun can still spell. Few can where words are few.
bool JsonReader::AnyCharacter(const JsonState& state, const std::string& document,
                              const CharacterTest& fits) const {
  if (state.lexeme.between()) return fits(state, document);
  for (int byte = 0; byte < 256; ++byte) {
    JsonState next = state;
    if (!next.lexeme.Step(static_cast<uint8_t>(byte), program_.automata)) continue;
    if (AnyCharacter(next, document + static_cast<char>(byte), fits)) return true;
  }
  return false;
}

/// In an array with items, in all readings of which the next must differ from them.
bool JsonReader::ItemsMustDiffer(const JsonState& state) const {
  const JsonLevel& level = *state.level;
  return !level.object && level.outer != nullptr && level.seen != nullptr &&
         std::all_of(level.frames.begin(), level.frames.end(),
                     [&](const auto& frame) { return program_.arrays[frame.shape].unique; });
}

bool JsonReader::StringIsScarce(const JsonState& state) const {
  const auto finite = [&](const Lexeme::Part& part) {
    const Dfa& strings = *program_.automata[part.automaton];
    return strings.WordsFrom(strings.start()) != kUncountable;
  };
  return ItemsMustDiffer(state) &&
         std::all_of(state.lexeme.parts.begin(), state.lexeme.parts.end(), finite);
}

/// Whether the string that began as `document` ends can still differ from the items before it.
bool JsonReader::StringCanDiffer(const JsonState& state, const std::string& document) const {
  if (!state.lexeme.between()) {
    return AnyCharacter(state, document, [&](const JsonState& next, const std::string& text) {
      return StringCanDiffer(next, text);
    });
  }
  const size_t begin = state.level->item_start + 1;  // behind the quote
  const std::string prefix = document.size() > begin ? Decoded(document.substr(begin)) : "";
  std::vector<std::string> strings;  // of the items, as CanonicalJson writes them: "length:text
  for (const std::string& item : *state.level->seen) {
    if (item[0] != '"') continue;
    std::string text = item.substr(item.find(':') + 1);
    if (text.starts_with(prefix)) strings.push_back(std::move(text));
  }
  return std::any_of(
      state.lexeme.parts.begin(), state.lexeme.parts.end(), [&](const Lexeme::Part& part) {
        const Dfa& allowed = *program_.automata[part.automaton];
        const auto taken = std::count_if(
            strings.begin(), strings.end(),
            [&](const std::string& text) { return allowed.Match(text) != Dfa::kDead; });
        return allowed.WordsFrom(part.state) > static_cast<uint64_t>(taken);
      });
}

JsonStep JsonReader::StepString(JsonState& state, uint8_t byte, const std::string* document) const {
  if (byte == '"' && state.lexeme.between()) return EndLexeme(state, document, true);
  const bool scarce = StringIsScarce(state);
  if (!state.lexeme.Step(byte, program_.automata)) return JsonStep::kDead;
  if (!scarce) return JsonStep::kAlive;
  if (document == nullptr) return JsonStep::kUnknown;
  return StringCanDiffer(state, *document) ? JsonStep::kAlive : JsonStep::kDead;
}

bool JsonReader::NameCanDiffer(const JsonState& state, const std::string& document) const {
  const auto& seen = state.level->seen;
  if (seen == nullptr || seen->empty()) return true;
  for (const Lexeme::Part& part : state.lexeme.parts) {
    if (program_.automata[part.automaton]->WordsFrom(part.state) == kUncountable) return true;
  }
  if (!state.lexeme.between()) {
    return AnyCharacter(state, document, [&](const JsonState& next, const std::string& text) {
      return NameCanDiffer(next, text);
    });
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
