// What filters over items share: reaching an attribute of an item, and sorting.
#pragma once

#include <string>
#include <vector>

#include "text/jinja_evaluator.h"

namespace dure::text::jinja {

/// The `attribute` argument of filters: "a.b.0", an integer, or with `several` "a,b". Without one:
/// the item itself.
class Key {
 public:
  Key(Evaluator& evaluator, const Value* attribute, bool several, const Value* fallback = nullptr);
  Value Of(const Value& item) const;
  /// For sorting: strings in lower case unless `case_sensitive`.
  Value FoldedOf(const Value& item, bool case_sensitive) const;

 private:
  Value Follow(const Value& item, const std::vector<Value>& path) const;

  Evaluator& evaluator_;
  std::vector<std::vector<Value>> paths_;
  const Value* fallback_;
};

/// A string in lower case, anything else as it is.
Value FoldCase(Evaluator& evaluator, const Value& value, bool case_sensitive);

/// Items in the order of their keys, stable also when reversed. keys[i] belongs to items[i].
std::vector<Value> SortedBy(Evaluator& evaluator, const std::vector<Value>& items,
                            const std::vector<Value>& keys, bool reverse);

}  // namespace dure::text::jinja
