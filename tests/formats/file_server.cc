#include "tests/formats/file_server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <nlohmann/json.hpp>

#include "formats/http_fetch.h"
#include "formats/part_file.h"
#include "tests/formats/temp_folder.h"

extern char** environ;

namespace dure::formats {
namespace {

constexpr char kScripts[] = DURE_TEST_DATA "/../formats/";

/// Starts python3 with these arguments; the ends of its pipes go to input and output.
int Start(std::vector<std::string> arguments, int& input, int& output) {
  std::array<int, 2> in{};
  std::array<int, 2> out{};
  EXPECT_EQ(pipe2(in.data(), O_CLOEXEC), 0);
  EXPECT_EQ(pipe2(out.data(), O_CLOEXEC), 0);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in[0], 0);
  posix_spawn_file_actions_adddup2(&actions, out[1], 1);
  arguments.insert(arguments.begin(), "python3");
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  pid_t pid = 0;
  EXPECT_EQ(posix_spawnp(&pid, "python3", &actions, nullptr, argv.data(), environ), 0);
  posix_spawn_file_actions_destroy(&actions);
  close(in[0]);
  close(out[1]);
  input = in[1];
  output = out[0];
  return pid;
}

}  // namespace

FileServer::FileServer(const std::string& folder) {
  int output = -1;
  pid_ = Start({std::string(kScripts) + "file_server.py", folder}, input_, output);
  std::string port;
  for (char c = 0; read(output, &c, 1) == 1 && c != '\n';) port += c;
  close(output);
  EXPECT_FALSE(port.empty()) << "the test server did not start";
  url_ = "http://127.0.0.1:" + port;
}

FileServer::~FileServer() {
  close(input_);
  waitpid(pid_, nullptr, 0);
}

std::vector<LoggedRequest> FileServer::Log() const {
  const TempFolder folder;
  auto part = PartFile::Open(folder.File("log"));
  HttpSettings settings;
  settings.allow_http = true;
  HttpRequest request;
  request.url = url_ + "/log";
  EXPECT_TRUE(FetchFile(request, *part, settings, {}));
  std::vector<LoggedRequest> log;
  const auto text = [](const nlohmann::json& value) {
    return value.is_null() ? std::string() : value.get<std::string>();
  };
  for (const auto& entry : nlohmann::json::parse(TempFolder::ReadAll(folder.File("log")))) {
    log.push_back({text(entry[0]), text(entry[1]), text(entry[2])});
  }
  return log;
}

std::string UnreachableUrl() {
  // A port that was just given back by the system has no listener.
  const int socket_fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  EXPECT_EQ(bind(socket_fd, reinterpret_cast<sockaddr*>(&address), size), 0);
  EXPECT_EQ(getsockname(socket_fd, reinterpret_cast<sockaddr*>(&address), &size), 0);
  close(socket_fd);
  return "http://127.0.0.1:" + std::to_string(ntohs(address.sin_port));
}

std::string MakeWheel(const std::string& folder, const std::string& project,
                      const std::string& version, const std::string& member,
                      const std::string& file) {
  int input = -1;
  int output = -1;
  const int pid =
      Start({std::string(kScripts) + "make_wheel.py", folder, project, version, member, file},
            input, output);
  close(input);
  int status = 0;
  waitpid(pid, &status, 0);
  close(output);
  EXPECT_EQ(status, 0);
  std::string name = project;
  std::replace(name.begin(), name.end(), '-', '_');
  return folder + "/" + name + "-" + version + "-py3-none-any.whl";
}

}  // namespace dure::formats
