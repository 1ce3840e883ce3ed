// Tokens of a template, after Jinja's own lexer with trim_blocks and lstrip_blocks on.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace dure::text::jinja {

enum class TokenKind {
  kText,  // outside of tags, or inside a raw block
  kBlockBegin,
  kBlockEnd,
  kVariableBegin,
  kVariableEnd,
  kName,
  kString,
  kInteger,
  kFloat,
  kOperator,
  kEnd,
};

struct Token {
  TokenKind kind;
  std::string text;  // of strings and text: the value; of an operator: its spelling
  uint32_t line;
};

/// The tokens, the last one kEnd. Throws TemplateError with the line.
std::vector<Token> Tokenize(std::string_view source);

}  // namespace dure::text::jinja
