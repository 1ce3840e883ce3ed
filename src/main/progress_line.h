// How a download shows on stderr: one line redrawn in place on a terminal, plain lines now and then
// elsewhere.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <ostream>
#include <string>

namespace dure {

/// "45%  221.1 of 491.4 MB  12.3 MB/s  0:22 left". total 0: not known, so no percentage and no
/// time; rate 0: not known.
std::string FormatProgress(uint64_t done, uint64_t total, double bytes_per_second);

/// One thread.
class ProgressLine {
 public:
  using Clock = std::function<std::chrono::steady_clock::time_point()>;

  /// in_place: redraw the line (a terminal), else print a line for every tenth.
  ProgressLine(std::ostream& out, bool in_place, Clock clock);
  /// Ends the line that is being redrawn.
  ~ProgressLine();

  void Show(const std::string& what, uint64_t done, uint64_t total);
  /// A line of its own between redraws.
  void Note(const std::string& line);

 private:
  void Measure(uint64_t done);
  void Draw(const std::string& line);
  void Print(const std::string& what, const std::string& text, uint64_t done, uint64_t total);

  std::ostream& out_;
  bool in_place_;
  Clock clock_;
  std::string what_;
  double rate_ = 0;  // bytes per second, smoothed
  uint64_t measured_bytes_ = 0;
  std::chrono::steady_clock::time_point measured_at_;
  std::chrono::steady_clock::time_point drawn_at_;
  size_t drawn_width_ = 0;
  uint64_t next_print_ = 0;
};

}  // namespace dure
