#include "main/progress_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

namespace dure {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;

TEST(FormatProgress, SaysHowMuchHowFastHowLong) {
  EXPECT_EQ(FormatProgress(221'100'000, 491'400'000, 12'300'000),
            " 44%  221.1 of 491.4 MB  12.3 MB/s  0:21 left");
  EXPECT_EQ(FormatProgress(0, 491'400'000, 0), "  0%  0.0 of 491.4 MB");
  EXPECT_EQ(FormatProgress(1'000'000, 100'000'000'000, 1'000'000),
            "  0%  1.0 of 100000.0 MB  1.0 MB/s  27:46:39 left");
  EXPECT_EQ(FormatProgress(5'000'000, 5'000'000, 1'000'000), "100%  5.0 of 5.0 MB  1.0 MB/s");
  EXPECT_EQ(FormatProgress(5'000'000, 0, 0), "5.0 MB");
}

class ProgressLineTest : public testing::Test {
 protected:
  ProgressLine Line(bool in_place) {
    return ProgressLine(out_, in_place, [this] { return now_; });
  }

  std::ostringstream out_;
  std::chrono::steady_clock::time_point now_{milliseconds(1'000'000)};
};

TEST_F(ProgressLineTest, PlainOutputHasALineForEveryTenth) {
  auto line = Line(false);
  for (uint64_t done = 0; done <= 1000; ++done) line.Show("m", done * 1'000'000, 1'000'000'000);
  std::istringstream lines(out_.str());
  int count = 0;
  for (std::string text; std::getline(lines, text); ++count) EXPECT_EQ(text.rfind("m  ", 0), 0u);
  EXPECT_EQ(count, 11);
  EXPECT_THAT(out_.str(), HasSubstr("m  100%"));
  EXPECT_EQ(out_.str().find('\r'), std::string::npos);
}

TEST_F(ProgressLineTest, ATerminalIsRedrawnAtMostTenTimesASecond) {
  {
    auto line = Line(true);
    for (int i = 0; i < 1000; ++i) {
      now_ += milliseconds(1);
      line.Show("m", static_cast<uint64_t>(i) * 1000, 1'000'000);
    }
  }
  const std::string text = out_.str();
  EXPECT_LE(std::count(text.begin(), text.end(), '\r'), 11);
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1);
  EXPECT_THAT(text, HasSubstr("1.0 MB/s"));
}

TEST_F(ProgressLineTest, BytesOfAnEarlierRunAreNoSpeed) {
  auto line = Line(true);
  line.Show("m", 900'000'000, 1'000'000'000);
  now_ += milliseconds(1000);
  line.Show("m", 902'000'000, 1'000'000'000);
  EXPECT_THAT(out_.str(), HasSubstr("2.0 MB/s"));
}

TEST_F(ProgressLineTest, NotesStandOnALineOfTheirOwn) {
  {
    auto line = Line(true);
    line.Show("m", 1, 10);
    line.Note("the next source");
    line.Show("m", 10, 10);
  }
  EXPECT_THAT(out_.str(), HasSubstr("\rthe next source\n"));
}

}  // namespace
}  // namespace dure
