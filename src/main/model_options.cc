#include "main/model_options.h"

#include <unistd.h>

#include <cstdio>
#include <map>
#include <string>
#include <utility>

#include "formats/gguf.h"
#include "main/model_folder.h"

namespace dure {
namespace {

constexpr int kMostThreads = 1024;
constexpr uint64_t kMostKvMib = uint64_t{1} << 30;

/// One line on a terminal, rewritten at every percent and wiped at the end.
class LoadingLine {
 public:
  LoadingLine() : on_(isatty(STDERR_FILENO) != 0) {}
  ~LoadingLine() {
    if (on_ && percent_ >= 0) std::fputs("\r\033[K", stderr);
  }
  void Show(const models::LoadProgress& progress) {
    if (!on_ || progress.bytes_total == 0) return;
    const int percent = static_cast<int>(progress.bytes_done * 100 / progress.bytes_total);
    if (percent == percent_) return;
    percent_ = percent;
    std::fprintf(stderr, "\rloading the model: %d%%", percent);
    std::fflush(stderr);
  }

 private:
  bool on_;
  int percent_ = -1;
};

}  // namespace

void AddModelFileOption(CLI::App& command, ModelOptions& options) {
  command.add_option("--model", options.model,
                     "GGUF file, or its name in the model folder (default: the model that "
                     "`dure pull` fetched)");
}

void AddKvTypeOption(CLI::App& command, const char* name, numerics::CacheType& type) {
  using numerics::CacheType;
  static const std::map<std::string, CacheType> kNames = {{"f16", CacheType::kF16},
                                                          {"q8", CacheType::kQ8}};
  command
      .add_option(
          name, type,
          "Precision of the KV cache: f16, or q8 (half the memory, slightly different answers)")
      ->transform(CLI::CheckedTransformer(kNames))
      ->option_text("f16|q8");
}

void AddModelOptions(CLI::App& command, ModelOptions& options) {
  AddModelFileOption(command, options);
  command.add_option("--threads", options.threads, "Threads to compute with (default: all cores)")
      ->check(CLI::Range(0, kMostThreads));
  command
      .add_option("--context", options.context,
                  "Longest conversation in tokens (default: what the model was trained for)")
      ->check(CLI::NonNegativeNumber);
  command
      .add_option("--kv-cache", options.kv_mib,
                  "Memory for the KV cache in MiB (default: enough for many short chats)")
      ->check(CLI::Range(uint64_t{0}, kMostKvMib));
  AddKvTypeOption(command, "--kv-type", options.kv_type);
  AddSpeculationOption(command, options.speculation);
}

void AddSpeculationOption(CLI::App& command, engine::Speculation& speculation) {
  using engine::Speculation;
  command
      .add_option("--speculation", speculation,
                  "Guess tokens from repeated text: ngram, or off (the same output, slower)")
      ->transform(CLI::CheckedTransformer(std::map<std::string, Speculation>{
          {"off", Speculation::kOff}, {"ngram", Speculation::kNgram}}))
      ->option_text("HOW");
}

Result<std::unique_ptr<providers::LocalModel>> LoadLocalModel(const ModelOptions& options) {
  const auto path = ResolveModelPath(options.model);
  if (!path) return tl::unexpected(path.error());
  providers::LocalModelOptions load;
  load.threads = options.threads;
  load.engine.context_length = options.context;
  load.engine.kv_bytes = options.kv_mib << 20;
  load.engine.kv_type = options.kv_type;
  load.engine.prefix_cache = options.prefix_cache;
  load.engine.step_budget_ms = options.step_budget_ms;
  load.engine.speculation = options.speculation;
  LoadingLine line;
  load.on_progress = [&line](const models::LoadProgress& progress) { line.Show(progress); };
  return providers::LocalModel::Load(*path, load);
}

Result<providers::ChatFormat> LoadChatFormat(const ModelOptions& options) {
  const auto path = ResolveModelPath(options.model);
  if (!path) return tl::unexpected(path.error());
  const auto file = formats::GgufFile::Open(*path);
  if (!file) return tl::unexpected(file.error());
  return providers::ChatFormat::FromGguf(**file);
}

}  // namespace dure
