#include "main/line_editor.h"

#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>
#include <utf8proc.h>

#include <algorithm>
#include <cstdio>
#include <iostream>
#include <utility>

namespace dure {
namespace {

constexpr size_t kMostHistory = 500;  // lines
constexpr size_t kMostLineBytes = 1 << 20;

// Keys beyond the printable ones, numbered outside the range of a byte.
enum Key : int {
  kEnd = -1,  // of input
  kCtrlA = 1,
  kCtrlB = 2,
  kCtrlC = 3,
  kCtrlD = 4,
  kCtrlE = 5,
  kCtrlF = 6,
  kBackspaceKey = 8,
  kCtrlK = 11,
  kEnterKey = 13,
  kCtrlU = 21,
  kCtrlW = 23,
  kDeleteByte = 127,
  kLeft = 1000,
  kRight,
  kUp,
  kDown,
  kHome,
  kEndOfLine,
  kDelete,
  kOther,
};

bool IsContinuation(char byte) { return (static_cast<unsigned char>(byte) & 0xC0) == 0x80; }

/// Puts the terminal into byte-by-byte mode and back.
class RawMode {
 public:
  RawMode() {
    tcgetattr(STDIN_FILENO, &before_);
    termios raw = before_;
    raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO | ISIG | IEXTEN);
    raw.c_iflag &= ~static_cast<tcflag_t>(IXON | ICRNL);
    raw.c_cc[VMIN] = 1;
    raw.c_cc[VTIME] = 0;
    tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
  }
  ~RawMode() { tcsetattr(STDIN_FILENO, TCSADRAIN, &before_); }
  RawMode(const RawMode&) = delete;
  RawMode& operator=(const RawMode&) = delete;

 private:
  termios before_{};
};

int ReadByte() {
  unsigned char byte = 0;
  return read(STDIN_FILENO, &byte, 1) == 1 ? byte : static_cast<int>(kEnd);
}

/// The rest of an escape sequence: ESC [ parameters final, or ESC O final (ECMA-48, xterm).
int ReadEscape() {
  const int kind = ReadByte();
  if (kind != '[' && kind != 'O') return kind == kEnd ? kEnd : kOther;
  std::string parameters;
  int last = ReadByte();
  while (last != kEnd && (last < 0x40 || last > 0x7e) && parameters.size() < 16) {
    parameters.push_back(static_cast<char>(last));
    last = ReadByte();
  }
  switch (last) {
    case 'A':
      return kUp;
    case 'B':
      return kDown;
    case 'C':
      return kRight;
    case 'D':
      return kLeft;
    case 'H':
      return kHome;
    case 'F':
      return kEndOfLine;
    case '~':
      if (parameters == "3") return kDelete;
      if (parameters == "1" || parameters == "7") return kHome;
      if (parameters == "4" || parameters == "8") return kEndOfLine;
      return kOther;
    default:
      return last == kEnd ? kEnd : kOther;
  }
}

int ReadKey() {
  const int byte = ReadByte();
  return byte == 0x1b ? ReadEscape() : byte;
}

int TerminalColumns() {
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
  return size.ws_col;
}

/// Draws the prompt and as much of the line as fits around the cursor.
void Redraw(const std::string& prompt, const LineBuffer& line) {
  const int room = std::max(TerminalColumns() - DisplayColumns(prompt) - 1, 8);
  std::string_view before(line.text().data(), line.cursor());
  while (DisplayColumns(before) > room) {
    before.remove_prefix(1);
    while (!before.empty() && IsContinuation(before.front())) before.remove_prefix(1);
  }
  std::string_view after = std::string_view(line.text()).substr(line.cursor());
  while (DisplayColumns(before) + DisplayColumns(after) > room) {
    while (!after.empty() && IsContinuation(after.back())) after.remove_suffix(1);
    if (!after.empty()) after.remove_suffix(1);
  }
  std::string out = "\r" + prompt + std::string(before) + std::string(after) + "\033[K";
  if (const int back = DisplayColumns(after); back > 0) {
    out += "\033[" + std::to_string(back) + "D";
  }
  std::fwrite(out.data(), 1, out.size(), stdout);
  std::fflush(stdout);
}

/// Editing keys; false for all others.
bool Apply(int key, LineBuffer& line) {
  switch (key) {
    case kLeft:
    case kCtrlB:
      line.MoveLeft();
      return true;
    case kRight:
    case kCtrlF:
      line.MoveRight();
      return true;
    case kHome:
    case kCtrlA:
      line.MoveToStart();
      return true;
    case kEndOfLine:
    case kCtrlE:
      line.MoveToEnd();
      return true;
    case kBackspaceKey:
    case kDeleteByte:
      line.DeleteBefore();
      return true;
    case kDelete:
    case kCtrlD:
      line.DeleteAt();
      return true;
    case kCtrlK:
      line.DeleteToEnd();
      return true;
    case kCtrlU:
      line.DeleteToStart();
      return true;
    case kCtrlW:
      line.DeleteWordBefore();
      return true;
    default:
      return false;
  }
}

/// A whole character that starts with this byte, so that a redraw never shows half of one.
std::string ReadCharacter(int lead) {
  std::string bytes(1, static_cast<char>(lead));
  const int length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC0 ? 2 : 1;
  for (int i = 1; i < length; ++i) {
    const int next = ReadByte();
    if (next == kEnd || !IsContinuation(static_cast<char>(next))) return "";
    bytes.push_back(static_cast<char>(next));
  }
  return bytes;
}

}  // namespace

void LineBuffer::Set(std::string text) {
  text_ = std::move(text);
  cursor_ = text_.size();
}

void LineBuffer::Insert(std::string_view bytes) {
  text_.insert(cursor_, bytes);
  cursor_ += bytes.size();
}

void LineBuffer::MoveLeft() {
  if (cursor_ == 0) return;
  do {
    --cursor_;
  } while (cursor_ > 0 && IsContinuation(text_[cursor_]));
}

void LineBuffer::MoveRight() {
  if (cursor_ == text_.size()) return;
  do {
    ++cursor_;
  } while (cursor_ < text_.size() && IsContinuation(text_[cursor_]));
}

void LineBuffer::DeleteBefore() {
  const size_t end = cursor_;
  MoveLeft();
  text_.erase(cursor_, end - cursor_);
}

void LineBuffer::DeleteAt() {
  const size_t begin = cursor_;
  MoveRight();
  text_.erase(begin, cursor_ - begin);
  cursor_ = begin;
}

void LineBuffer::DeleteWordBefore() {
  const size_t end = cursor_;
  while (cursor_ > 0 && text_[cursor_ - 1] == ' ') --cursor_;
  while (cursor_ > 0 && text_[cursor_ - 1] != ' ') --cursor_;
  text_.erase(cursor_, end - cursor_);
}

void LineBuffer::DeleteToStart() {
  text_.erase(0, cursor_);
  cursor_ = 0;
}

int DisplayColumns(std::string_view text) {
  int columns = 0;
  const auto* bytes = reinterpret_cast<const utf8proc_uint8_t*>(text.data());
  for (size_t i = 0; i < text.size();) {
    utf8proc_int32_t character = 0;
    const utf8proc_ssize_t length =
        utf8proc_iterate(bytes + i, static_cast<utf8proc_ssize_t>(text.size() - i), &character);
    if (length <= 0) {
      ++columns;
      ++i;
      continue;
    }
    columns += utf8proc_charwidth(character);
    i += static_cast<size_t>(length);
  }
  return columns;
}

std::optional<std::string> LineEditor::Read(const std::string& prompt) {
  if (isatty(STDIN_FILENO) == 0 || isatty(STDOUT_FILENO) == 0) {
    std::string line;
    if (!std::getline(std::cin, line)) return std::nullopt;
    return line;
  }
  std::optional<std::string> line = Edit(prompt);
  std::fputs("\n", stdout);
  if (line && !line->empty() && (history_.empty() || history_.back() != *line)) {
    history_.push_back(*line);
    if (history_.size() > kMostHistory) history_.erase(history_.begin());
  }
  return line;
}

std::optional<std::string> LineEditor::Edit(const std::string& prompt) {
  const RawMode raw;
  LineBuffer line;
  std::string unfinished;  // what was typed before going through the history
  size_t place = history_.size();
  const auto recall = [&](size_t to) {
    if (place == history_.size()) unfinished = line.text();
    place = to;
    line.Set(place == history_.size() ? unfinished : history_[place]);
  };
  for (;;) {
    Redraw(prompt, line);
    const int key = ReadKey();
    if (key == kEnd || (key == kCtrlD && line.text().empty())) return std::nullopt;
    if (key == kEnterKey || key == '\n') return line.text();
    if (key == kCtrlC) return std::string();
    if (key == kUp && place > 0) recall(place - 1);
    if (key == kDown && place < history_.size()) recall(place + 1);
    if (Apply(key, line) || key >= kLeft || key < 0x20) continue;
    if (line.text().size() < kMostLineBytes) line.Insert(ReadCharacter(key));
  }
}

}  // namespace dure
