// Values as text: Python's str() and repr(), and json.dumps.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <numeric>

#include "text/jinja_value.h"
#include "text/unicode.h"

namespace dure::text::jinja {
namespace {

// Escapes of repr() for what does not print.
void AppendHexEscape(char32_t c, std::string& out) {
  char buffer[16];
  if (c < 0x100) {
    std::snprintf(buffer, sizeof buffer, "\\x%02x", static_cast<unsigned>(c));
  } else if (c < 0x10000) {
    std::snprintf(buffer, sizeof buffer, "\\u%04x", static_cast<unsigned>(c));
  } else {
    std::snprintf(buffer, sizeof buffer, "\\U%08x", static_cast<unsigned>(c));
  }
  out += buffer;
}

void AppendReprChar(char32_t c, char quote, std::string& out) {
  if (c == static_cast<char32_t>(quote) || c == '\\') {
    out += '\\';
    out += static_cast<char>(c);
  } else if (c == '\n') {
    out += "\\n";
  } else if (c == '\r') {
    out += "\\r";
  } else if (c == '\t') {
    out += "\\t";
  } else if (IsPrintable(c)) {
    AppendUtf8(c, out);
  } else {
    AppendHexEscape(c, out);
  }
}

void AppendStringRepr(const TaintedString& text, TaintedString& out) {
  const bool single = text.view().find('\'') != std::string_view::npos;
  const bool double_quote = text.view().find('"') != std::string_view::npos;
  const char quote = single && !double_quote ? '"' : '\'';
  const bool input = text.HasInput();
  std::string spelled(1, quote);
  for (size_t i = 0; i < text.size();)
    AppendReprChar(DecodeLenient(text.view(), i), quote, spelled);
  spelled += quote;
  out.Append(spelled, input);
}

void AppendItems(const std::vector<Value>& items, bool input, TaintedString& out, int depth) {
  bool first = true;
  for (const Value& item : items) {
    if (!first) out.Append(", ", input);
    first = false;
    AppendRepr(item, out, depth + 1);
  }
}

void AppendDictRepr(const Dict& dict, bool input, TaintedString& out, int depth) {
  out.Append("{", input);
  bool first = true;
  for (const auto& [key, value] : dict.entries()) {
    if (!first) out.Append(", ", input);
    first = false;
    AppendRepr(key, out, depth + 1);
    out.Append(": ", input);
    AppendRepr(value, out, depth + 1);
  }
  out.Append("}", input);
}

void AppendJsonString(std::string_view text, bool ensure_ascii, std::string& out) {
  out += '"';
  for (size_t i = 0; i < text.size();) {
    const char32_t c = DecodeLenient(text, i);
    char buffer[16];
    if (c == '"' || c == '\\') {
      out += '\\';
      out += static_cast<char>(c);
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\r') {
      out += "\\r";
    } else if (c == '\t') {
      out += "\\t";
    } else if (c == '\f') {
      out += "\\f";
    } else if (c == '\b') {
      out += "\\b";
    } else if (c < 0x20 || (ensure_ascii && c > 0x7E && c < 0x10000)) {
      std::snprintf(buffer, sizeof buffer, "\\u%04x", static_cast<unsigned>(c));
      out += buffer;
    } else if (ensure_ascii && c >= 0x10000) {
      std::snprintf(buffer, sizeof buffer, "\\u%04x\\u%04x",
                    static_cast<unsigned>(0xD800 + ((c - 0x10000) >> 10)),
                    static_cast<unsigned>(0xDC00 + ((c - 0x10000) & 0x3FF)));
      out += buffer;
    } else {
      AppendUtf8(c, out);
    }
  }
  out += '"';
}

class JsonWriter {
 public:
  explicit JsonWriter(const JsonStyle& style) : style_(style) {
    item_separator_ = !style.item_separator.empty() ? style.item_separator
                      : style.indent >= 0           ? ","
                                                    : ", ";
    key_separator_ = !style.key_separator.empty() ? style.key_separator : ": ";
  }

  void Write(const Value& value, int depth) {
    if (depth > kMaxValueDepth)
      Throw("value is nested too deeply for JSON", ErrorCode::kResourceExhausted);
    if (value.IsString()) {
      std::string spelled;
      AppendJsonString(value.View(), style_.ensure_ascii, spelled);
      out_.Append(spelled, value.AsString().HasInput());
    } else if (value.IsList()) {
      WriteList(value, depth);
    } else if (value.IsDict()) {
      WriteDict(value, depth);
    } else {
      out_.Append(Scalar(value), value.from_input);
    }
  }

  TaintedString Take() { return std::move(out_); }

 private:
  static std::string Scalar(const Value& value) {
    if (value.IsNone()) return "null";
    if (value.Is<bool>()) return std::get<bool>(value.data) ? "true" : "false";
    if (value.Is<int64_t>()) return std::to_string(value.AsInteger());
    if (value.Is<double>()) {
      const double number = value.AsDouble();
      if (std::isnan(number)) return "NaN";
      if (std::isinf(number)) return number > 0 ? "Infinity" : "-Infinity";
      return FloatRepr(number);
    }
    Throw("a value of type '" + TypeName(value) + "' cannot be written as JSON");
  }

  static std::string KeySpelling(const Value& key) {
    if (key.IsString()) return key.AsString().bytes();
    if (key.IsNumber() || key.IsNone()) return Scalar(key);
    Throw("a dict key of type '" + TypeName(key) + "' cannot be written as JSON");
  }

  void NewLine(int depth, bool input) {
    if (style_.indent < 0) return;
    out_.Append("\n" + std::string(static_cast<size_t>(depth * style_.indent), ' '), input);
  }

  void WriteList(const Value& value, int depth) {
    const bool input = value.from_input;
    const List& list = value.AsList();
    if (list.kind == List::Kind::kGenerator) Throw("a generator cannot be written as JSON");
    out_.Append("[", input);
    bool first = true;
    for (const Value& item : list.items) {
      if (!first) out_.Append(item_separator_, input);
      first = false;
      NewLine(depth + 1, input);
      Write(item, depth + 1);
    }
    if (!first) NewLine(depth, input);
    out_.Append("]", input);
  }

  void WriteDict(const Value& value, int depth) {
    const bool input = value.from_input;
    const auto& entries = value.AsDict().entries();
    std::vector<Value> keys;
    for (const auto& entry : entries) keys.push_back(entry.first);
    std::vector<size_t> order(entries.size());
    std::iota(order.begin(), order.end(), size_t{0});
    if (style_.sort_keys) order = SortedOrder(keys, false);
    out_.Append("{", input);
    bool first = true;
    for (const size_t i : order) {
      const auto& [key, item] = entries[i];
      if (!first) out_.Append(item_separator_, input);
      first = false;
      NewLine(depth + 1, input);
      std::string spelled;
      AppendJsonString(KeySpelling(key), style_.ensure_ascii, spelled);
      out_.Append(spelled, input || HasInput(key));
      out_.Append(key_separator_, input);
      Write(item, depth + 1);
    }
    if (!first) NewLine(depth, input);
    out_.Append("}", input);
  }

  const JsonStyle& style_;
  std::string item_separator_;
  std::string key_separator_;
  TaintedString out_;
};

}  // namespace

std::string FloatRepr(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  char buffer[64];
  // The shortest digits that read back the same, as Python prints; then Python's choice of
  // notation.
  const auto result =
      std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::scientific);
  const std::string_view spelled(buffer, static_cast<size_t>(result.ptr - buffer));
  const size_t e = spelled.find('e');
  int exponent = 0;
  const char* digits = spelled.data() + e + 1 + (spelled[e + 1] == '+' ? 1 : 0);
  std::from_chars(digits, spelled.data() + spelled.size(), exponent);
  if (exponent < -4 || exponent >= 16) return std::string(spelled);
  const auto fixed = std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::fixed);
  std::string text(buffer, fixed.ptr);
  if (text.find('.') == std::string::npos) text += ".0";
  return text;
}

void AppendRepr(const Value& value, TaintedString& out, int depth) {
  if (depth > kMaxValueDepth)
    Throw("value is nested too deeply to print", ErrorCode::kResourceExhausted);
  struct Printer {
    const Value& value;
    TaintedString& out;
    int depth;
    void operator()(Value::Undefined) const { out.AppendTrusted("Undefined"); }
    void operator()(Value::None) const { out.Append("None", value.from_input); }
    void operator()(bool b) const { out.Append(b ? "True" : "False", value.from_input); }
    void operator()(int64_t i) const { out.Append(std::to_string(i), value.from_input); }
    void operator()(double d) const { out.Append(FloatRepr(d), value.from_input); }
    void operator()(const TaintedString* s) const { AppendStringRepr(*s, out); }
    void operator()(const List* list) const {
      if (list->kind == List::Kind::kGenerator) {
        out.AppendTrusted("<generator object>");
        return;
      }
      const bool tuple = list->kind == List::Kind::kTuple;
      const bool input = value.from_input;
      out.Append(tuple ? "(" : "[", input);
      AppendItems(list->items, input, out, depth);
      if (tuple && list->items.size() == 1) out.Append(",", input);
      out.Append(tuple ? ")" : "]", input);
    }
    void operator()(const Dict* dict) const { AppendDictRepr(*dict, value.from_input, out, depth); }
    void operator()(const Object* object) const {
      out.AppendTrusted("<" + object->Describe() + ">");
    }
  };
  std::visit(Printer{value, out, depth}, value.data);
}

TaintedString ToString(const Value& value) {
  if (value.IsString()) return value.AsString();
  if (value.IsUndefined()) return {};
  TaintedString out;
  AppendRepr(value, out);
  return out;
}

TaintedString ToJson(const Value& value, const JsonStyle& style) {
  JsonWriter writer(style);
  writer.Write(value, 0);
  return writer.Take();
}

Value FromJson(Heap& heap, const nlohmann::ordered_json& json, int depth) {
  if (depth > kMaxValueDepth)
    Throw("the input is nested too deeply", ErrorCode::kResourceExhausted);
  switch (json.type()) {
    case nlohmann::ordered_json::value_t::null:
    case nlohmann::ordered_json::value_t::discarded:
      return Value(Value::None{}, true);
    case nlohmann::ordered_json::value_t::boolean:
      return Value(json.get<bool>(), true);
    case nlohmann::ordered_json::value_t::number_integer:
      return Value(json.get<int64_t>(), true);
    case nlohmann::ordered_json::value_t::number_unsigned: {
      const auto number = json.get<uint64_t>();
      if (number > static_cast<uint64_t>(INT64_MAX))
        return Value(static_cast<double>(number), true);
      return Value(static_cast<int64_t>(number), true);
    }
    case nlohmann::ordered_json::value_t::number_float:
      return Value(json.get<double>(), true);
    case nlohmann::ordered_json::value_t::string:
      return heap.Input(json.get_ref<const std::string&>());
    case nlohmann::ordered_json::value_t::array: {
      std::vector<Value> items;
      items.reserve(json.size());
      for (const auto& item : json) items.push_back(FromJson(heap, item, depth + 1));
      return heap.MakeList(std::move(items), List::Kind::kList, true);
    }
    case nlohmann::ordered_json::value_t::object: {
      const Value dict = heap.MakeDict(true);
      for (const auto& [key, item] : json.items())
        dict.AsDict().Set(heap.Input(key), FromJson(heap, item, depth + 1));
      return dict;
    }
    case nlohmann::ordered_json::value_t::binary:
      break;
  }
  Throw("the input holds binary data");
}

}  // namespace dure::text::jinja
