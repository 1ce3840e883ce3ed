#include "text/jinja_parser.h"

#include <algorithm>

#include "text/jinja_expression_parser.h"

namespace dure::text::jinja {
namespace {

class Parser : private ExpressionParser {
 public:
  Parser(std::vector<Token> tokens, const TemplateLimits& limits, Template& result)
      : ExpressionParser(std::move(tokens), limits, result.constants) {}

  Body ParseAll() {
    Body body = ParseBody({});
    if (!At(TokenKind::kEnd)) Unexpected();
    return body;
  }

 private:
  std::unique_ptr<Statement> Make(StatementKind kind) const {
    auto statement = std::make_unique<Statement>();
    statement->kind = kind;
    statement->line = Current().line;
    return statement;
  }

  void EndBlock() {
    if (!At(TokenKind::kBlockEnd)) Unexpected();
    Next();
  }

  // Statements up to a block that begins with one of `ends`; the position is then on that name.
  Body ParseBody(std::initializer_list<std::string_view> ends) {
    const DepthGuard guard(*this);
    Body body;
    while (!At(TokenKind::kEnd)) {
      if (At(TokenKind::kText)) {
        auto text = Make(StatementKind::kText);
        text->text = Current().text;
        Next();
        body.push_back(std::move(text));
      } else if (At(TokenKind::kVariableBegin)) {
        Next();
        auto print = Make(StatementKind::kPrint);
        print->expression = ParseTupleOrExpression(true);
        if (!At(TokenKind::kVariableEnd)) Unexpected();
        Next();
        body.push_back(std::move(print));
      } else {
        Next();  // the begin of a block
        const bool ended = std::any_of(ends.begin(), ends.end(),
                                       [&](std::string_view end) { return AtName(end); });
        if (ended) return body;
        body.push_back(ParseStatement());
      }
    }
    if (ends.size() > 0)
      Fail("unexpected end of the template, expected '" + std::string(*ends.begin()) + "'");
    return body;
  }

  // The body up to `end` and that closing block whole.
  Body ParseBodyAndEnd(std::string_view end) {
    Body body = ParseBody({end});
    Next();
    EndBlock();
    return body;
  }

  std::unique_ptr<Statement> ParseStatement() {
    if (!At(TokenKind::kName)) Unexpected();
    const std::string tag = Current().text;
    if (tag == "if") return ParseIf();
    if (tag == "for") return ParseFor();
    if (tag == "set") return ParseSet();
    if (tag == "macro") return ParseMacro();
    if (tag == "call") return ParseCallBlock();
    if (tag == "filter") return ParseFilterBlock();
    if (tag == "with") return ParseWith();
    if (tag == "do") return ParseDo();
    if (tag == "generation") return ParseScope("endgeneration");
    if (tag == "break" || tag == "continue") return ParseLoopControl(tag == "break");
    if (tag.starts_with("end") || tag == "else" || tag == "elif")
      Fail("unexpected block '" + tag + "'");
    throw TemplateError{ErrorCode::kUnsupported, "the tag '" + tag + "' is not supported",
                        Current().line};
  }

  std::unique_ptr<Statement> ParseIf() {
    auto statement = Make(StatementKind::kIf);
    while (true) {
      Next();
      Branch branch;
      branch.condition = ParseTupleOrExpression(false);
      EndBlock();
      branch.body = ParseBody({"endif", "elif", "else"});
      statement->branches.push_back(std::move(branch));
      if (!AtName("elif")) break;
    }
    if (AtName("else")) {
      Next();
      EndBlock();
      statement->otherwise = ParseBody({"endif"});
    }
    Next();
    EndBlock();
    return statement;
  }

  std::unique_ptr<Statement> ParseFor() {
    auto statement = Make(StatementKind::kFor);
    Next();
    statement->target = ParseTargets(false);
    ExpectName("in");
    statement->expression = ParseTupleOrExpression(false);
    if (AtName("if")) {
      Next();
      statement->condition = ParseExpression();
    }
    if (AtName("recursive")) {
      throw TemplateError{ErrorCode::kUnsupported, "recursive loops are not supported",
                          Current().line};
    }
    EndBlock();
    ++loops_;
    statement->body = ParseBody({"endfor", "else"});
    --loops_;
    if (AtName("else")) {
      Next();
      EndBlock();
      statement->otherwise = ParseBody({"endfor"});
    }
    Next();
    EndBlock();
    return statement;
  }

  std::unique_ptr<Statement> ParseSet() {
    auto statement = Make(StatementKind::kSet);
    Next();
    statement->target = ParseTargets(true);
    if (AtOperator("=")) {
      Next();
      statement->expression = ParseTupleOrExpression(true);
      EndBlock();
      return statement;
    }
    statement->kind = StatementKind::kSetBlock;
    if (AtOperator("|")) statement->expression = ParseFilters(nullptr);
    EndBlock();
    statement->body = ParseBodyAndEnd("endset");
    return statement;
  }

  Target ParseOneTarget(bool with_attribute) {
    const DepthGuard guard(*this);
    Target target;
    target.line = Current().line;
    if (AtOperator("(")) {
      Next();
      target = ParseTargets(with_attribute);
      ExpectOperator(")");
      return target;
    }
    target.name = TakeName();
    if (IsConstantName(target.name)) Fail("cannot assign to '" + target.name + "'");
    if (with_attribute && AtOperator(".")) {
      Next();
      target.attribute = TakeName();
    }
    return target;
  }

  Target ParseTargets(bool with_attribute) {
    Target first = ParseOneTarget(with_attribute);
    if (!AtOperator(",")) return first;
    Target tuple;
    tuple.line = first.line;
    tuple.parts.push_back(std::move(first));
    while (AtOperator(",")) {
      Next();
      if (!At(TokenKind::kName) && !AtOperator("(")) break;
      if (AtName("in")) break;
      tuple.parts.push_back(ParseOneTarget(with_attribute));
    }
    return tuple;
  }

  std::vector<Parameter> ParseParameters() {
    std::vector<Parameter> parameters;
    ExpectOperator("(");
    while (!AtOperator(")")) {
      if (!parameters.empty()) ExpectOperator(",");
      if (AtOperator(")")) break;
      Parameter parameter{TakeName(), nullptr};
      if (AtOperator("=")) {
        Next();
        parameter.fallback = ParseExpression();
      } else if (!parameters.empty() && parameters.back().fallback != nullptr) {
        Fail("a parameter without default follows one with default");
      }
      parameters.push_back(std::move(parameter));
    }
    ExpectOperator(")");
    return parameters;
  }

  std::unique_ptr<Statement> ParseMacro() {
    auto statement = Make(StatementKind::kMacro);
    Next();
    statement->text = TakeName();
    statement->parameters = ParseParameters();
    EndBlock();
    const int loops = std::exchange(loops_, 0);
    statement->body = ParseBodyAndEnd("endmacro");
    loops_ = loops;
    return statement;
  }

  std::unique_ptr<Statement> ParseCallBlock() {
    auto statement = Make(StatementKind::kCallBlock);
    Next();
    if (AtOperator("(")) statement->parameters = ParseParameters();
    statement->expression = ParseExpression();
    if (statement->expression->kind != ExpressionKind::kCall) Fail("expected a call");
    EndBlock();
    const int loops = std::exchange(loops_, 0);
    statement->body = ParseBodyAndEnd("endcall");
    loops_ = loops;
    return statement;
  }

  std::unique_ptr<Statement> ParseFilterBlock() {
    auto statement = Make(StatementKind::kFilterBlock);
    Next();
    statement->expression = ParseFilterChain(nullptr);
    EndBlock();
    statement->body = ParseBodyAndEnd("endfilter");
    return statement;
  }

  std::unique_ptr<Statement> ParseWith() {
    auto statement = Make(StatementKind::kWith);
    Next();
    while (!At(TokenKind::kBlockEnd)) {
      if (!statement->bindings.empty()) ExpectOperator(",");
      Target target = ParseOneTarget(false);
      ExpectOperator("=");
      statement->bindings.emplace_back(std::move(target), ParseExpression());
    }
    EndBlock();
    statement->body = ParseBodyAndEnd("endwith");
    return statement;
  }

  std::unique_ptr<Statement> ParseDo() {
    auto statement = Make(StatementKind::kDo);
    Next();
    statement->expression = ParseTupleOrExpression(true);
    EndBlock();
    return statement;
  }

  std::unique_ptr<Statement> ParseScope(std::string_view end) {
    auto statement = Make(StatementKind::kScope);
    Next();
    EndBlock();
    statement->body = ParseBodyAndEnd(end);
    return statement;
  }

  std::unique_ptr<Statement> ParseLoopControl(bool is_break) {
    if (loops_ == 0) Fail("'" + Current().text + "' outside of a loop");
    auto statement = Make(is_break ? StatementKind::kBreak : StatementKind::kContinue);
    Next();
    EndBlock();
    return statement;
  }

  int loops_ = 0;  // around the statement being parsed, within its macro
};

}  // namespace

std::unique_ptr<Template> ParseTemplate(std::string_view source, const TemplateLimits& limits) {
  if (source.size() > limits.max_source_bytes) {
    Throw("the template has " + std::to_string(source.size()) + " bytes, more than " +
              std::to_string(limits.max_source_bytes),
          ErrorCode::kResourceExhausted);
  }
  auto result = std::make_unique<Template>();
  Parser parser(Tokenize(source), limits, *result);
  result->body = parser.ParseAll();
  return result;
}

}  // namespace dure::text::jinja
