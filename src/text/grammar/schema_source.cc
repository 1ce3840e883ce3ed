#include "text/grammar/schema_source.h"

#include <algorithm>
#include <vector>

namespace dure::text {
namespace {

bool HasScheme(std::string_view uri) {
  const size_t colon = uri.find(':');
  return colon != uri.npos && colon > 0 && uri.find_first_of("/?#") > colon;
}

/// RFC 3986, 5.2, as far as identifiers of schemas need it.
std::string ResolveUri(const std::string& base, const std::string& ref) {
  if (HasScheme(ref)) return ref;
  const std::string stem = base.substr(0, base.find('#'));
  if (ref.empty() || ref[0] == '#') return stem + ref;
  const size_t authority = stem.find("://");
  const size_t path = stem.find('/', authority == stem.npos ? 0 : authority + 3);
  if (ref[0] == '/') return (authority == stem.npos ? "" : stem.substr(0, path)) + ref;
  if (path == stem.npos) return authority == stem.npos ? ref : stem + "/" + ref;
  return stem.substr(0, stem.rfind('/') + 1) + ref;
}

std::string PercentDecoded(std::string_view text) {
  std::string out;
  const auto hex = [](char c) {
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
  };
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && hex(text[i + 1]) >= 0 && hex(text[i + 2]) >= 0) {
      out += static_cast<char>(hex(text[i + 1]) * 16 + hex(text[i + 2]));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

std::string Unescaped(std::string_view step) {
  std::string out;
  for (size_t i = 0; i < step.size(); ++i) {
    if (step[i] == '~' && i + 1 < step.size()) {
      out += step[++i] == '1' ? '/' : '~';
    } else {
      out += step[i];
    }
  }
  return out;
}

bool FindPointer(const JsonValue& from, const JsonValue* wanted, std::string& path) {
  if (&from == wanted) return true;
  const size_t length = path.size();
  for (const auto& [name, member] : from.members) {
    path += PointerStep(name);
    if (FindPointer(member, wanted, path)) return true;
    path.resize(length);
  }
  for (size_t i = 0; i < from.items.size(); ++i) {
    path += "/" + std::to_string(i);
    if (FindPointer(from.items[i], wanted, path)) return true;
    path.resize(length);
  }
  return false;
}

/// 0 where it is not one of JSON Schema's own.
int DraftOf(std::string_view uri) {
  constexpr std::pair<std::string_view, int> kDrafts[] = {
      {"draft-03", 3}, {"draft-04", 4},   {"draft-05", 4},  {"draft-06", 6},
      {"draft-07", 7}, {"2019-09", 2019}, {"2020-12", 2020}};
  if (uri.find("json-schema.org/") == uri.npos) return 0;
  for (const auto& [part, draft] : kDrafts) {
    if (uri.find(part) != uri.npos) return draft;
  }
  return 2020;
}

}  // namespace

Result<std::unique_ptr<SchemaSource>> SchemaSource::Parse(std::string_view text,
                                                          const GrammarLimits& limits) {
  if (text.size() > limits.source_bytes) {
    return Fail(ErrorCode::kInvalidArgument,
                "the schema is longer than " + std::to_string(limits.source_bytes) + " bytes");
  }
  auto root = ParseJsonDocument(text, limits.source_depth);
  if (!root) return tl::unexpected(root.error());
  auto source = std::make_unique<SchemaSource>();
  source->root_ = std::move(*root);
  if (const JsonValue* uri = source->root_.Find("$schema")) {
    source->draft_ = uri->is_string() ? DraftOf(uri->text) : 0;
    source->draft_given_ = true;
    if (source->draft_ == 0) {
      return Fail(ErrorCode::kInvalidArgument,
                  "/$schema: \"$schema\" names no draft of JSON Schema");
    }
  }
  source->resources_[""] = &source->root_;
  source->Register(source->root_, "");
  return source;
}

void SchemaSource::Register(const JsonValue& value, const std::string& base) {
  std::string here = base;
  if (value.is_object()) {
    const JsonValue* ref = value.Find("$ref");
    if (ref == nullptr) ref = value.Find("$dynamicRef");
    const bool alone = ref != nullptr && ref->is_string() && draft_ <= 7;
    const JsonValue* id = value.Find(draft_ <= 4 ? "id" : "$id");
    if (id != nullptr && id->is_string() && !alone) {
      here = ResolveUri(base, id->text);
      if (here.ends_with('#')) here.pop_back();
      resources_.emplace(here, &value);
      if (&value != &root_ && here.find('#') != here.npos) here = base;
    }
    has_unevaluated_ = has_unevaluated_ || value.Find("unevaluatedProperties") != nullptr ||
                       value.Find("unevaluatedItems") != nullptr;
    for (const char* anchor : {"$anchor", "$dynamicAnchor"}) {
      const JsonValue* name = value.Find(anchor);
      if (name != nullptr && name->is_string()) {
        if (anchor[1] == 'd') ++dynamic_anchors_[name->text];
        resources_.emplace(here.substr(0, here.find('#')) + "#" + name->text, &value);
      }
    }
    if (ref != nullptr && ref->is_string()) bases_.emplace(&value, here);
    for (const auto& [name, member] : value.members) {
      if (name != "enum" && name != "const" && name != "default" && name != "examples") {
        Register(member, here);
      }
    }
  }
  for (const JsonValue& item : value.items) Register(item, here);
}

Result<const JsonValue*> SchemaSource::Follow(const JsonValue& from,
                                              std::string_view pointer) const {
  const JsonValue* at = &from;
  while (!pointer.empty()) {
    pointer.remove_prefix(1);  // the slash
    const size_t end = std::min(pointer.find('/'), pointer.size());
    const std::string step = Unescaped(pointer.substr(0, end));
    pointer.remove_prefix(end);
    const JsonValue* next = at->Find(step);
    if (at->is_array() && !step.empty() && step.size() < 9 &&
        step.find_first_not_of("0123456789") == step.npos) {
      const size_t index = std::stoul(step);
      if (index < at->items.size()) next = &at->items[index];
    }
    if (next == nullptr) return Fail(ErrorCode::kInvalidArgument, "\"$ref\" leads nowhere");
    at = next;
  }
  return at;
}

Result<const JsonValue*> SchemaSource::Resolve(const JsonValue& schema,
                                               const std::string& ref) const {
  const auto base = bases_.find(&schema);
  const std::string uri = ResolveUri(base == bases_.end() ? "" : base->second, ref);
  const size_t hash = std::min(uri.find('#'), uri.size());
  const std::string fragment =
      PercentDecoded(hash < uri.size() ? std::string_view(uri).substr(hash + 1) : "");
  if (!fragment.empty() && fragment[0] != '/') {
    const auto anchor = resources_.find(uri.substr(0, hash) + "#" + fragment);
    if (anchor != resources_.end()) return anchor->second;
    return Fail(ErrorCode::kInvalidArgument, "\"$ref\" leads nowhere");
  }
  const auto resource = resources_.find(uri.substr(0, hash));
  if (resource == resources_.end()) {
    return Fail(ErrorCode::kUnsupported,
                "\"$ref\" leads out of the schema, which is not supported");
  }
  return Follow(*resource->second, fragment);
}

std::string SchemaSource::PointerTo(const JsonValue* value) const {
  std::string path;
  return FindPointer(root_, value, path) ? path : "";
}

}  // namespace dure::text
