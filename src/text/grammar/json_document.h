// A JSON text as a tree that keeps what a schema needs: numbers as they are written, members in
// their order.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "text/grammar/decimal.h"

namespace dure::text {

struct JsonMember;

struct JsonValue {
  enum class Kind { kNull, kFalse, kTrue, kNumber, kString, kArray, kObject };
  Kind kind = Kind::kNull;
  std::string text;  // of a string: decoded UTF-8; of a number: as written
  std::vector<JsonValue> items;
  std::vector<JsonMember> members;

  bool is_bool() const { return kind == Kind::kTrue || kind == Kind::kFalse; }
  bool is_string() const { return kind == Kind::kString; }
  bool is_number() const { return kind == Kind::kNumber; }
  bool is_array() const { return kind == Kind::kArray; }
  bool is_object() const { return kind == Kind::kObject; }
  /// The member of that name; null when there is none.
  const JsonValue* Find(std::string_view name) const;
};

struct JsonMember {
  std::string name;
  JsonValue value;
};

/// Reads RFC 8259: no duplicate names, no lone surrogates, well-formed UTF-8.
/// Errors: kInvalidArgument with the byte (also for more than `depth` levels).
Result<JsonValue> ParseJsonDocument(std::string_view text, int depth);

/// One spelling for all that JSON Schema calls equal: names sorted, numbers normalised.
/// Recursion is as deep as the value.
std::string CanonicalJson(const JsonValue& value);

/// A step of an RFC 6901 pointer, escaped.
std::string PointerStep(std::string_view name);

}  // namespace dure::text
