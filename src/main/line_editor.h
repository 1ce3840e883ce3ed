// Reading a line at a terminal: UTF-8 throughout (a Korean syllable is one key press back and two
// columns wide), cursor keys and history.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dure {

/// The text being edited and the cursor in it; no terminal here, so that it can be tested.
class LineBuffer {
 public:
  const std::string& text() const { return text_; }
  size_t cursor() const { return cursor_; }  // bytes

  void Set(std::string text);
  void Insert(std::string_view bytes);
  void MoveLeft();
  void MoveRight();
  void MoveToStart() { cursor_ = 0; }
  void MoveToEnd() { cursor_ = text_.size(); }
  void DeleteBefore();
  void DeleteAt();
  void DeleteWordBefore();
  void DeleteToEnd() { text_.resize(cursor_); }
  void DeleteToStart();

 private:
  std::string text_;
  size_t cursor_ = 0;
};

/// Columns that valid UTF-8 text takes on a terminal: wide characters two, combining marks none.
int DisplayColumns(std::string_view text);

/// Where standard input is no terminal it simply reads lines.
class LineEditor {
 public:
  /// The line without its end; nothing at the end of input (Ctrl-D on an empty line). Ctrl-C gives
  /// an empty line.
  std::optional<std::string> Read(const std::string& prompt);

 private:
  std::optional<std::string> Edit(const std::string& prompt);

  std::vector<std::string> history_;
};

}  // namespace dure
