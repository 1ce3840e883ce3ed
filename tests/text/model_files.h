// Where tests find real models and golden data.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

namespace dure::text {

inline std::string ModelPath(const std::string& file) {
  if (const char* folder = std::getenv("DURE_MODEL_DIR")) return std::string(folder) + "/" + file;
  if (const char* cache = std::getenv("XDG_CACHE_HOME"))
    return std::string(cache) + "/dure/models/" + file;
  const char* home = std::getenv("HOME");
  return std::string(home == nullptr ? "" : home) + "/.cache/dure/models/" + file;
}

inline bool Exists(const std::string& path) { return std::filesystem::exists(path); }

inline nlohmann::ordered_json ReadJson(const std::string& path) {
  std::ifstream in(path);
  return nlohmann::ordered_json::parse(in, nullptr, false);
}

}  // namespace dure::text
