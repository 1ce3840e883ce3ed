#include "text/grammar/json_reader.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "text/grammar/json_document.h"

namespace dure::text {
namespace {

constexpr std::string_view kWords[] = {"null", "true", "false"};

bool IsSpace(uint8_t byte) { return byte == ' ' || byte == '\n' || byte == '\t' || byte == '\r'; }
bool StartsNumber(uint8_t byte) { return byte == '-' || (byte >= '0' && byte <= '9'); }
bool InNumber(uint8_t byte) {
  return StartsNumber(byte) || byte == '+' || byte == '.' || byte == 'e' || byte == 'E';
}

bool HasWord(const JsonNode& node, size_t word) {
  return word == 0 ? node.null : word == 1 ? node.yes : node.no;
}

}  // namespace

/// Long chains of levels are let go one by one, not by recursion.
JsonLevel::~JsonLevel() {
  JsonLevelPtr next = std::move(outer);
  while (next != nullptr && next.use_count() == 1) {
    // Ours alone: take its outer level away before it goes.
    JsonLevelPtr after = std::move(const_cast<JsonLevel&>(*next).outer);
    next = std::move(after);
  }
}

JsonState JsonReader::Start() const {
  auto level = std::make_shared<JsonLevel>();
  level->frames.emplace_back();
  JsonState state;
  state.level = std::move(level);
  state.targets = std::make_shared<const std::vector<JsonTarget>>(
      std::vector<JsonTarget>{{JsonLink{0, 0}, program_.root}});
  return state;
}

JsonStep JsonReader::Step(JsonState& state, uint8_t byte, const std::string* document) const {
  ++state.position;
  switch (state.mode) {
    case Mode::kInName:
      return StepName(state, byte, document);
    case Mode::kInString:
      return StepString(state, byte, document);
    case Mode::kInNumber:
      if (InNumber(byte)) {
        return state.lexeme.Step(byte, program_.automata) ? JsonStep::kAlive : JsonStep::kDead;
      }
      if (const JsonStep ended = EndLexeme(state, document, false); ended != JsonStep::kAlive) {
        return ended;
      }
      break;
    case Mode::kInWord:
      return StepWord(state, byte, document);
    default:
      break;
  }
  if (IsSpace(byte)) {
    return ++state.spaces <= program_.max_whitespace ? JsonStep::kAlive : JsonStep::kDead;
  }
  state.spaces = 0;
  switch (state.mode) {
    case Mode::kFirstItem:
      if (byte == ']') return Close(state, document);
      return StartValue(state, byte);
    case Mode::kValue:
      return StartValue(state, byte);
    case Mode::kFirstName:
      if (byte == '}') return Close(state, document);
      return byte == '"' ? StartName(state) : JsonStep::kDead;
    case Mode::kName:
      return byte == '"' ? StartName(state) : JsonStep::kDead;
    case Mode::kColon:
      state.mode = Mode::kValue;
      return byte == ':' ? JsonStep::kAlive : JsonStep::kDead;
    case Mode::kAfterValue:
      return AfterValue(state, byte, document);
    default:
      return JsonStep::kDead;
  }
}

JsonStep JsonReader::AfterValue(JsonState& state, uint8_t byte, const std::string* document) const {
  if (byte == ',') return Comma(state);
  if (byte == (state.level->object ? '}' : ']')) return Close(state, document);
  return JsonStep::kDead;
}

JsonStep JsonReader::StartValue(JsonState& state, uint8_t byte) const {
  if (state.level->outer != nullptr && !state.level->object) {
    const bool matters =
        std::any_of(state.level->frames.begin(), state.level->frames.end(),
                    [&](const auto& frame) { return program_.arrays[frame.shape].unique; });
    if (matters) {
      auto level = std::make_shared<JsonLevel>(*state.level);
      level->item_start = state.position - 1;
      state.level = std::move(level);
    }
  }
  if (byte == '"') return StartLexeme(state, Lexeme::Kind::kString, Mode::kInString);
  if (byte == '[' || byte == '{') return Open(state, byte == '{');
  if (!StartsNumber(byte)) return StartWord(state, byte);
  if (StartLexeme(state, Lexeme::Kind::kNumber, Mode::kInNumber) == JsonStep::kDead) {
    return JsonStep::kDead;
  }
  return state.lexeme.Step(byte, program_.automata) ? JsonStep::kAlive : JsonStep::kDead;
}

JsonStep JsonReader::StartLexeme(JsonState& state, Lexeme::Kind kind, Mode mode) const {
  std::vector<int32_t> automata;
  for (const JsonTarget& target : *state.targets) {
    const JsonNode& node = program_.nodes[target.node];
    const int32_t automaton = kind == Lexeme::Kind::kString ? node.string : node.number;
    if (automaton >= 0) automata.push_back(automaton);
  }
  state.lexeme = Lexeme::Start(kind, std::move(automata), program_.automata);
  state.mode = mode;
  if (state.lexeme.parts.empty()) return JsonStep::kDead;
  if (mode == Mode::kInString && StringIsScarce(state) && !StringCanDiffer(state, "")) {
    return JsonStep::kDead;
  }
  return JsonStep::kAlive;
}

JsonStep JsonReader::StartWord(JsonState& state, uint8_t byte) const {
  for (uint8_t w = 0; w < std::size(kWords); ++w) {
    if (static_cast<uint8_t>(kWords[w][0]) != byte) continue;
    // CanonicalJson writes the first letter alone.
    const std::string canonical(1, kWords[w][0]);
    if (ItemsMustDiffer(state) && state.level->seen->contains(canonical)) return JsonStep::kDead;
    for (const JsonTarget& target : *state.targets) {
      if (!HasWord(program_.nodes[target.node], w)) continue;
      state.mode = Mode::kInWord;
      state.word = w;
      state.word_at = 1;
      return JsonStep::kAlive;
    }
  }
  return JsonStep::kDead;
}

JsonStep JsonReader::StepWord(JsonState& state, uint8_t byte, const std::string* document) const {
  const std::string_view word = kWords[state.word];
  if (static_cast<uint8_t>(word[state.word_at]) != byte) return JsonStep::kDead;
  if (++state.word_at < word.size()) return JsonStep::kAlive;
  std::vector<JsonLink> links;
  for (const JsonTarget& target : *state.targets) {
    if (HasWord(program_.nodes[target.node], state.word)) links.push_back(target.link);
  }
  return EndValue(state, links, document, state.position);
}

JsonStep JsonReader::EndLexeme(JsonState& state, const std::string* document, bool string) const {
  if (!state.lexeme.between()) return JsonStep::kDead;
  std::vector<JsonLink> links;
  for (const JsonTarget& target : *state.targets) {
    const JsonNode& node = program_.nodes[target.node];
    const int32_t automaton = string ? node.string : node.number;
    if (automaton >= 0 && state.lexeme.Accept(automaton, program_.automata) != Dfa::kDead) {
      links.push_back(target.link);
    }
  }
  return EndValue(state, links, document, string ? state.position : state.position - 1);
}

JsonStep JsonReader::Open(JsonState& state, bool object) const {
  auto level = std::make_shared<JsonLevel>();
  level->outer = state.level;
  level->object = object;
  level->depth = state.level->depth + 1;
  if (level->depth > program_.max_depth) return JsonStep::kDead;
  for (const JsonTarget& target : *state.targets) {
    const JsonNode& node = program_.nodes[target.node];
    for (const int32_t shape : object ? node.objects : node.arrays) {
      const auto same = std::find_if(level->frames.begin(), level->frames.end(),
                                     [&](const auto& frame) { return frame.shape == shape; });
      auto& links = same == level->frames.end()
                        ? level->frames.emplace_back(JsonLevel::Frame{shape, 0, {}}).links
                        : same->links;
      if (std::find(links.begin(), links.end(), target.link) == links.end()) {
        links.push_back(target.link);
      }
    }
  }
  if (level->frames.empty() || level->frames.size() > program_.max_frames) return JsonStep::kDead;
  state.level = std::move(level);
  state.mode = object ? Mode::kFirstName : Mode::kFirstItem;
  if (!object) TargetItems(state);
  return JsonStep::kAlive;
}

JsonStep JsonReader::Close(JsonState& state, const std::string* document) const {
  const JsonLevelPtr level = state.level;
  if (level->object && level->seen_unknown) return JsonStep::kUnknown;
  std::vector<JsonLink> links;
  for (const JsonLevel::Frame& frame : level->frames) {
    if (!CanClose(*level, frame)) continue;
    links.insert(links.end(), frame.links.begin(), frame.links.end());
  }
  std::sort(links.begin(), links.end());
  links.erase(std::unique(links.begin(), links.end()), links.end());
  state.level = level->outer;
  return EndValue(state, links, document, state.position);
}

bool JsonReader::CanClose(const JsonLevel& level, const JsonLevel::Frame& frame) const {
  if (!level.object) {
    const JsonArray& array = program_.arrays[frame.shape];
    if (level.count < array.min) return false;
    for (size_t c = 0; c < array.contains.size(); ++c) {
      if (static_cast<int64_t>(frame.counts >> (16 * c) & 0xFFFF) < array.contains[c].min) {
        return false;
      }
    }
    return true;
  }
  const JsonObject& object = program_.objects[frame.shape];
  if (level.count < object.min || (frame.counts & object.witnesses) != object.witnesses) {
    return false;
  }
  return std::all_of(object.required.begin(), object.required.end(), [&](const std::string& name) {
    return level.seen != nullptr && level.seen->contains(name);
  });
}

JsonStep JsonReader::Comma(JsonState& state) const {
  if (!state.level->object) {
    state.mode = Mode::kValue;
    return TargetItems(state) ? JsonStep::kAlive : JsonStep::kDead;
  }
  if (state.level->seen_unknown) return JsonStep::kUnknown;
  state.mode = Mode::kName;
  JsonState name = state;  // alive only where a name can begin
  return StartName(name);
}

/// Room for what `contains` still needs, after a choice that counts towards some.
bool JsonReader::CanTakeChoice(const JsonArray& array, const JsonLevel& level, uint64_t counts,
                               uint32_t choice) const {
  for (size_t c = 0; c < array.contains.size(); ++c) {
    const int64_t after = static_cast<int64_t>(counts >> (16 * c) & 0xFFFF) + (choice >> c & 1);
    if (array.contains[c].max >= 0 && after > array.contains[c].max) return false;
    if (array.max >= 0 && array.contains[c].min - after > array.max - level.count - 1) {
      return false;
    }
  }
  return true;
}

bool JsonReader::TargetItems(JsonState& state) const {
  const JsonLevel& level = *state.level;
  auto targets = std::make_shared<std::vector<JsonTarget>>();
  for (uint32_t f = 0; f < level.frames.size(); ++f) {
    const JsonArray& array = program_.arrays[level.frames[f].shape];
    if (array.max >= 0 && level.count >= array.max) continue;
    if (array.unique && array.distinct != kUncountable &&
        level.count >= static_cast<int64_t>(array.distinct)) {
      continue;
    }
    const auto& choices = level.count < std::ssize(array.prefix)
                              ? array.prefix[static_cast<size_t>(level.count)]
                              : array.rest;
    for (const JsonChoice& choice : choices) {
      if (CanTakeChoice(array, level, level.frames[f].counts, choice.counts)) {
        targets->push_back({JsonLink{f, choice.counts}, choice.node});
      }
    }
  }
  const bool any = !targets->empty();
  state.targets = std::move(targets);
  return any;
}

/// Adds what a value counts towards; false where that is too much.
bool JsonReader::Count(const JsonLevel& level, JsonLevel::Frame& frame, uint32_t counts) const {
  if (level.outer == nullptr) return true;
  if (level.object) {
    frame.counts |= counts;
    return true;
  }
  const JsonArray& array = program_.arrays[frame.shape];
  for (size_t c = 0; c < array.contains.size(); ++c) {
    if ((counts >> c & 1) == 0) continue;
    const auto now = static_cast<int64_t>(frame.counts >> (16 * c) & 0xFFFF);
    if (array.contains[c].max < 0 && now >= array.contains[c].min) continue;
    frame.counts += uint64_t{1} << (16 * c);
  }
  return true;
}

/// Holds a new item against those before it where they must differ.
JsonStep JsonReader::TakeItem(JsonLevel& level, const std::string* document, size_t end) const {
  const auto unique = [&](const JsonLevel::Frame& frame) {
    return program_.arrays[frame.shape].unique;
  };
  if (std::none_of(level.frames.begin(), level.frames.end(), unique)) return JsonStep::kAlive;
  if (document == nullptr) return JsonStep::kUnknown;
  const auto item = ParseJsonDocument(
      std::string_view(*document).substr(level.item_start, end - level.item_start),
      program_.max_depth + 1);
  if (!item) return JsonStep::kDead;
  std::string text = CanonicalJson(*item);
  if (level.seen != nullptr && level.seen->contains(text)) {
    std::erase_if(level.frames, unique);
    return level.frames.empty() ? JsonStep::kDead : JsonStep::kAlive;
  }
  auto seen = level.seen == nullptr ? std::make_shared<std::set<std::string>>()
                                    : std::make_shared<std::set<std::string>>(*level.seen);
  seen->insert(std::move(text));
  level.seen = std::move(seen);
  return JsonStep::kAlive;
}

JsonStep JsonReader::EndValue(JsonState& state, const std::vector<JsonLink>& links,
                              const std::string* document, size_t end) const {
  if (links.empty()) return JsonStep::kDead;
  auto level = std::make_shared<JsonLevel>(*state.level);
  std::vector<JsonLevel::Frame> frames;
  for (const JsonLink& link : links) {
    JsonLevel::Frame frame = state.level->frames[link.frame];
    if (!Count(*level, frame, link.counts)) continue;
    const auto same = std::find_if(frames.begin(), frames.end(), [&](const auto& other) {
      return other.shape == frame.shape && other.counts == frame.counts;
    });
    if (same == frames.end()) {
      frames.push_back(std::move(frame));
    } else {
      for (const JsonLink& outer : frame.links) {
        auto& known = same->links;
        if (std::find(known.begin(), known.end(), outer) == known.end()) known.push_back(outer);
      }
    }
  }
  if (frames.size() > program_.max_frames) return JsonStep::kDead;
  level->frames = std::move(frames);
  ++level->count;
  state.mode = level->outer == nullptr ? Mode::kEnd : Mode::kAfterValue;
  if (level->outer != nullptr && !level->object) {
    if (const JsonStep taken = TakeItem(*level, document, end); taken != JsonStep::kAlive) {
      return taken;
    }
  }
  state.targets.reset();
  state.level = std::move(level);
  return JsonStep::kAlive;
}

bool JsonReader::MayEnd(const JsonState& state) const {
  if (state.mode == Mode::kEnd) return true;
  return state.mode == Mode::kInNumber && state.level->outer == nullptr &&
         state.lexeme.AnyAccept(program_.automata);
}

std::bitset<256> JsonReader::Candidates(const JsonState& state) const {
  std::bitset<256> bytes;
  const auto add = [&](std::string_view characters) {
    for (const char c : characters) bytes.set(static_cast<uint8_t>(c));
  };
  switch (state.mode) {
    case Mode::kInName:
    case Mode::kInString:
      return bytes.set();
    case Mode::kInNumber:
      add("+-.eE0123456789,]} \n\r\t");
      return bytes;
    case Mode::kInWord:
      bytes.set(static_cast<uint8_t>(kWords[state.word][state.word_at]));
      return bytes;
    case Mode::kFirstItem:
      add("]");
      [[fallthrough]];
    case Mode::kValue:
      for (const JsonTarget& target : *state.targets) {
        const JsonNode& node = program_.nodes[target.node];
        if (node.string >= 0) add("\"");
        if (node.number >= 0) add("-0123456789");
        if (node.null) add("n");
        if (node.yes) add("t");
        if (node.no) add("f");
        if (!node.arrays.empty()) add("[");
        if (!node.objects.empty()) add("{");
      }
      break;
    case Mode::kFirstName:
      add("}\"");
      break;
    case Mode::kName:
      add("\"");
      break;
    case Mode::kColon:
      add(":");
      break;
    case Mode::kAfterValue:
      add(state.level->object ? ",}" : ",]");
      break;
    case Mode::kEnd:
      break;
  }
  add(" \n\r\t");
  return bytes;
}

}  // namespace dure::text
