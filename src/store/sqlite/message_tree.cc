#include "store/sqlite/message_tree.h"

#include <algorithm>

namespace dure::store::sqlite {

Result<MessageTree> MessageTree::Read(Connection& connection, int64_t conversation) {
  auto statement =
      connection.Prepare("SELECT id, parent FROM messages WHERE conversation = ? ORDER BY number");
  if (!statement) return tl::unexpected(statement.error());
  statement->Bind(conversation);
  MessageTree tree;
  for (;;) {
    const auto row = statement->Step();
    if (!row) return tl::unexpected(row.error());
    if (!*row) return tree;
    const std::string id = statement->Text(0);
    const std::string parent = statement->Text(1);
    tree.parents_[id] = parent;
    tree.children_[parent].push_back(id);
  }
}

const std::vector<std::string>& MessageTree::Children(const std::string& id) const {
  static const std::vector<std::string> kNone;
  const auto found = children_.find(id);
  return found != children_.end() ? found->second : kNone;
}

// A damaged file may hold a circle: no path is longer than there are messages.
std::vector<std::string> MessageTree::PathTo(const std::string& id) const {
  std::vector<std::string> path;
  for (auto at = parents_.find(id); at != parents_.end() && path.size() < parents_.size();
       at = parents_.find(at->second)) {
    path.push_back(at->first);
  }
  std::reverse(path.begin(), path.end());
  return path;
}

std::string MessageTree::LeafBelow(std::string id) const {
  for (size_t i = 0; i < parents_.size() && !Children(id).empty(); ++i) id = Children(id).back();
  return id;
}

std::vector<std::string> MessageTree::Subtree(const std::string& id) const {
  std::vector<std::string> all = {id};
  for (size_t i = 0; i < all.size() && all.size() <= parents_.size(); ++i) {
    const std::vector<std::string>& below = Children(all[i]);
    all.insert(all.end(), below.begin(), below.end());
  }
  return all;
}

}  // namespace dure::store::sqlite
