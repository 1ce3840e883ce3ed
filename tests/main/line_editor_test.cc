#include "main/line_editor.h"

#include <gtest/gtest.h>

namespace dure {
namespace {

TEST(LineBuffer, MovesAndDeletesByWholeCharacters) {
  LineBuffer line;
  line.Insert("a한글b");
  line.MoveLeft();
  line.DeleteBefore();
  EXPECT_EQ(line.text(), "a한b");
  line.Insert("국");
  EXPECT_EQ(line.text(), "a한국b");
  line.MoveToStart();
  line.MoveRight();
  line.DeleteAt();
  EXPECT_EQ(line.text(), "a국b");
  EXPECT_EQ(line.cursor(), 1u);
}

TEST(LineBuffer, DeletesWordsAndEnds) {
  LineBuffer line;
  line.Set("오늘 날씨는  ");
  line.DeleteWordBefore();
  EXPECT_EQ(line.text(), "오늘 ");
  line.DeleteWordBefore();
  EXPECT_EQ(line.text(), "");
  line.Set("one two");
  for (int i = 0; i < 3; ++i) line.MoveLeft();
  line.DeleteToEnd();
  EXPECT_EQ(line.text(), "one ");
  line.MoveToEnd();
  line.DeleteToStart();
  EXPECT_EQ(line.text(), "");
}

TEST(LineBuffer, NothingHappensAtTheEnds) {
  LineBuffer line;
  line.MoveLeft();
  line.DeleteBefore();
  line.MoveRight();
  line.DeleteAt();
  line.DeleteWordBefore();
  EXPECT_EQ(line.text(), "");
  EXPECT_EQ(line.cursor(), 0u);
}

TEST(DisplayColumns, KoreanIsTwoColumnsWideAndCombiningMarksNone) {
  EXPECT_EQ(DisplayColumns("abc"), 3);
  EXPECT_EQ(DisplayColumns("안녕"), 4);
  EXPECT_EQ(DisplayColumns("e\u0301"), 1);
  EXPECT_EQ(DisplayColumns("\xff"), 1);
}

}  // namespace
}  // namespace dure
