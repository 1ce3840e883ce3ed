#include "text/special_tokens.h"

#include <algorithm>

namespace dure::text {
namespace {

bool IsAsciiSpace(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

void AddText(std::vector<Fragment>& fragments, size_t begin, size_t end) {
  if (begin < end) fragments.push_back({-1, begin, end});
}

}  // namespace

SpecialTokens::SpecialTokens(const Vocabulary& vocabulary) {
  std::vector<TokenId> ids;
  for (size_t i = 0; i < vocabulary.types.size(); ++i) {
    const TokenType type = vocabulary.types[i];
    if (type == TokenType::kControl || type == TokenType::kUserDefined ||
        type == TokenType::kUnknown) {
      ids.push_back(static_cast<TokenId>(i));
    }
  }
  // Not a stable sort: among spellings of one length the order is the one llama.cpp gets from the
  // same call.
  std::sort(ids.begin(), ids.end(), [&](TokenId a, TokenId b) {
    return vocabulary.tokens[static_cast<size_t>(a)].size() >
           vocabulary.tokens[static_cast<size_t>(b)].size();
  });
  const auto listed = [](const std::vector<TokenId>& list, TokenId id) {
    return std::find(list.begin(), list.end(), id) != list.end();
  };
  for (const TokenId id : ids) {
    const auto index = static_cast<size_t>(id);
    specials_.push_back({vocabulary.tokens[index], id,
                         vocabulary.types[index] != TokenType::kUserDefined,
                         listed(vocabulary.strip_left, id), listed(vocabulary.strip_right, id)});
    strips_ = strips_ || specials_.back().strip_left || specials_.back().strip_right;
    AddToTrie(static_cast<uint32_t>(specials_.size() - 1));
  }
  for (const auto& [byte, child] : nodes_[0].children) roots_[byte] = child;
}

void SpecialTokens::AddToTrie(uint32_t special) {
  uint32_t node = 0;
  for (const char c : specials_[special].spelling) {
    const auto byte = static_cast<unsigned char>(c);
    uint32_t child = Child(node, byte);
    if (child == 0) {
      child = static_cast<uint32_t>(nodes_.size());
      nodes_.emplace_back();
      nodes_[node].children.emplace_back(byte, child);
    }
    node = child;
  }
  nodes_[node].special = static_cast<int32_t>(special);
}

uint32_t SpecialTokens::Child(uint32_t node, unsigned char byte) const {
  for (const auto& [key, child] : nodes_[node].children) {
    if (key == byte) return child;
  }
  return 0;
}

bool SpecialTokens::Allowed(const Scan& scan, const Special& special, size_t begin) const {
  if (!special.control) return true;
  if (scan.control != ControlTokens::kParse) return false;
  const size_t end = begin + special.spelling.size();
  const auto range = std::partition_point(scan.from_input.begin(), scan.from_input.end(),
                                          [&](const ByteRange& r) { return r.end <= begin; });
  return range == scan.from_input.end() || range->begin >= end;
}

void SpecialTokens::AddMatchesAt(Scan& scan, size_t at, Cluster& cluster) const {
  uint32_t node = roots_[static_cast<unsigned char>(scan.text[at])];
  for (size_t i = at; node != 0;) {
    ++i;
    const int32_t found = nodes_[node].special;
    if (found >= 0 && Allowed(scan, specials_[static_cast<size_t>(found)], at)) {
      const auto special = static_cast<size_t>(found);
      if (at >= cluster.end && !strips_) {
        Close(scan, cluster);
        cluster.begin = at;
      }
      cluster.end = std::max(cluster.end, i);
      if (!cluster.seen[special]) {
        cluster.seen[special] = true;
        cluster.specials.push_back(static_cast<uint32_t>(special));
      }
    }
    if (i == scan.text.size()) break;
    node = Child(node, static_cast<unsigned char>(scan.text[i]));
  }
}

// Splits one stretch of text at every place where the special token stands.
void SpecialTokens::SplitOut(const Scan& scan, const Special& special, Fragment text,
                             std::vector<Fragment>& out) const {
  const std::string_view within = scan.text.substr(0, text.end);
  size_t begin = text.begin;
  size_t from = begin;
  while (true) {
    const size_t at = within.find(special.spelling, from);
    if (at == std::string_view::npos) break;
    if (!Allowed(scan, special, at)) {
      from = at + 1;
      continue;
    }
    size_t left_end = at;
    while (special.strip_left && left_end > begin && IsAsciiSpace(scan.text[left_end - 1]))
      --left_end;
    AddText(out, begin, left_end);
    begin = at + special.spelling.size();
    out.push_back({special.id, at, begin});
    while (special.strip_right && begin < text.end && IsAsciiSpace(scan.text[begin])) ++begin;
    from = begin;
  }
  AddText(out, begin, text.end);
}

// Resolves the overlaps of a finished cluster: longest spelling first, as if each token were
// searched in turn.
void SpecialTokens::Close(Scan& scan, Cluster& cluster) const {
  if (!cluster.specials.empty()) {
    std::sort(cluster.specials.begin(), cluster.specials.end());
    const size_t text_begin = scan.out.empty() ? 0 : scan.out.back().end;
    std::vector<Fragment> fragments;
    std::vector<Fragment> next;
    if (strips_) {
      AddText(fragments, 0, scan.text.size());
    } else {
      AddText(scan.out, text_begin, cluster.begin);
      AddText(fragments, cluster.begin, cluster.end);
    }
    for (const uint32_t special : cluster.specials) {
      next.clear();
      for (const Fragment& fragment : fragments) {
        if (fragment.token >= 0) {
          next.push_back(fragment);
        } else {
          SplitOut(scan, specials_[special], fragment, next);
        }
      }
      fragments.swap(next);
      cluster.seen[special] = false;
    }
    scan.out.insert(scan.out.end(), fragments.begin(), fragments.end());
    cluster.specials.clear();
  }
}

std::vector<Fragment> SpecialTokens::Split(std::string_view text, ControlTokens control,
                                           std::span<const ByteRange> from_input) const {
  Scan scan{text, control, from_input, {}};
  Cluster cluster;
  cluster.seen.resize(specials_.size());
  for (size_t at = 0; at < text.size(); ++at) {
    if (roots_[static_cast<unsigned char>(text[at])] != 0) AddMatchesAt(scan, at, cluster);
  }
  const bool any = !cluster.specials.empty() || !scan.out.empty();
  Close(scan, cluster);
  if (!strips_ || !any) AddText(scan.out, scan.out.empty() ? 0 : scan.out.back().end, text.size());
  // Neighbouring stretches of text that a cluster left apart are one fragment.
  std::vector<Fragment> merged;
  for (const Fragment& fragment : scan.out) {
    if (fragment.token < 0 && !merged.empty() && merged.back().token < 0 &&
        merged.back().end == fragment.begin) {
      merged.back().end = fragment.end;
    } else {
      merged.push_back(fragment);
    }
  }
  return merged;
}

}  // namespace dure::text
