#include "main/json_io.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iostream>
#include <limits>
#include <utility>

namespace dure {
namespace {

Result<std::string> ReadStream(std::istream& in, const std::string& name, uint64_t max_bytes) {
  std::string text;
  char buffer[65536];
  while (in.read(buffer, sizeof(buffer)) || in.gcount() > 0) {
    text.append(buffer, static_cast<size_t>(in.gcount()));
    if (text.size() > max_bytes) {
      return Fail(ErrorCode::kResourceExhausted,
                  name + " is longer than " + std::to_string(max_bytes) + " bytes");
    }
  }
  if (in.bad()) return Fail(ErrorCode::kIo, name + " could not be read");
  return text;
}

}  // namespace

Result<std::string> ReadFile(const std::string& path, uint64_t max_bytes) {
  if (path == "-") return ReadStream(std::cin, "standard input", max_bytes);
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    return Fail(errno == ENOENT ? ErrorCode::kNotFound : ErrorCode::kIo,
                path + " could not be opened: " + std::strerror(errno));
  }
  return ReadStream(file, path, max_bytes);
}

Result<Json> ParseJson(const std::string& text) {
  bool too_deep = false;
  const auto watch = [&too_deep](int depth, Json::parse_event_t, Json&) {
    too_deep = too_deep || depth > kMostJsonDepth;
    return !too_deep;
  };
  try {
    Json json = Json::parse(text, watch);
    if (too_deep) {
      return Fail(ErrorCode::kInvalidArgument,
                  "JSON is nested deeper than " + std::to_string(kMostJsonDepth));
    }
    return json;
  } catch (const Json::parse_error& error) {
    return Fail(ErrorCode::kInvalidArgument, std::string("not valid JSON: ") + error.what());
  }
}

Result<Json> ReadJsonInput() {
  const auto text = ReadFile("-");
  if (!text) return tl::unexpected(text.error());
  return ParseJson(*text);
}

Result<std::vector<engine::TokenId>> TokenArray(const Json& object, const char* name) {
  const std::string what = std::string("\"") + name + "\"";
  if (!object.is_object() || !object.contains(name) || !object[name].is_array()) {
    return Fail(ErrorCode::kInvalidArgument, what + " must be an array of token ids");
  }
  std::vector<engine::TokenId> ids;
  for (const Json& item : object[name]) {
    if (!item.is_number_integer() || item < 0 ||
        item > std::numeric_limits<engine::TokenId>::max()) {
      return Fail(ErrorCode::kInvalidArgument,
                  what + " holds " + item.dump(-1, ' ', true) + ", which is not a token id");
    }
    ids.push_back(item.get<engine::TokenId>());
  }
  return ids;
}

Json LogprobRows(const std::vector<std::vector<engine::TokenLogprob>>& rows) {
  Json result = Json::array();
  for (const auto& row : rows) {
    Json entries = Json::array();
    for (const engine::TokenLogprob& entry : row) {
      entries.push_back(Json::array({entry.id, static_cast<double>(entry.logprob)}));
    }
    result.push_back(std::move(entries));
  }
  return result;
}

void PrintJson(const Json& json) {
  std::cout << json.dump(-1, ' ', false, Json::error_handler_t::replace) << "\n";
}

}  // namespace dure
