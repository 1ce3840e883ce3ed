#include "api/metrics/exposition.h"

#include <array>
#include <charconv>

namespace dure::api {

namespace {

std::string Number(double value) {
  std::array<char, 32> text;
  const auto [end, error] = std::to_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() ? std::string(text.data(), end) : "NaN";
}

std::string Escaped(std::string_view value) {
  std::string out;
  for (const char c : value) {
    if (c == '\n') {
      out += "\\n";
      continue;
    }
    if (c == '\\' || c == '"') out += '\\';
    out += c;
  }
  return out;
}

}  // namespace

void Exposition::Begin(std::string_view name, std::string_view type, std::string_view help) {
  name_ = name;
  text_ += "# HELP " + name_ + " " + std::string(help) + "\n";
  text_ += "# TYPE " + name_ + " " + std::string(type) + "\n";
}

void Exposition::Line(std::string_view suffix, Labels labels, double value) {
  text_ += name_;
  text_ += suffix;
  char before = '{';
  for (const auto& [label, text] : labels) {
    text_ += before;
    text_ += std::string(label) + "=\"" + Escaped(text) + "\"";
    before = ',';
  }
  if (labels.size() > 0) text_ += '}';
  text_ += " " + Number(value) + "\n";
}

void Exposition::Add(Labels labels, double value) { Line("", labels, value); }

void Exposition::Add(const Histogram& histogram) {
  const auto counts = histogram.counts();
  uint64_t total = 0;
  for (size_t i = 0; i < counts.size(); ++i) {
    total += counts[i];
    const std::string bound =
        i < histogram.bounds().size() ? Number(histogram.bounds()[i]) : "+Inf";
    Line("_bucket", {{"le", bound}}, static_cast<double>(total));
  }
  Line("_sum", {}, histogram.sum());
  Line("_count", {}, static_cast<double>(total));
}

void Exposition::Single(std::string_view name, std::string_view type, std::string_view help,
                        double value) {
  Begin(name, type, help);
  Add(value);
}

}  // namespace dure::api
