// Parses expressions: the precedence of operators is Jinja's.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "text/chat_template.h"
#include "text/jinja_ast.h"
#include "text/jinja_lexer.h"

namespace dure::text::jinja {

/// A cursor over the tokens with everything that stands inside of tags. All methods throw
/// TemplateError.
class ExpressionParser {
 protected:
  ExpressionParser(std::vector<Token> tokens, const TemplateLimits& limits, Heap& constants)
      : tokens_(std::move(tokens)), limits_(limits), constants_(constants) {}

  /// Counts the nesting of what is being parsed, so that hostile input ends in an error and not in
  /// a stack overflow.
  class DepthGuard {
   public:
    explicit DepthGuard(ExpressionParser& parser) : parser_(parser) { parser_.Enter(); }
    ~DepthGuard() { --parser_.depth_; }
    DepthGuard(const DepthGuard&) = delete;
    DepthGuard& operator=(const DepthGuard&) = delete;

   private:
    ExpressionParser& parser_;
  };

  const Token& Current() const { return tokens_[position_]; }
  const Token& Look() const {
    return tokens_[position_ + 1 < tokens_.size() ? position_ + 1 : position_];
  }
  void Next() {
    if (position_ + 1 < tokens_.size()) ++position_;
  }
  bool At(TokenKind kind) const { return Current().kind == kind; }
  bool AtName(std::string_view name) const {
    return At(TokenKind::kName) && Current().text == name;
  }
  bool AtOperator(std::string_view text) const {
    return At(TokenKind::kOperator) && Current().text == text;
  }
  void ExpectName(std::string_view name);
  void ExpectOperator(std::string_view text);
  std::string TakeName();
  static bool IsConstantName(std::string_view name);

  [[noreturn]] void Fail(std::string message) const;
  [[noreturn]] void Unexpected() const;

  ExpressionPtr ParseExpression() { return ParseConditional(); }
  /// "a, b" is a tuple; without `conditional` an "if" after the expression is left alone.
  ExpressionPtr ParseTupleOrExpression(bool conditional);
  /// "| name(...) | name ..." applied to `operand`, which may be null.
  ExpressionPtr ParseFilters(ExpressionPtr operand);
  /// The same with the first "|" left out.
  ExpressionPtr ParseFilterChain(ExpressionPtr operand);

 private:
  using Operators = std::initializer_list<std::string_view>;
  using Level = ExpressionPtr (ExpressionParser::*)();

  void Enter();
  ExpressionPtr Make(ExpressionKind kind) const;
  /// Adds a child and keeps the depth of the tree within its limit.
  void Adopt(Expression& parent, ExpressionPtr child) const;
  void Deepen(Expression& parent, const Expression& child) const;
  ExpressionPtr Constant(Value value);
  bool AtAny(Operators operators) const;

  ExpressionPtr ParseConditional();
  ExpressionPtr ParseOr();
  ExpressionPtr ParseAnd();
  ExpressionPtr ParseNot();
  ExpressionPtr ParseCompare();
  ExpressionPtr ParseSum() { return ParseLeftToRight({"+", "-"}, &ExpressionParser::ParseConcat); }
  ExpressionPtr ParseConcat();
  ExpressionPtr ParseProduct() {
    return ParseLeftToRight({"*", "/", "//", "%"}, &ExpressionParser::ParsePower);
  }
  ExpressionPtr ParsePower() {
    return ParseLeftToRight({"**"}, &ExpressionParser::ParseFilteredUnary);
  }
  ExpressionPtr ParseFilteredUnary() { return ParseUnary(true); }
  ExpressionPtr ParseLeftToRight(Operators operators, Level next);
  ExpressionPtr ParseUnary(bool with_filter);
  ExpressionPtr ParsePrimary();
  ExpressionPtr ParseName();
  ExpressionPtr ParseNumber();
  ExpressionPtr ParseStrings();
  ExpressionPtr ParseParentheses();
  ExpressionPtr ParseList();
  ExpressionPtr ParseDict();
  ExpressionPtr ParsePostfix(ExpressionPtr operand);
  ExpressionPtr ParseFiltersAndTests(ExpressionPtr operand);
  ExpressionPtr ParseFilter(ExpressionPtr operand);
  ExpressionPtr ParseTest(ExpressionPtr operand);
  ExpressionPtr ParseAttribute(ExpressionPtr operand);
  ExpressionPtr ParseSubscript(ExpressionPtr operand);
  ExpressionPtr ParseSliceOrIndex();
  ExpressionPtr ParseCall(ExpressionPtr operand);
  void ParseArguments(Expression& call);
  std::string ParseDottedName();

  std::vector<Token> tokens_;
  size_t position_ = 0;
  const TemplateLimits& limits_;
  Heap& constants_;
  uint32_t depth_ = 0;
};

}  // namespace dure::text::jinja
