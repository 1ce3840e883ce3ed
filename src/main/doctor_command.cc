// `dure doctor`: what this machine offers.
#include <sys/utsname.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "base/thread_team.h"
#include "main/commands.h"
#include "main/model_folder.h"

namespace dure {
namespace {

using Json = nlohmann::ordered_json;

std::string CpuName() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    const size_t colon = line.find(": ");
    if (line.rfind("model name", 0) == 0 && colon != std::string::npos) {
      return line.substr(colon + 2);
    }
  }
  return "unknown";
}

std::vector<std::string> ModelFiles(const std::string& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (std::filesystem::directory_iterator it(folder, error), end; !error && it != end;
       it.increment(error)) {
    if (it->path().extension() == ".gguf") names.push_back(it->path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

Json Examine() {
  Json report;
  report["version"] = DURE_VERSION;
  report["cpu"] = CpuName();
  report["hardware_threads"] = std::thread::hardware_concurrency();
  report["available_cores"] = AvailableCores();
  report["memory_bytes"] =
      static_cast<uint64_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  report["model_folder"] = ModelFolder();
  report["models"] = ModelFiles(ModelFolder());
  return report;
}

void PrintForPeople(const Json& report) {
  for (const auto& [key, value] : report.items()) {
    std::cout << key << ": " << (value.is_string() ? value.get<std::string>() : value.dump())
              << "\n";
  }
}

}  // namespace

void RegisterDoctor(CLI::App& app, CommandContext& context) {
  auto* command = app.add_subcommand("doctor", "Show what this machine offers to Dure");
  command->group(kModelsGroup);
  command->footer("Example:\n  dure doctor --json");
  auto json = std::make_shared<bool>(false);
  command->add_flag("--json", *json, "Print JSON alone on stdout");
  command->callback([&context, json] {
    const Json report = Examine();
    if (*json) {
      std::cout << report.dump(2) << "\n";
    } else {
      PrintForPeople(report);
    }
    context.outcome = {};
  });
}

}  // namespace dure
