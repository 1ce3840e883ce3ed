// Values of the template language, with Python's behaviour: truth, equality, order, str() and
// repr().
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "base/error.h"
#include "text/tainted_string.h"

namespace dure::text::jinja {

/// Thrown inside the interpreter, caught once in ChatTemplate. `line` 0: not known yet, the
/// evaluator fills it in.
struct TemplateError {
  ErrorCode code;
  std::string message;
  uint32_t line = 0;
};

[[noreturn]] void Throw(std::string message, ErrorCode code = ErrorCode::kInvalidArgument);

struct List;
class Dict;
class Object;

struct UndefinedValue {
  const std::string* name = nullptr;  // what was looked up, for the message; owned by the template
};
struct NoneValue {};

template <typename T, typename... Types>
concept OneOf = (std::is_same_v<T, Types> || ...);

/// A small handle; containers and strings live in a Heap, which frees all of them at once. Mutable
/// containers are shared by their handles, as in Python.
struct Value {
  using Undefined = UndefinedValue;
  using None = NoneValue;
  using Data = std::variant<Undefined, None, bool, int64_t, double, const TaintedString*, List*,
                            Dict*, Object*>;

  Data data;
  bool from_input = false;  // of numbers, booleans and containers; strings know it byte by byte

  Value() = default;
  template <typename T>
    requires OneOf<T, Undefined, None, bool, int64_t, double, const TaintedString*, List*, Dict*,
                   Object*>
  Value(T value, bool input = false)
      : data(value), from_input(input) {}  // NOLINT: values convert implicitly

  template <typename T>
  bool Is() const {
    return std::holds_alternative<T>(data);
  }
  bool IsUndefined() const { return Is<Undefined>(); }
  bool IsNone() const { return Is<None>(); }
  bool IsString() const { return Is<const TaintedString*>(); }
  bool IsList() const { return Is<List*>(); }
  bool IsDict() const { return Is<Dict*>(); }
  bool IsObject() const { return Is<Object*>(); }
  bool IsInteger() const { return Is<int64_t>() || Is<bool>(); }  // in Python a bool is an int
  bool IsNumber() const { return IsInteger() || Is<double>(); }

  const TaintedString& AsString() const { return *std::get<const TaintedString*>(data); }
  std::string_view View() const { return AsString().view(); }
  List& AsList() const { return *std::get<List*>(data); }
  Dict& AsDict() const { return *std::get<Dict*>(data); }
  Object& AsObject() const { return *std::get<Object*>(data); }
  int64_t AsInteger() const {
    return Is<bool>() ? static_cast<int64_t>(std::get<bool>(data)) : std::get<int64_t>(data);
  }
  double AsDouble() const {
    return Is<double>() ? std::get<double>(data) : static_cast<double>(AsInteger());
  }
};

struct List {
  enum class Kind { kList, kTuple, kGenerator };  // a generator is true and has no length
  std::vector<Value> items;
  Kind kind = Kind::kList;
};

/// Insertion-ordered. Keys: strings, numbers, booleans, none and tuples of those.
class Dict {
 public:
  const std::vector<std::pair<Value, Value>>& entries() const { return entries_; }
  size_t size() const { return entries_.size(); }
  const Value* Find(const Value& key) const;
  const Value* Find(std::string_view key) const;
  void Set(const Value& key, const Value& value);
  std::optional<Value> Remove(const Value& key);
  void Clear();

 private:
  std::vector<std::pair<Value, Value>> entries_;
  std::unordered_map<std::string, size_t> index_;  // by canonical key
};

class Evaluator;

struct Arguments {
  std::vector<Value> positional;
  std::vector<std::pair<std::string, Value>> named;

  /// The argument at this place or of this name; nullptr when it was not given.
  const Value* Find(size_t position, std::string_view name) const;
  const Value& Require(size_t position, std::string_view name) const;
  /// Throws where there are more positional arguments or other names than these.
  void ExpectAtMost(size_t positional_count,
                    std::initializer_list<std::string_view> names = {}) const;
};

/// What has attributes or can be called: loop, namespaces, macros, functions.
class Object {
 public:
  virtual ~Object() = default;
  virtual std::optional<Value> Attribute(Evaluator& evaluator, std::string_view name);
  virtual bool IsCallable() const { return false; }
  virtual Value Call(Evaluator& evaluator, const Arguments& arguments);
  virtual std::string Describe() const = 0;
};

/// Owns what values point to.
class Heap {
 public:
  Value String(TaintedString value);
  Value Trusted(std::string_view bytes) { return String(TaintedString::Trusted(bytes)); }
  Value Input(std::string_view bytes) { return String(TaintedString::Input(bytes)); }
  Value MakeList(std::vector<Value> items, List::Kind kind = List::Kind::kList,
                 bool from_input = false);
  Value MakeTuple(std::vector<Value> items) {
    return MakeList(std::move(items), List::Kind::kTuple);
  }
  Value MakeDict(bool from_input = false);
  template <typename T, typename... Args>
  Value MakeObject(Args&&... args) {
    objects_.push_back(std::make_unique<T>(std::forward<Args>(args)...));
    return Value(objects_.back().get());
  }

 private:
  std::deque<TaintedString> strings_;
  std::deque<List> lists_;
  std::deque<Dict> dicts_;
  std::vector<std::unique_ptr<Object>> objects_;
};

/// Nesting beyond this depth of a value that is printed, compared or converted is an error.
constexpr int kMaxValueDepth = 200;

/// The name Python gives the type: "str", "int" ...
std::string TypeName(const Value& value);
bool IsTrue(const Value& value);
bool Equal(const Value& a, const Value& b, int depth = 0);
/// Less than zero, zero or more; throws for what Python cannot order.
int Compare(const Value& a, const Value& b, int depth = 0);
/// `needle in haystack`.
bool Contains(const Value& haystack, const Value& needle);
/// Whether any part of the value comes from input.
bool HasInput(const Value& value, int depth = 0);

/// The order of the keys: a stable sort that stays within bounds whatever Compare says (NaN has no
/// order).
std::vector<size_t> SortedOrder(const std::vector<Value>& keys, bool reverse);

/// str() and repr(), with the provenance of every byte.
TaintedString ToString(const Value& value);
void AppendRepr(const Value& value, TaintedString& out, int depth = 0);
std::string FloatRepr(double value);

/// The elements a for loop visits: items, keys or characters. Throws for what Python cannot
/// iterate.
std::vector<Value> Iterate(Heap& heap, const Value& value);

/// JSON as Python's json.dumps writes it with ensure_ascii=False. indent < 0: on one line.
struct JsonStyle {
  int indent = -1;
  std::string item_separator;  // empty: ", " on one line, "," with an indent
  std::string key_separator;   // empty: ": "
  bool sort_keys = false;
  bool ensure_ascii = false;
};
TaintedString ToJson(const Value& value, const JsonStyle& style);

/// A value of the request as template value: everything in it is input.
Value FromJson(Heap& heap, const nlohmann::ordered_json& json, int depth = 0);

}  // namespace dure::text::jinja
