#include "formats/child_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <string_view>
#include <system_error>

extern char** environ;

namespace dure::formats {
namespace {

constexpr int kPollMs = 100;

std::string Reason(int error) { return std::generic_category().message(error); }

/// This process's environment with the request's lines added or replacing.
std::vector<std::string> Environment(const std::vector<std::string>& changes) {
  const auto name = [](std::string_view line) { return line.substr(0, line.find('=')); };
  std::vector<std::string> lines;
  for (char** line = environ; *line != nullptr; ++line) {
    bool replaced = false;
    for (const std::string& change : changes) replaced |= name(change) == name(*line);
    if (!replaced) lines.emplace_back(*line);
  }
  lines.insert(lines.end(), changes.begin(), changes.end());
  return lines;
}

std::vector<char*> Pointers(std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  for (std::string& text : strings) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

/// Owns a child's process group: whoever leaves without Wait ends it.
class Child {
 public:
  Child(pid_t pid, int output) : pid_(pid), output_(output) {}
  ~Child() {
    close(output_);
    if (pid_ <= 0) return;
    kill(-pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  int output() const { return output_; }

  /// The exit status when it has ended, else -1.
  int Poll() {
    int status = 0;
    if (waitpid(pid_, &status, WNOHANG) != pid_) return -1;
    kill(-pid_, SIGKILL);  // whatever it left running
    pid_ = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

 private:
  pid_t pid_;
  int output_;
};

/// Starts the program with its output in a pipe; `read_end` receives the pipe. 0 or an errno value.
int Spawn(const ChildRequest& request, pid_t& pid, int& read_end) {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return errno;
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
  posix_spawn_file_actions_adddup2(&actions, ends[1], 2);
  // Interpreters look for modules in the current folder; the root folder holds none.
  posix_spawn_file_actions_addchdir_np(&actions, "/");
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF);
  posix_spawnattr_setpgroup(&attributes, 0);
  sigset_t defaults;
  sigemptyset(&defaults);
  for (const int signal_number : {SIGINT, SIGTERM, SIGPIPE, SIGXFSZ}) {
    sigaddset(&defaults, signal_number);
  }
  posix_spawnattr_setsigdefault(&attributes, &defaults);

  std::vector<std::string> argv = request.argv;
  std::vector<std::string> environment = Environment(request.environment);
  const int error = posix_spawnp(&pid, argv[0].c_str(), &actions, &attributes,
                                 Pointers(argv).data(), Pointers(environment).data());
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  if (error != 0) {
    close(ends[0]);
  } else {
    read_end = ends[0];
  }
  return error;
}

}  // namespace

Result<ChildOutcome> RunChild(const ChildRequest& request) {
  pid_t pid = 0;
  int read_end = -1;
  const std::string& program = request.argv.at(0);
  if (const int error = Spawn(request, pid, read_end); error != 0) {
    return Fail(error == ENOENT ? ErrorCode::kNotFound : ErrorCode::kIo,
                fmt::format("{} could not be started: {}", program, Reason(error)));
  }
  Child child(pid, read_end);
  const auto deadline =
      std::chrono::steady_clock::now() + std::chrono::milliseconds(request.timeout_ms);
  ChildOutcome outcome;
  std::array<char, 65536> buffer;
  for (bool open = true;;) {
    if (request.keep_going && !request.keep_going()) {
      return Fail(ErrorCode::kCancelled, program + " was cancelled");
    }
    if (std::chrono::steady_clock::now() > deadline) {
      return Fail(ErrorCode::kUnavailable,
                  fmt::format("{} took longer than {} s", program, request.timeout_ms / 1000));
    }
    // With the output closed, poll on nothing is the wait between two looks at the child.
    pollfd waited{open ? child.output() : -1, POLLIN, 0};
    if (poll(&waited, 1, kPollMs) > 0) {
      const ssize_t count = read(child.output(), buffer.data(), buffer.size());
      if (count > 0) {
        const size_t room = request.max_output_bytes - outcome.output.size();
        outcome.output.append(buffer.data(), std::min(static_cast<size_t>(count), room));
        continue;
      }
      if (count == 0 || errno != EINTR) open = false;
    }
    // A grandchild may hold the pipe open, so the child's end counts, not the pipe's, once the pipe
    // is quiet.
    if (const int status = child.Poll(); status >= 0) {
      outcome.exit_status = status;
      return outcome;
    }
  }
}

}  // namespace dure::formats
