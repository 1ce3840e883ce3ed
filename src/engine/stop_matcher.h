// Stop strings in a stream of text: finds them across token borders and inside tokens, and holds
// back what may still become one.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dure::engine {

/// The match is the one that ends first in the stream; of several ending at the same byte, the
/// longest. So the result does not depend on how the text is cut into pieces (Knuth, Morris, Pratt:
/// one automaton for each stop string).
class StopMatcher {
 public:
  struct Output {
    std::string text;  // may be shown: no later text can make it part of a stop string
    std::optional<size_t>
        matched;  // index of the stop string that ended the stream; text is what stood before it
  };

  /// Stop strings are not empty, and valid UTF-8 (so that holding back never splits a character).
  explicit StopMatcher(std::vector<std::string> stops);

  /// Not to be called again after a match.
  Output Push(std::string_view text);
  /// The end of the stream: what is still held back.
  std::string Flush();

 private:
  struct Automaton {
    std::string pattern;
    std::vector<size_t> fallback;  // [i]: length of the longest proper border of the first i bytes
    size_t matched = 0;            // bytes of the pattern that the stream ends with

    void Advance(char byte);
  };

  std::vector<Automaton> automata_;
  std::string held_;
};

}  // namespace dure::engine
