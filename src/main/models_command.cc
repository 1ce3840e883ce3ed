// `dure models`: the models that can be had by name and the files that are here.
#include <fmt/format.h>

#include <algorithm>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "formats/catalogue.h"
#include "formats/model_folder.h"
#include "main/commands.h"

namespace dure {
namespace {

using Json = nlohmann::ordered_json;

struct Row {
  std::string name;
  std::string file;
  uint64_t bytes = 0;
  std::string licence;
  std::string description;
  std::vector<std::string> languages;
  bool present = false;
};

/// The catalogue first, then the other files of the folder.
std::vector<Row> Rows(const std::string& folder) {
  std::vector<formats::ModelFile> files = formats::ListModels(folder);
  std::vector<Row> rows;
  for (const formats::CatalogueEntry& entry : formats::BuiltInCatalogue()) {
    const auto here = std::find_if(files.begin(), files.end(), [&](const auto& file) {
      return file.file_name == entry.file_name;
    });
    // A file of another size is not this model; it shows as a file of its own.
    const bool present = here != files.end() && here->bytes == entry.bytes;
    if (present) files.erase(here);
    rows.push_back({entry.name, entry.file_name, entry.bytes, entry.licence, entry.description,
                    entry.languages, present});
  }
  for (const formats::ModelFile& file : files) {
    rows.push_back({file.file_name, file.file_name, file.bytes, "", "", {}, true});
  }
  return rows;
}

void PrintTable(const std::vector<Row>& rows, const std::string& folder) {
  size_t name_width = 4;
  size_t licence_width = 7;
  for (const Row& row : rows) {
    name_width = std::max(name_width, row.name.size());
    licence_width = std::max(licence_width, row.licence.size());
  }
  const auto line = [&](const std::string& name, const std::string& size,
                        const std::string& licence, const std::string& present) {
    std::cout << fmt::format("{:{}}  {:>9}  {:{}}  {}\n", name, name_width, size, licence,
                             licence_width, present);
  };
  line("NAME", "SIZE", "LICENCE", "HERE");
  for (const Row& row : rows) {
    line(row.name, fmt::format("{:.1f} MB", static_cast<double>(row.bytes) / 1e6),
         row.licence.empty() ? "-" : row.licence, row.present ? "yes" : "no");
  }
  std::cout << "\nModel folder: " << folder << "\n";
}

Json ToJson(const std::vector<Row>& rows, const std::string& folder) {
  Json models = Json::array();
  for (const Row& row : rows) {
    models.push_back({{"name", row.name},
                      {"file", row.file},
                      {"bytes", row.bytes},
                      {"licence", row.licence.empty() ? Json(nullptr) : Json(row.licence)},
                      {"description", row.description},
                      {"languages", row.languages},
                      {"present", row.present},
                      {"path", row.present ? Json(folder + "/" + row.file) : Json(nullptr)}});
  }
  return {{"folder", folder}, {"models", models}};
}

Result<void> PrintModels(bool json) {
  const auto folder = formats::DefaultModelFolder();
  if (!folder) return tl::unexpected(folder.error());
  const std::vector<Row> rows = Rows(*folder);
  if (json) {
    std::cout << ToJson(rows, *folder).dump(2, ' ', false, Json::error_handler_t::replace) << "\n";
  } else {
    PrintTable(rows, *folder);
  }
  return {};
}

}  // namespace

void RegisterModels(CLI::App& app, CommandContext& context) {
  auto* command = app.add_subcommand("models", "List the models that are here and can be had");
  command->group(kModelsGroup);
  command->footer("Example:\n  dure models --json");
  auto json = std::make_shared<bool>(false);
  command->add_flag("--json", *json, "Print JSON alone on stdout");
  command->callback([&context, json] { context.outcome = PrintModels(*json); });
}

}  // namespace dure
