// The messages of one conversation as a tree, without their texts. Private to store/.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "store/sqlite/connection.h"

namespace dure::store::sqlite {

class MessageTree {
 public:
  static Result<MessageTree> Read(Connection& connection, int64_t conversation);

  bool Has(std::string_view id) const { return parents_.contains(std::string(id)); }
  /// Oldest first; empty for an unknown parent. "": first messages.
  const std::vector<std::string>& Children(const std::string& id) const;
  const std::string& Parent(const std::string& id) const { return parents_.at(id); }
  /// Ids from the first message to this one.
  std::vector<std::string> PathTo(const std::string& id) const;
  /// The newest leaf below, or the message itself.
  std::string LeafBelow(std::string id) const;
  /// The message and all below it.
  std::vector<std::string> Subtree(const std::string& id) const;

 private:
  std::map<std::string, std::string> parents_;
  std::map<std::string, std::vector<std::string>> children_;
};

}  // namespace dure::store::sqlite
