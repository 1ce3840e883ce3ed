// Numbers in the text format that Prometheus reads (exposition format 0.0.4).
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "base/histogram.h"

namespace dure::api {

class Exposition {
 public:
  using Labels = std::initializer_list<std::pair<std::string_view, std::string_view>>;

  /// Begins a metric; the values that follow are its own. type: "counter", "gauge", "histogram".
  void Begin(std::string_view name, std::string_view type, std::string_view help);
  void Add(Labels labels, double value);
  void Add(double value) { Add({}, value); }
  void Add(const Histogram& histogram);
  /// One value, without labels.
  void Single(std::string_view name, std::string_view type, std::string_view help, double value);

  std::string Take() { return std::move(text_); }

 private:
  void Line(std::string_view suffix, Labels labels, double value);

  std::string name_;
  std::string text_;
};

}  // namespace dure::api
