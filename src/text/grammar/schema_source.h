// A JSON Schema as it was given: its tree, its drafts' differences and where its references lead.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/error.h"
#include "text/grammar/json_document.h"
#include "text/grammar/limits.h"

namespace dure::text {

/// Immutable; values are addressed by pointers that live as long as it.
class SchemaSource {
 public:
  /// Errors: kInvalidArgument (no JSON, too deep, a `$schema` that is not JSON Schema's).
  static Result<std::unique_ptr<SchemaSource>> Parse(std::string_view text,
                                                     const GrammarLimits& limits);

  const JsonValue& root() const { return root_; }
  /// 3, 4, 6, 7, 2019 or 2020 (also where `$schema` is absent).
  int draft() const { return draft_; }
  bool draft_given() const { return draft_given_; }
  /// Whether unevaluatedProperties or unevaluatedItems occurs.
  bool has_unevaluated() const { return has_unevaluated_; }
  /// How many schemas declare this `$dynamicAnchor`.
  int DynamicAnchors(const std::string& name) const {
    const auto found = dynamic_anchors_.find(name);
    return found == dynamic_anchors_.end() ? 0 : found->second;
  }
  /// What the `$ref` of this schema object means. Errors: kUnsupported (leads out of the document),
  /// kInvalidArgument (leads nowhere).
  Result<const JsonValue*> Resolve(const JsonValue& schema, const std::string& ref) const;
  /// RFC 6901 pointer of a value in the document; "" for its root.
  std::string PointerTo(const JsonValue* value) const;

 private:
  void Register(const JsonValue& value, const std::string& base);
  Result<const JsonValue*> Follow(const JsonValue& from, std::string_view pointer) const;

  JsonValue root_;
  int draft_ = 2020;
  bool draft_given_ = false;
  bool has_unevaluated_ = false;
  std::unordered_map<std::string, int> dynamic_anchors_;
  std::unordered_map<std::string, const JsonValue*> resources_;  // by URI, anchors with their #
  std::unordered_map<const JsonValue*, std::string> bases_;      // of schemas that refer
};

}  // namespace dure::text
