// The HTTP server of file_server.py as a child process, on a port of its own.
#pragma once

#include <string>
#include <vector>

namespace dure::formats {

struct LoggedRequest {
  std::string path;
  std::string range;     // empty: no such header
  std::string if_range;  // the same
};

class FileServer {
 public:
  explicit FileServer(const std::string& folder);
  ~FileServer();
  FileServer(const FileServer&) = delete;
  FileServer& operator=(const FileServer&) = delete;

  /// "http://127.0.0.1:PORT"
  const std::string& url() const { return url_; }
  /// The requests so far, asked of the server itself.
  std::vector<LoggedRequest> Log() const;

 private:
  int pid_ = 0;
  int input_ = -1;  // closing it ends the server
  std::string url_;
};

/// An address on this machine where nobody listens.
std::string UnreachableUrl();

/// Writes a wheel into `folder` and returns its path.
std::string MakeWheel(const std::string& folder, const std::string& project,
                      const std::string& version, const std::string& member,
                      const std::string& file);

}  // namespace dure::formats
