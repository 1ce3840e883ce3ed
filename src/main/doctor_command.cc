// `dure doctor`: what this machine offers.
#include <algorithm>
#include <fstream>
#include <iostream>
#include <memory>
#include <string>
#include <thread>

#include "base/memory.h"
#include "base/thread_team.h"
#include "formats/model_folder.h"
#include "main/commands.h"
#include "main/json_io.h"
#include "main/machine_rates.h"
#include "models/registry.h"
#include "numerics/kernels.h"

namespace dure {
namespace {

constexpr uint64_t kMostBandwidthBytes = 512 << 20;  // beyond the caches of any CPU of today
constexpr uint64_t kBandwidthMemoryShare = 8;        // of what the process may use

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

Json AvailableInstructionSets() {
  Json names = Json::array();
  for (const numerics::Isa isa : numerics::kAllIsas) {
    if (numerics::KernelsFor(isa) != nullptr) names.push_back(numerics::IsaName(isa));
  }
  return names;
}

Json Models(const std::string& folder) {
  Json models = Json::array();
  for (const formats::ModelFile& file : formats::ListModels(folder)) {
    models.push_back({{"file", file.file_name}, {"bytes", file.bytes}});
  }
  return models;
}

Result<Json> Examine() {
  const numerics::KernelChoice kernels = numerics::ChooseKernels();
  if (kernels.error != nullptr) return Fail(ErrorCode::kInvalidArgument, kernels.error);
  const auto folder = formats::DefaultModelFolder();
  if (!folder) return tl::unexpected(folder.error());
  ThreadTeam team(AvailableCores());
  const uint64_t memory = AvailableMemory();
  const auto bandwidth =
      MeasureReadBandwidth(std::min(kMostBandwidthBytes, memory / kBandwidthMemoryShare), team);
  if (!bandwidth) return tl::unexpected(bandwidth.error());

  Json report;
  report["version"] = DURE_VERSION;
  report["compiler"] = __VERSION__;
  report["cpu"] = CpuName();
  report["instruction_set"] = kernels.kernels->name;
  report["instruction_sets"] = AvailableInstructionSets();
  report["hardware_threads"] = std::thread::hardware_concurrency();
  report["available_cores"] = AvailableCores();
  report["available_memory_bytes"] = memory;
  report["memory_bytes_per_second"] = *bandwidth;
  report["architectures"] = models::SupportedArchitectures();
  report["model_folder"] = *folder;
  report["models"] = Models(*folder);
  return report;
}

std::string Gibibytes(double bytes) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.1f GiB", bytes / (1 << 30));
  return text;
}

std::string Joined(const Json& names) {
  std::string text;
  for (const Json& name : names) text += (text.empty() ? "" : ", ") + name.get<std::string>();
  return text;
}

void PrintForPeople(const Json& report) {
  const auto text = [&report](const char* key) { return report[key].get<std::string>(); };
  const auto number = [&report](const char* key) { return report[key].get<double>(); };
  std::cout << "dure " << text("version") << ", built with " << text("compiler") << "\n"
            << "CPU             " << text("cpu") << "\n"
            << "instructions    " << text("instruction_set")
            << " in use; here: " << Joined(report["instruction_sets"]) << " (DURE_ISA chooses)\n"
            << "cores           " << number("available_cores") << " of "
            << number("hardware_threads") << " may be used\n"
            << "memory          " << Gibibytes(number("available_memory_bytes")) << ", read at "
            << Gibibytes(number("memory_bytes_per_second")) << "/s\n"
            << "architectures   " << Joined(report["architectures"]) << "\n"
            << "model folder    " << text("model_folder") << "\n";
  for (const Json& model : report["models"]) {
    std::cout << "  " << model["file"].get<std::string>() << "  "
              << Gibibytes(model["bytes"].get<double>()) << "\n";
  }
  if (report["models"].empty()) std::cout << "  (empty; `dure pull NAME` fetches a model)\n";
}

Result<void> Doctor(bool json) {
  const auto report = Examine();
  if (!report) return tl::unexpected(report.error());
  if (json) {
    PrintJson(*report);
  } else {
    PrintForPeople(*report);
  }
  return {};
}

}  // namespace

void RegisterDoctor(CLI::App& app, CommandContext& context) {
  auto* command = app.add_subcommand("doctor", "Show what this machine offers to Dure");
  command->group(kModelsGroup);
  command->footer("Example:\n  dure doctor --json");
  auto json = std::make_shared<bool>(false);
  command->add_flag("--json", *json, "Print JSON alone on stdout");
  command->callback([&context, json] { context.outcome = Doctor(*json); });
}

}  // namespace dure
