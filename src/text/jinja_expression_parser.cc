#include "text/jinja_expression_parser.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>

namespace dure::text::jinja {

void ExpressionParser::Fail(std::string message) const {
  throw TemplateError{ErrorCode::kInvalidArgument, std::move(message), Current().line};
}

void ExpressionParser::Unexpected() const {
  if (At(TokenKind::kEnd)) Fail("unexpected end of the template");
  Fail("unexpected '" + Current().text + "'");
}

void ExpressionParser::Enter() {
  if (++depth_ > limits_.max_depth) {
    --depth_;
    throw TemplateError{ErrorCode::kResourceExhausted,
                        "nested more than " + std::to_string(limits_.max_depth) + " levels deep",
                        Current().line};
  }
}

void ExpressionParser::ExpectName(std::string_view name) {
  if (!AtName(name)) Fail("expected '" + std::string(name) + "', got '" + Current().text + "'");
  Next();
}

void ExpressionParser::ExpectOperator(std::string_view text) {
  if (!AtOperator(text)) Fail("expected '" + std::string(text) + "', got '" + Current().text + "'");
  Next();
}

std::string ExpressionParser::TakeName() {
  if (!At(TokenKind::kName)) Fail("expected a name, got '" + Current().text + "'");
  std::string name = Current().text;
  Next();
  return name;
}

bool ExpressionParser::IsConstantName(std::string_view name) {
  return name == "true" || name == "True" || name == "false" || name == "False" || name == "none" ||
         name == "None";
}

ExpressionPtr ExpressionParser::Make(ExpressionKind kind) const {
  auto expression = std::make_unique<Expression>();
  expression->kind = kind;
  expression->line = Current().line;
  return expression;
}

void ExpressionParser::Deepen(Expression& parent, const Expression& child) const {
  parent.depth = std::max(parent.depth, child.depth + 1);
  if (parent.depth > limits_.max_depth) {
    throw TemplateError{
        ErrorCode::kResourceExhausted,
        "an expression is nested more than " + std::to_string(limits_.max_depth) + " levels deep",
        parent.line};
  }
}

void ExpressionParser::Adopt(Expression& parent, ExpressionPtr child) const {
  if (child != nullptr) Deepen(parent, *child);
  parent.items.push_back(std::move(child));
}

ExpressionPtr ExpressionParser::Constant(Value value) {
  auto expression = Make(ExpressionKind::kConstant);
  expression->constant = value;
  return expression;
}

bool ExpressionParser::AtAny(Operators operators) const {
  return std::any_of(operators.begin(), operators.end(),
                     [&](std::string_view text) { return AtOperator(text); });
}

ExpressionPtr ExpressionParser::ParseTupleOrExpression(bool conditional) {
  const auto parse = [&] { return conditional ? ParseConditional() : ParseOr(); };
  auto first = parse();
  if (!AtOperator(",")) return first;
  auto tuple = Make(ExpressionKind::kTuple);
  Adopt(*tuple, std::move(first));
  while (AtOperator(",")) {
    Next();
    if (At(TokenKind::kVariableEnd) || At(TokenKind::kBlockEnd) || AtOperator(")")) break;
    Adopt(*tuple, parse());
  }
  return tuple;
}

ExpressionPtr ExpressionParser::ParseConditional() {
  const DepthGuard guard(*this);
  auto value = ParseOr();
  while (AtName("if")) {
    auto conditional = Make(ExpressionKind::kConditional);
    Next();
    Adopt(*conditional, std::move(value));
    Adopt(*conditional, ParseOr());
    if (AtName("else")) {
      Next();
      Adopt(*conditional, ParseConditional());
    } else {
      Adopt(*conditional, nullptr);
    }
    value = std::move(conditional);
  }
  return value;
}

ExpressionPtr ExpressionParser::ParseOr() {
  auto first = ParseAnd();
  if (!AtName("or")) return first;
  auto chain = Make(ExpressionKind::kOr);
  Adopt(*chain, std::move(first));
  while (AtName("or")) {
    Next();
    Adopt(*chain, ParseAnd());
  }
  return chain;
}

ExpressionPtr ExpressionParser::ParseAnd() {
  auto first = ParseNot();
  if (!AtName("and")) return first;
  auto chain = Make(ExpressionKind::kAnd);
  Adopt(*chain, std::move(first));
  while (AtName("and")) {
    Next();
    Adopt(*chain, ParseNot());
  }
  return chain;
}

ExpressionPtr ExpressionParser::ParseNot() {
  if (!AtName("not")) return ParseCompare();
  const DepthGuard guard(*this);
  auto expression = Make(ExpressionKind::kNot);
  Next();
  Adopt(*expression, ParseNot());
  return expression;
}

ExpressionPtr ExpressionParser::ParseCompare() {
  auto first = ParseSum();
  ExpressionPtr chain;
  const auto add = [&](std::string text, size_t tokens) {
    if (chain == nullptr) {
      chain = Make(ExpressionKind::kCompare);
      Adopt(*chain, std::move(first));
    }
    for (size_t i = 0; i < tokens; ++i) Next();
    chain->operators.push_back(std::move(text));
    Adopt(*chain, ParseSum());
  };
  while (true) {
    if (AtAny({"==", "!=", "<", "<=", ">", ">="})) {
      add(Current().text, 1);
    } else if (AtName("in")) {
      add("in", 1);
    } else if (AtName("not") && Look().kind == TokenKind::kName && Look().text == "in") {
      add("not in", 2);
    } else {
      return chain != nullptr ? std::move(chain) : std::move(first);
    }
  }
}

ExpressionPtr ExpressionParser::ParseConcat() {
  auto first = ParseProduct();
  if (!AtOperator("~")) return first;
  auto chain = Make(ExpressionKind::kConcat);
  Adopt(*chain, std::move(first));
  while (AtOperator("~")) {
    Next();
    Adopt(*chain, ParseProduct());
  }
  return chain;
}

ExpressionPtr ExpressionParser::ParseLeftToRight(Operators operators, Level next) {
  auto first = (this->*next)();
  if (!AtAny(operators)) return first;
  auto chain = Make(ExpressionKind::kArithmetic);
  Adopt(*chain, std::move(first));
  while (AtAny(operators)) {
    chain->operators.push_back(Current().text);
    Next();
    Adopt(*chain, (this->*next)());
  }
  return chain;
}

ExpressionPtr ExpressionParser::ParseUnary(bool with_filter) {
  ExpressionPtr expression;
  if (AtOperator("-") || AtOperator("+")) {
    const DepthGuard guard(*this);
    expression = Make(AtOperator("-") ? ExpressionKind::kNegate : ExpressionKind::kPlus);
    Next();
    Adopt(*expression, ParseUnary(false));
  } else {
    expression = ParsePrimary();
  }
  expression = ParsePostfix(std::move(expression));
  return with_filter ? ParseFiltersAndTests(std::move(expression)) : std::move(expression);
}

ExpressionPtr ExpressionParser::ParsePrimary() {
  if (At(TokenKind::kName)) return ParseName();
  if (At(TokenKind::kString)) return ParseStrings();
  if (At(TokenKind::kInteger) || At(TokenKind::kFloat)) return ParseNumber();
  if (AtOperator("(")) return ParseParentheses();
  if (AtOperator("[")) return ParseList();
  if (AtOperator("{")) return ParseDict();
  Unexpected();
}

ExpressionPtr ExpressionParser::ParseName() {
  const std::string& name = Current().text;
  ExpressionPtr expression;
  if (name == "true" || name == "True" || name == "false" || name == "False") {
    expression = Constant(Value(name == "true" || name == "True"));
  } else if (name == "none" || name == "None") {
    expression = Constant(Value(Value::None{}));
  } else {
    expression = Make(ExpressionKind::kName);
    expression->name = name;
  }
  Next();
  return expression;
}

ExpressionPtr ExpressionParser::ParseNumber() {
  const std::string& text = Current().text;
  ExpressionPtr expression;
  if (At(TokenKind::kFloat)) {
    double number = 0;
    std::from_chars(text.data(), text.data() + text.size(), number);
    expression = Constant(Value(number));
  } else {
    int base = 10;
    size_t skip = 0;
    if (text.size() > 2 && text[0] == '0') {
      const char marker = static_cast<char>(text[1] | 0x20);
      base = marker == 'x' ? 16 : marker == 'o' ? 8 : marker == 'b' ? 2 : 10;
      skip = base == 10 ? 0 : 2;
    }
    int64_t number = 0;
    const auto result =
        std::from_chars(text.data() + skip, text.data() + text.size(), number, base);
    if (result.ec != std::errc()) Fail("the number " + text + " is too large");
    expression = Constant(Value(number));
  }
  Next();
  return expression;
}

ExpressionPtr ExpressionParser::ParseStrings() {
  std::string text;
  auto expression = Make(ExpressionKind::kConstant);
  for (; At(TokenKind::kString); Next()) text += Current().text;
  expression->constant = constants_.Trusted(text);
  return expression;
}

ExpressionPtr ExpressionParser::ParseParentheses() {
  const DepthGuard guard(*this);
  Next();
  ExpressionPtr inner;
  if (AtOperator(")")) {
    inner = Make(ExpressionKind::kTuple);
  } else {
    inner = ParseTupleOrExpression(true);
  }
  ExpectOperator(")");
  return inner;
}

ExpressionPtr ExpressionParser::ParseList() {
  const DepthGuard guard(*this);
  auto list = Make(ExpressionKind::kList);
  Next();
  while (!AtOperator("]")) {
    if (!list->items.empty()) ExpectOperator(",");
    if (AtOperator("]")) break;
    Adopt(*list, ParseExpression());
  }
  Next();
  return list;
}

ExpressionPtr ExpressionParser::ParseDict() {
  const DepthGuard guard(*this);
  auto dict = Make(ExpressionKind::kDict);
  Next();
  while (!AtOperator("}")) {
    if (!dict->items.empty()) ExpectOperator(",");
    if (AtOperator("}")) break;
    Adopt(*dict, ParseExpression());
    ExpectOperator(":");
    Adopt(*dict, ParseExpression());
  }
  Next();
  return dict;
}

ExpressionPtr ExpressionParser::ParsePostfix(ExpressionPtr operand) {
  while (true) {
    if (AtOperator(".")) {
      operand = ParseAttribute(std::move(operand));
    } else if (AtOperator("[")) {
      operand = ParseSubscript(std::move(operand));
    } else if (AtOperator("(")) {
      operand = ParseCall(std::move(operand));
    } else {
      return operand;
    }
  }
}

ExpressionPtr ExpressionParser::ParseFiltersAndTests(ExpressionPtr operand) {
  while (true) {
    if (AtOperator("|")) {
      operand = ParseFilters(std::move(operand));
    } else if (AtName("is")) {
      operand = ParseTest(std::move(operand));
    } else if (AtOperator("(")) {
      operand = ParseCall(std::move(operand));
    } else {
      return operand;
    }
  }
}

ExpressionPtr ExpressionParser::ParseFilters(ExpressionPtr operand) {
  while (AtOperator("|")) {
    Next();
    operand = ParseFilter(std::move(operand));
  }
  return operand;
}

ExpressionPtr ExpressionParser::ParseFilterChain(ExpressionPtr operand) {
  return ParseFilters(ParseFilter(std::move(operand)));
}

ExpressionPtr ExpressionParser::ParseFilter(ExpressionPtr operand) {
  auto filter = Make(ExpressionKind::kFilter);
  filter->name = ParseDottedName();
  Adopt(*filter, std::move(operand));
  if (AtOperator("(")) ParseArguments(*filter);
  return filter;
}

std::string ExpressionParser::ParseDottedName() {
  std::string name = TakeName();
  while (AtOperator(".")) {
    Next();
    name += "." + TakeName();
  }
  return name;
}

ExpressionPtr ExpressionParser::ParseTest(ExpressionPtr operand) {
  auto test = Make(ExpressionKind::kTest);
  Next();
  const bool negated = AtName("not");
  if (negated) Next();
  test->name = ParseDottedName();
  Adopt(*test, std::move(operand));
  const bool keyword = AtName("else") || AtName("or") || AtName("and");
  if (AtOperator("(")) {
    ParseArguments(*test);
  } else if ((At(TokenKind::kName) && !keyword) || At(TokenKind::kString) ||
             At(TokenKind::kInteger) || At(TokenKind::kFloat) || AtOperator("[") ||
             AtOperator("{")) {
    if (AtName("is")) Fail("tests cannot be chained with 'is'");
    Adopt(*test, ParsePostfix(ParsePrimary()));
  }
  if (!negated) return test;
  auto negation = Make(ExpressionKind::kNot);
  Adopt(*negation, std::move(test));
  return negation;
}

ExpressionPtr ExpressionParser::ParseAttribute(ExpressionPtr operand) {
  auto expression = Make(ExpressionKind::kAttribute);
  Next();
  Adopt(*expression, std::move(operand));
  if (At(TokenKind::kInteger)) {
    expression->kind = ExpressionKind::kSubscript;
    Adopt(*expression, ParseNumber());
  } else {
    expression->name = TakeName();
  }
  return expression;
}

ExpressionPtr ExpressionParser::ParseSubscript(ExpressionPtr operand) {
  const DepthGuard guard(*this);
  auto expression = Make(ExpressionKind::kSubscript);
  Next();
  Adopt(*expression, std::move(operand));
  auto index = ParseSliceOrIndex();
  if (AtOperator(",")) {
    auto tuple = Make(ExpressionKind::kTuple);
    Adopt(*tuple, std::move(index));
    while (AtOperator(",")) {
      Next();
      Adopt(*tuple, ParseExpression());
    }
    index = std::move(tuple);
  }
  Adopt(*expression, std::move(index));
  ExpectOperator("]");
  return expression;
}

ExpressionPtr ExpressionParser::ParseSliceOrIndex() {
  ExpressionPtr parts[3];
  if (!AtOperator(":")) {
    parts[0] = ParseExpression();
    if (!AtOperator(":")) return std::move(parts[0]);
  }
  auto slice = Make(ExpressionKind::kSlice);
  for (int i = 1; i < 3 && AtOperator(":"); ++i) {
    Next();
    if (!AtOperator(":") && !AtOperator("]") && !AtOperator(",")) parts[i] = ParseExpression();
  }
  for (ExpressionPtr& part : parts) Adopt(*slice, std::move(part));
  return slice;
}

ExpressionPtr ExpressionParser::ParseCall(ExpressionPtr operand) {
  auto call = Make(ExpressionKind::kCall);
  Adopt(*call, std::move(operand));
  ParseArguments(*call);
  return call;
}

void ExpressionParser::ParseArguments(Expression& call) {
  const DepthGuard guard(*this);
  ExpectOperator("(");
  bool first = true;
  while (!AtOperator(")")) {
    if (!first) ExpectOperator(",");
    first = false;
    if (AtOperator(")")) break;
    if (AtOperator("*") || AtOperator("**")) {
      ExpressionPtr& slot = AtOperator("*") ? call.star : call.star_star;
      if (slot != nullptr) Fail("invalid arguments of a call");
      Next();
      slot = ParseExpression();
      Deepen(call, *slot);
    } else if (At(TokenKind::kName) && Look().kind == TokenKind::kOperator && Look().text == "=") {
      std::string name = TakeName();
      Next();
      call.named.push_back({std::move(name), ParseExpression()});
      Deepen(call, *call.named.back().value);
    } else {
      if (!call.named.empty() || call.star != nullptr || call.star_star != nullptr) {
        Fail("a positional argument follows a named one");
      }
      Adopt(call, ParseExpression());
    }
  }
  Next();
}

}  // namespace dure::text::jinja
