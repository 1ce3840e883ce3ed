// `dure pull`: fetches a model by its name in the catalogue, or any GGUF file of the model hub.
#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "formats/catalogue.h"
#include "formats/download.h"
#include "formats/model_folder.h"
#include "main/commands.h"
#include "main/progress_line.h"

namespace dure {
namespace {

volatile sig_atomic_t interrupted = 0;

/// An interrupt lets the download end by itself, so that only what can be resumed stays. A second
/// one ends the process.
void CatchInterrupts() {
  struct sigaction action{};
  action.sa_handler = [](int) { interrupted = 1; };
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) sigaction(number, &action, nullptr);
  // A file size limit then is an error of write(), as a full disk is.
  signal(SIGXFSZ, SIG_IGN);
}

std::string Variable(const char* name, const char* fallback) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0' ? value : fallback;
}

formats::DownloadSettings SettingsFromEnvironment() {
  formats::DownloadSettings settings;
  // The names that the hub's own tools read.
  settings.hub_url = Variable("HF_ENDPOINT", settings.hub_url.c_str());
  while (settings.hub_url.ends_with('/')) settings.hub_url.pop_back();
  settings.hub_token = Variable("HF_TOKEN", "");
  return settings;
}

std::string KnownNames() {
  std::string names;
  for (const formats::CatalogueEntry& entry : formats::BuiltInCatalogue()) {
    names += (names.empty() ? "" : ", ") + entry.name;
  }
  return names;
}

/// Checking the hash takes a second or two: worth a bar on a terminal, one line elsewhere.
void ShowVerifying(ProgressLine& line, bool in_place, uint64_t done, uint64_t total, bool& said) {
  if (in_place) {
    line.Show("verifying", done, total);
  } else if (!said) {
    said = true;
    line.Note("verifying");
  }
}

Result<formats::DownloadedModel> Download(const std::string& name, bool in_place,
                                          ProgressLine& line) {
  auto folder = formats::DefaultModelFolder();
  if (!folder) return tl::unexpected(folder.error());
  formats::DownloadEvents events;
  events.progress = [&, said = false](formats::DownloadPhase phase, uint64_t done,
                                      uint64_t total) mutable {
    if (phase == formats::DownloadPhase::kVerifying) {
      ShowVerifying(line, in_place, done, total, said);
    } else {
      line.Show(name, done, total);
    }
    return interrupted == 0;
  };
  events.note = [&](const std::string& text) { line.Note(text); };
  if (name.starts_with("hf:")) {
    const auto file = formats::ParseHubFile(name);
    if (!file) return tl::unexpected(file.error());
    return formats::DownloadHubFile(*file, *folder, SettingsFromEnvironment(), events);
  }
  const formats::CatalogueEntry* entry = formats::FindInCatalogue(name);
  if (entry == nullptr) {
    return Fail(ErrorCode::kNotFound,
                fmt::format("no model is named '{}'; there are {}, and hf:owner/repo/file.gguf for "
                            "any other",
                            name, KnownNames()));
  }
  if (!entry->licence_note.empty()) line.Note(entry->licence_note);
  return formats::DownloadModel(*entry, *folder, SettingsFromEnvironment(), events);
}

Result<void> Pull(const std::string& name, bool json) {
  CatchInterrupts();
  Result<formats::DownloadedModel> model;
  {
    const bool in_place = isatty(STDERR_FILENO) != 0;
    ProgressLine line(std::cerr, in_place, std::chrono::steady_clock::now);
    model = Download(name, in_place, line);
  }
  if (!model) {
    Error error = model.error();
    if (error.code == ErrorCode::kCancelled) {
      error.message = "cancelled; run the same command again to continue the download";
    }
    return tl::unexpected(error);
  }
  if (json) {
    const nlohmann::ordered_json report = {{"path", model->path},
                                           {"bytes", model->bytes},
                                           {"sha256", model->sha256},
                                           {"was_present", model->was_present}};
    std::cout << report.dump(2) << "\n";
  } else {
    std::cout << model->path << (model->was_present ? " (was there already)" : "") << "\n";
  }
  return {};
}

}  // namespace

void RegisterPull(CLI::App& app, CommandContext& context) {
  auto* command = app.add_subcommand("pull", "Download a model");
  command->group(kModelsGroup);
  command->footer(
      "An interrupted download resumes when the command is run again. A file is accepted only\n"
      "with the right SHA-256.\n\n"
      "Examples:\n"
      "  dure pull qwen2.5-coder-0.5b            a model that `dure models` lists\n"
      "  dure pull hf:owner/repo/file.gguf       any GGUF file of the Hugging Face hub\n\n"
      "HF_ENDPOINT names another hub, HF_TOKEN a token for gated models, DURE_MODEL_DIR the\n"
      "folder for models.");
  auto name = std::make_shared<std::string>();
  auto json = std::make_shared<bool>(false);
  command->add_option("name", *name, "A model's name, or hf:owner/repo/file.gguf")->required();
  command->add_flag("--json", *json, "Print JSON alone on stdout");
  command->callback([&context, name, json] { context.outcome = Pull(*name, *json); });
}

}  // namespace dure
