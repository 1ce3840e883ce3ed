// One byte for the format, then an answer, cut where its bytes say so: nothing crashes, cuts change
// nothing, and what has no calls comes back whole.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "text/tool_calls/answer_parser.h"

namespace {

using dure::text::AnswerFormat;
using dure::text::AnswerParser;
using dure::text::AnswerPart;

struct Outcome {
  std::vector<AnswerPart> parts;
  AnswerParser::End end = AnswerParser::End::kWhole;
  bool operator==(const Outcome&) const = default;
};

void Join(const std::vector<AnswerPart>& news, Outcome& out) {
  for (const AnswerPart& part : news) {
    if (!out.parts.empty() && out.parts.back().kind == part.kind &&
        part.kind != AnswerPart::Kind::kCall) {
      out.parts.back().text += part.text;
    } else {
      out.parts.push_back(part);
    }
  }
}

/// step 0: in one piece; else pieces whose lengths the text itself gives.
Outcome Read(const AnswerFormat& format, std::string_view text, size_t step) {
  AnswerParser parser(format);
  Outcome out;
  for (size_t at = 0; at < text.size();) {
    const size_t length = step == 0 ? text.size() : 1 + static_cast<uint8_t>(text[at]) % step;
    Join(parser.Push(text.substr(at, length)), out);
    at += length;
  }
  Join(parser.Finish(), out);
  out.end = parser.end();
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 1 || size > 4096) return 0;
  const auto formats = dure::text::ToolFormats();
  AnswerFormat format{
      &formats[(data[0] & 15) % formats.size()], {"add", "get"}, std::nullopt, false};
  const auto marks = dure::text::AllReasoningMarks();
  if ((data[0] & 64) != 0) format.reasoning = marks[(data[0] >> 4 & 3) % marks.size()];
  format.reasoning_begun = format.reasoning && (data[0] & 128) != 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const Outcome whole = Read(format, text, 0);
  if (Read(format, text, 1) != whole || Read(format, text, 7) != whole) std::abort();
  std::string plain;
  for (const AnswerPart& part : whole.parts) {
    if (part.kind != AnswerPart::Kind::kText) return 0;
    plain += part.text;
  }
  if (!format.reasoning && plain != text) std::abort();
  return 0;
}
