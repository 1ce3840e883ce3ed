#include "main/progress_line.h"

#include <fmt/format.h>

#include <algorithm>

namespace dure {
namespace {

using std::chrono::steady_clock;

constexpr auto kRedraw = std::chrono::milliseconds(100);
constexpr double kMeasureSeconds = 0.5;
constexpr double kSmoothing = 0.3;                  // weight of the newest half second
constexpr uint64_t kStepWithoutTotal = 50'000'000;  // bytes between plain lines
constexpr double kMegabyte = 1e6;

std::string FormatTime(uint64_t seconds) {
  if (seconds >= 3600) {
    return fmt::format("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
  }
  return fmt::format("{}:{:02}", seconds / 60, seconds % 60);
}

}  // namespace

std::string FormatProgress(uint64_t done, uint64_t total, double bytes_per_second) {
  const double megabytes = static_cast<double>(done) / kMegabyte;
  std::string text;
  if (total > 0) {
    done = std::min(done, total);
    const auto percent =
        static_cast<int>(static_cast<double>(done) * 100.0 / static_cast<double>(total));
    text = fmt::format("{:3}%  {:.1f} of {:.1f} MB", percent, megabytes,
                       static_cast<double>(total) / kMegabyte);
  } else {
    text = fmt::format("{:.1f} MB", megabytes);
  }
  if (bytes_per_second <= 0) return text;
  text += fmt::format("  {:.1f} MB/s", bytes_per_second / kMegabyte);
  if (total > done) {
    const double seconds = static_cast<double>(total - done) / bytes_per_second;
    if (seconds < 360'000) text += "  " + FormatTime(static_cast<uint64_t>(seconds)) + " left";
  }
  return text;
}

ProgressLine::ProgressLine(std::ostream& out, bool in_place, Clock clock)
    : out_(out), in_place_(in_place), clock_(std::move(clock)) {}

ProgressLine::~ProgressLine() {
  if (drawn_width_ > 0) out_ << std::endl;
}

void ProgressLine::Show(const std::string& what, uint64_t done, uint64_t total) {
  if (what != what_) {
    what_ = what;
    rate_ = 0;
    measured_bytes_ = done;
    measured_at_ = clock_();
    next_print_ = 0;
    drawn_at_ = {};
  }
  Measure(done);
  if (in_place_) {
    const auto now = clock_();
    if (now - drawn_at_ < kRedraw && done != total) return;
    drawn_at_ = now;
    Draw(what + "  " + FormatProgress(done, total, rate_));
  } else {
    Print(what, FormatProgress(done, total, rate_), done, total);
  }
}

void ProgressLine::Measure(uint64_t done) {
  const auto now = clock_();
  const double seconds = std::chrono::duration<double>(now - measured_at_).count();
  if (done < measured_bytes_) {  // started over
    measured_bytes_ = done;
    measured_at_ = now;
  } else if (seconds >= kMeasureSeconds) {
    const double rate = static_cast<double>(done - measured_bytes_) / seconds;
    rate_ = rate_ == 0 ? rate : rate_ + kSmoothing * (rate - rate_);
    measured_bytes_ = done;
    measured_at_ = now;
  }
}

void ProgressLine::Draw(const std::string& line) {
  const size_t padding = drawn_width_ > line.size() ? drawn_width_ - line.size() : 0;
  out_ << '\r' << line << std::string(padding, ' ') << std::flush;
  drawn_width_ = line.size();
}

void ProgressLine::Print(const std::string& what, const std::string& text, uint64_t done,
                         uint64_t total) {
  if (done < next_print_ || (done == 0 && total == 0)) return;
  const uint64_t step = total > 0 ? std::max<uint64_t>(total / 10, 1) : kStepWithoutTotal;
  next_print_ = std::max((done / step + 1) * step, uint64_t{1});
  if (total > 0) next_print_ = done >= total ? UINT64_MAX : std::min(next_print_, total);
  out_ << what << "  " << text << std::endl;
}

void ProgressLine::Note(const std::string& line) {
  if (in_place_ && drawn_width_ > 0) {
    out_ << '\r' << std::string(drawn_width_, ' ') << '\r';
    drawn_width_ = 0;
  }
  out_ << line << std::endl;
}

}  // namespace dure
