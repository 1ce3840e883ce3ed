// The syntax tree of a template.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "text/jinja_value.h"

namespace dure::text::jinja {

struct Expression;
using ExpressionPtr = std::unique_ptr<Expression>;

enum class ExpressionKind {
  kConstant,
  kName,
  kList,
  kTuple,
  kDict,        // items: key, value, key, value ...
  kAttribute,   // items[0].name
  kSubscript,   // items[0][items[1]]
  kSlice,       // items: begin, end, step, each may be null; only inside a subscript
  kCall,        // items[0](items[1..], ...)
  kFilter,      // items[0] | name(items[1..], ...); items[0] null in filter blocks
  kTest,        // items[0] is name(items[1..], ...)
  kArithmetic,  // items[0] op items[1] op items[2] ..., left to right
  kConcat,      // items joined by ~
  kCompare,     // items[0] op items[1] op items[2] ..., chained as in Python
  kAnd,
  kOr,
  kNot,
  kNegate,
  kPlus,
  kConditional,  // items: value, condition, otherwise (may be null)
};

struct NamedArgument {
  std::string name;
  ExpressionPtr value;
};

struct Expression {
  ExpressionKind kind;
  uint32_t line;
  uint32_t depth = 1;  // levels of nesting below and with this one
  std::string name;
  Value constant;
  std::vector<ExpressionPtr> items;
  std::vector<std::string> operators;
  std::vector<NamedArgument> named;
  ExpressionPtr star;       // *arguments
  ExpressionPtr star_star;  // **arguments
};

/// What an assignment writes to: a name, an attribute of a namespace, or a tuple of targets.
struct Target {
  uint32_t line = 0;
  std::string name;
  std::string attribute;  // not empty: namespace attribute
  std::vector<Target> parts;
};

struct Statement;
using Body = std::vector<std::unique_ptr<Statement>>;

enum class StatementKind {
  kText,
  kPrint,
  kIf,
  kFor,
  kSet,
  kSetBlock,
  kMacro,
  kCallBlock,
  kFilterBlock,
  kWith,
  kDo,
  kScope,
  kBreak,
  kContinue,
};

struct Branch {
  ExpressionPtr condition;
  Body body;
};

struct Parameter {
  std::string name;
  ExpressionPtr fallback;  // may be null
};

struct Statement {
  StatementKind kind;
  uint32_t line;
  std::string text;          // text, macro name
  ExpressionPtr expression;  // print, do, set: value; for: iterable; call: the call; set and filter
                             // block: filter
  ExpressionPtr condition;   // for: filter
  Target target;             // for, set
  std::vector<Branch> branches;                            // if, elif
  std::vector<std::pair<Target, ExpressionPtr>> bindings;  // with
  std::vector<Parameter> parameters;                       // macro, call
  Body body;
  Body otherwise;  // else of if and for
};

struct Template {
  Body body;
  Heap constants;
};

}  // namespace dure::text::jinja
