// Python's "..." % arguments.
#include <charconv>
#include <cstdio>
#include <utility>

#include "text/jinja_evaluator.h"
#include "text/unicode.h"

namespace dure::text::jinja {
namespace {

struct Directive {
  std::string key;  // %(key)s
  bool left = false;
  bool zero = false;
  bool plus = false;
  int width = 0;
  int precision = -1;
  char conversion = 's';
};

class PercentFormatter {
 public:
  PercentFormatter(Evaluator& evaluator, const TaintedString& format, const Value& arguments)
      : evaluator_(evaluator), format_(format), text_(format.view()), arguments_(arguments) {}

  Value Run() {
    while (at_ < text_.size()) {
      const size_t percent = std::min(text_.find('%', at_), text_.size());
      out_.AppendSlice(format_, at_, percent);
      at_ = percent;
      if (at_ < text_.size()) Directive_();
      evaluator_.Charge(1);
    }
    const bool tuple = IsTuple();
    if (tuple && next_ < arguments_.AsList().items.size())
      Throw("not all arguments converted during formatting");
    if (!tuple && !arguments_.IsDict() && next_ == 0)
      Throw("not all arguments converted during formatting");
    return evaluator_.String(std::move(out_));
  }

 private:
  bool IsTuple() const {
    return arguments_.IsList() && arguments_.AsList().kind == List::Kind::kTuple;
  }

  int Number() {
    int number = 0;
    while (at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9' && number < 100'000) {
      number = number * 10 + (text_[at_++] - '0');
    }
    if (number > 10'000) Throw("a field that wide is not supported", ErrorCode::kResourceExhausted);
    return number;
  }

  Directive Read() {
    Directive d;
    ++at_;
    if (at_ < text_.size() && text_[at_] == '(') {
      const size_t end = text_.find(')', at_);
      if (end == std::string_view::npos) Throw("incomplete format key");
      d.key = text_.substr(at_ + 1, end - at_ - 1);
      at_ = end + 1;
    }
    for (; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      if (c == '-')
        d.left = true;
      else if (c == '0')
        d.zero = true;
      else if (c == '+')
        d.plus = true;
      else if (c != ' ' && c != '#')
        break;
    }
    d.width = Number();
    if (at_ < text_.size() && text_[at_] == '.') {
      ++at_;
      d.precision = Number();
    }
    if (at_ >= text_.size()) Throw("incomplete format");
    d.conversion = text_[at_++];
    return d;
  }

  Value Argument(const Directive& d) {
    if (!d.key.empty()) {
      const Value* value = arguments_.IsDict() ? arguments_.AsDict().Find(d.key) : nullptr;
      if (value == nullptr) Throw("format: no value for '" + d.key + "'");
      return *value;
    }
    if (!IsTuple()) {
      if (next_++ > 0) Throw("not enough arguments for the format");
      return arguments_;
    }
    const auto& items = arguments_.AsList().items;
    if (next_ >= items.size()) Throw("not enough arguments for the format");
    return items[next_++];
  }

  static std::string Spell(const Directive& d, const Value& value) {
    if (!value.IsNumber()) Throw("format: a number is required, not " + TypeName(value));
    char buffer[512];
    const bool is_float =
        d.conversion == 'f' || d.conversion == 'F' || d.conversion == 'e' || d.conversion == 'g';
    if (is_float) {
      const int precision = d.precision < 0 ? 6 : std::min(d.precision, 100);
      const char* pattern = d.conversion == 'e' ? "%.*e" : d.conversion == 'g' ? "%.*g" : "%.*f";
      std::snprintf(buffer, sizeof buffer, pattern, precision, value.AsDouble());
      return buffer;
    }
    const double number = value.AsDouble();
    if (value.Is<double>() && !(number > -9.2e18 && number < 9.2e18))
      Throw("format: the number is too large");
    const int64_t integer = value.Is<double>() ? static_cast<int64_t>(number) : value.AsInteger();
    const int base = d.conversion == 'x' || d.conversion == 'X' ? 16 : d.conversion == 'o' ? 8 : 10;
    const auto result = std::to_chars(buffer, buffer + sizeof buffer, integer, base);
    std::string text(buffer, result.ptr);
    if (d.conversion == 'X') {
      for (char& c : text) c = c >= 'a' && c <= 'f' ? static_cast<char>(c - 32) : c;
    }
    return text;
  }

  void Directive_() {
    const Directive d = Read();
    if (d.conversion == '%') {
      out_.AppendTrusted("%");
      return;
    }
    const Value value = Argument(d);
    TaintedString field;
    const bool number = d.conversion != 's' && d.conversion != 'r';
    if (d.conversion == 's') {
      field = ToString(value);
    } else if (d.conversion == 'r') {
      AppendRepr(value, field);
    } else if (std::string_view("diufFegxXo").find(d.conversion) != std::string_view::npos) {
      std::string text = Spell(d, value);
      if (d.plus && !text.starts_with('-')) text.insert(0, "+");
      field.Append(text, value.from_input);
    } else {
      Throw("unsupported format character '" + std::string(1, d.conversion) + "'");
    }
    if (!number && d.precision >= 0) {
      const Value cut = Slice(evaluator_, evaluator_.String(field), Value(),
                              Value(static_cast<int64_t>(d.precision)), Value());
      field = cut.AsString();
    }
    Pad(d, number, field);
  }

  void Pad(const Directive& d, bool number, const TaintedString& field) {
    const size_t length = CountCodePoints(field.view());
    const size_t room =
        static_cast<size_t>(d.width) > length ? static_cast<size_t>(d.width) - length : 0;
    const bool zeros = d.zero && number && !d.left;
    const size_t sign =
        zeros && !field.empty() && (field.view()[0] == '-' || field.view()[0] == '+') ? 1 : 0;
    evaluator_.ChargeBytes(room + field.size());
    out_.AppendSlice(field, 0, sign);
    if (!d.left) out_.AppendTrusted(std::string(room, zeros ? '0' : ' '));
    out_.AppendSlice(field, sign, field.size());
    if (d.left) out_.AppendTrusted(std::string(room, ' '));
  }

  Evaluator& evaluator_;
  const TaintedString& format_;
  const std::string_view text_;
  const Value& arguments_;
  size_t at_ = 0;
  size_t next_ = 0;
  TaintedString out_;
};

}  // namespace

Value FormatPercent(Evaluator& evaluator, const TaintedString& format, const Value& arguments) {
  return PercentFormatter(evaluator, format, arguments).Run();
}

}  // namespace dure::text::jinja
