#include "net/router.h"

#include <algorithm>
#include <optional>

namespace dure::net {

namespace {

bool IsParameter(std::string_view segment) {
  return segment.size() > 2 && segment.starts_with('{') && segment.ends_with('}');
}

bool IsTail(std::string_view segment) { return IsParameter(segment) && segment.ends_with("...}"); }

std::vector<std::string> SplitPattern(std::string_view pattern) {
  std::vector<std::string> segments;
  while (!pattern.empty() && pattern != "/") {
    pattern.remove_prefix(1);
    const size_t end = std::min(pattern.find('/'), pattern.size());
    segments.emplace_back(pattern.substr(0, end));
    pattern.remove_prefix(end);
  }
  return segments;
}

using Parameters = std::vector<std::pair<std::string, std::string>>;

std::optional<Parameters> MatchSegments(const std::vector<std::string>& pattern,
                                        const std::vector<std::string>& path) {
  Parameters parameters;
  for (size_t i = 0; i < pattern.size(); ++i) {
    if (i >= path.size()) return std::nullopt;
    const std::string_view segment = pattern[i];
    if (IsTail(segment)) {
      std::string rest = path[i];
      for (size_t j = i + 1; j < path.size(); ++j) rest += "/" + path[j];
      parameters.emplace_back(segment.substr(1, segment.size() - 5), std::move(rest));
      return parameters;
    }
    if (IsParameter(segment)) {
      if (path[i].empty()) return std::nullopt;
      parameters.emplace_back(segment.substr(1, segment.size() - 2), path[i]);
    } else if (segment != path[i]) {
      return std::nullopt;
    }
  }
  if (path.size() != pattern.size()) return std::nullopt;
  return parameters;
}

bool MethodFits(std::string_view route, std::string_view method) {
  return route == method || (route == "GET" && method == "HEAD");
}

}  // namespace

void Router::Add(std::string_view method, std::string_view pattern, RunOn run_on, Handler handler,
                 Guard guard) {
  routes_.push_back(
      {std::string(method), SplitPattern(pattern), run_on, std::move(handler), std::move(guard)});
}

void Router::SetFallback(RunOn run_on, Handler handler) {
  fallback_ = {"", {}, run_on, std::move(handler), {}};
}

Router::Match Router::Find(Request& request) const {
  Match match;
  size_t fewest = SIZE_MAX;
  for (const Route& route : routes_) {
    auto parameters = MatchSegments(route.segments, request.segments);
    if (!parameters) continue;
    if (!MethodFits(route.method, request.method)) {
      match.allow += (match.allow.empty() ? "" : ", ") + route.method;
      if (route.method == "GET") match.allow += ", HEAD";
      continue;
    }
    if (parameters->size() < fewest) {
      fewest = parameters->size();
      match.route = &route;
      request.parameters = std::move(*parameters);
    }
  }
  if (match.route == nullptr && match.allow.empty() && fallback_.handler) match.route = &fallback_;
  return match;
}

}  // namespace dure::net
