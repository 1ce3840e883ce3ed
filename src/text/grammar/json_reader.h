// Follows a JSON text through a program byte by byte. JSON says by itself where values begin and
// end, so only the alternatives are sets: at each nesting level those that still fit, with links to
// the ones outside that they belong to (a visibly pushdown automaton, made deterministic as it
// runs; Alur and Madhusudan, 2004).
#pragma once

#include <bitset>
#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "text/grammar/json_program.h"
#include "text/grammar/lexeme.h"

namespace dure::text {

struct JsonLevel;
using JsonLevelPtr = std::shared_ptr<const JsonLevel>;

/// Which alternative outside a value goes on when the value fits, and what it counts towards.
struct JsonLink {
  uint32_t frame = 0;
  uint32_t counts = 0;
  auto operator<=>(const JsonLink&) const = default;
};

/// An array or object that is open, in all readings that still fit. Never changed once shared.
struct JsonLevel {
  struct Frame {
    int32_t shape = 0;            // of JsonProgram's arrays or objects
    uint64_t counts = 0;          // witnesses seen; 16 bits for each `contains`
    std::vector<JsonLink> links;  // to the frames of `outer`
  };
  JsonLevelPtr outer;  // null outside the document's value
  bool object = false;
  int depth = 0;
  int64_t count = 0;  // values that have ended here
  std::vector<Frame> frames;
  std::shared_ptr<const std::set<std::string>> seen;  // names, or items where they must differ
  bool seen_unknown = false;  // a name or item ended whose text was not at hand
  size_t item_start = 0;      // in the document, of an array's item

  JsonLevel() = default;
  ~JsonLevel();
  JsonLevel(const JsonLevel&) = default;
  JsonLevel& operator=(const JsonLevel&) = default;
};

/// A reading that a value's end decides on.
struct JsonTarget {
  JsonLink link;
  int32_t node = 0;
};

/// A value type, cheap to copy.
struct JsonState {
  enum class Mode : uint8_t {
    kFirstItem,  // after [
    kValue,
    kFirstName,  // after {
    kName,
    kInName,
    kColon,
    kInString,
    kInNumber,
    kInWord,  // null, true, false
    kAfterValue,
    kEnd,
  };
  Mode mode = Mode::kValue;
  uint8_t word = 0;  // index into the words, and how much of it is read
  uint8_t word_at = 0;
  int spaces = 0;       // white space in a row
  size_t position = 0;  // bytes read
  size_t name_start = 0;
  bool name_is_new = false;  // who reads without the document sees to names that are there already
  JsonLevelPtr level;
  Lexeme lexeme;
  std::shared_ptr<const std::vector<JsonTarget>> targets;
};

enum class JsonStep {
  kDead,
  kAlive,
  kUnknown,  // depends on text that is not at hand
};

/// Immutable; thread-safe.
class JsonReader {
 public:
  explicit JsonReader(const JsonProgram& program) : program_(program) {}

  JsonState Start() const;
  /// Reads one byte. `document`: all bytes so far, this one included, or null: then the answer may
  /// be kUnknown, and names are not held against those already there. After kDead and kUnknown the
  /// state is unusable.
  JsonStep Step(JsonState& state, uint8_t byte, const std::string* document) const;
  bool MayEnd(const JsonState& state) const;
  /// Bytes that may be alive; the others are dead.
  std::bitset<256> Candidates(const JsonState& state) const;
  /// Whether a name (or string item) that began as `document` ends can still differ from those
  /// seen. REQUIRES: state is in a name.
  bool NameCanDiffer(const JsonState& state, const std::string& document) const;

  /// Whether a string is an item that must differ from the earlier ones, with only so many strings
  /// to choose from: then every byte depends on the document. REQUIRES: state is in a string.
  bool StringIsScarce(const JsonState& state) const;

  const JsonProgram& program() const { return program_; }

 private:
  using Mode = JsonState::Mode;
  JsonStep StartValue(JsonState& state, uint8_t byte) const;
  JsonStep StartLexeme(JsonState& state, Lexeme::Kind kind, Mode mode) const;
  using CharacterTest = std::function<bool(const JsonState&, const std::string&)>;
  bool AnyCharacter(const JsonState& state, const std::string& document,
                    const CharacterTest& fits) const;
  bool ItemsMustDiffer(const JsonState& state) const;
  bool StringCanDiffer(const JsonState& state, const std::string& document) const;
  JsonStep StepString(JsonState& state, uint8_t byte, const std::string* document) const;
  JsonStep StartWord(JsonState& state, uint8_t byte) const;
  JsonStep Open(JsonState& state, bool object) const;
  JsonStep Close(JsonState& state, const std::string* document) const;
  JsonStep Comma(JsonState& state) const;
  JsonStep StartName(JsonState& state) const;
  JsonStep StepName(JsonState& state, uint8_t byte, const std::string* document) const;
  JsonStep EndName(JsonState& state, const std::string* document) const;
  JsonStep EndLexeme(JsonState& state, const std::string* document, bool string) const;
  JsonStep StepWord(JsonState& state, uint8_t byte, const std::string* document) const;
  JsonStep AfterValue(JsonState& state, uint8_t byte, const std::string* document) const;
  /// The value that the links belong to has ended before the byte at document[end].
  JsonStep EndValue(JsonState& state, const std::vector<JsonLink>& links,
                    const std::string* document, size_t end) const;
  JsonStep TakeItem(JsonLevel& level, const std::string* document, size_t end) const;
  bool TargetItems(JsonState& state) const;
  bool CanTakeChoice(const JsonArray& array, const JsonLevel& level, uint64_t counts,
                     uint32_t choice) const;
  bool CanClose(const JsonLevel& level, const JsonLevel::Frame& frame) const;
  int32_t NamesOf(const JsonLevel& level, const JsonLevel::Frame& frame) const;
  bool Count(const JsonLevel& level, JsonLevel::Frame& frame, uint32_t counts) const;

  const JsonProgram& program_;
};

}  // namespace dure::text
