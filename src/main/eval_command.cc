// `dure eval`: perplexity of a model, and how far its predictions are from those of another file or
// cache type.
#include <iostream>
#include <memory>

#include "base/thread_team.h"
#include "engine/evaluation.h"
#include "formats/gguf.h"
#include "main/commands.h"
#include "main/json_io.h"
#include "main/model_folder.h"
#include "main/model_options.h"
#include "models/registry.h"

namespace dure {
namespace {

struct Options {
  ModelOptions model;
  std::string reference;
  numerics::CacheType reference_kv_type = numerics::CacheType::kF16;
  std::string file;
  int window = 512;
  bool json = false;
};

Result<std::unique_ptr<models::Model>> LoadWeights(const std::string& name, ThreadTeam& team) {
  const auto path = ResolveModelPath(name);
  if (!path) return tl::unexpected(path.error());
  const auto file = formats::GgufFile::Open(*path);
  if (!file) return tl::unexpected(file.error());
  models::LoadOptions options;
  options.team = &team;
  return models::LoadModel(**file, options);
}

Json ToJson(const engine::Evaluation& evaluation) {
  Json json;
  json["tokens"] = evaluation.tokens;
  json["perplexity"] = evaluation.perplexity;
  if (!evaluation.divergence) return json;
  const engine::Divergence& d = *evaluation.divergence;
  json["reference_perplexity"] = evaluation.reference_perplexity;
  json["kl_divergence"] = {{"mean", d.mean}, {"median", d.median}, {"p99", d.p99}, {"max", d.max}};
  json["same_top"] = d.same_top;
  return json;
}

void Print(const engine::Evaluation& evaluation) {
  std::cout << "perplexity " << evaluation.perplexity << " over " << evaluation.tokens
            << " tokens\n";
  if (!evaluation.divergence) return;
  const engine::Divergence& d = *evaluation.divergence;
  std::cout << "perplexity of the reference " << evaluation.reference_perplexity << "\n"
            << "KL divergence from it: mean " << d.mean << ", median " << d.median << ", 99% "
            << d.p99 << ", largest " << d.max << " nats\n"
            << "same most likely token: " << 100 * d.same_top << "%\n";
}

Result<void> Eval(const Options& options) {
  const auto text = ReadFile(options.file);
  if (!text) return tl::unexpected(text.error());
  ThreadTeam team(options.model.threads > 0 ? options.model.threads : AvailableCores());
  const auto format = LoadChatFormat(options.model);
  if (!format) return tl::unexpected(format.error());
  const auto model = LoadWeights(options.model.model, team);
  if (!model) return tl::unexpected(model.error());
  const engine::EvaluatedModel evaluated = {model->get(), options.model.kv_type};
  engine::EvaluatedModel reference = {nullptr, options.reference_kv_type};
  std::unique_ptr<models::Model> other;
  if (!options.reference.empty()) {
    auto opened = LoadWeights(options.reference, team);
    if (!opened) return tl::unexpected(opened.error());
    other = *std::move(opened);
    reference.model = other.get();
  }
  const text::Tokenizer& tokenizer = format->tokenizer();
  engine::EvaluationOptions how;
  how.window = options.window;
  if (tokenizer.add_bos()) how.bos = tokenizer.bos();
  const auto tokens = format->EncodePrompt(*text, text::ControlTokens::kAsText);
  const auto evaluation = engine::Evaluate(evaluated, reference, tokens, how, team);
  if (!evaluation) return tl::unexpected(evaluation.error());
  if (options.json) {
    PrintJson(ToJson(*evaluation));
  } else {
    Print(*evaluation);
  }
  return {};
}

}  // namespace

void RegisterEval(CLI::App& app, CommandContext& context) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand(
      "eval", "Measure what a quantisation or cache type costs: perplexity and KL divergence");
  command->group(kToolsGroup);
  command->footer(
      "The second half of each window of the text is scored, as llama-perplexity does.\n"
      "Examples:\n"
      "  dure eval --model small-q4 --reference small-f16 --file book.txt\n"
      "  dure eval --model small-q4 --kv-type q8 --reference small-q4 --file book.txt");
  AddModelFileOption(*command, options->model);
  command->add_option("--threads", options->model.threads, "Threads to compute with")
      ->check(CLI::Range(0, 1024));
  AddKvTypeOption(*command, "--kv-type", options->model.kv_type);
  command->add_option("--reference", options->reference,
                      "The model to compare with (default: none, perplexity only)");
  AddKvTypeOption(*command, "--reference-kv-type", options->reference_kv_type);
  command->add_option("--file", options->file, "The text; - for standard input")->required();
  command
      ->add_option("--context", options->window,
                   "Tokens in one window; the second half of each is scored")
      ->check(CLI::Range(4, 1 << 24))
      ->capture_default_str();
  command->add_flag("--json", options->json, "Print JSON alone");
  command->callback([options, &context] { context.outcome = Eval(*options); });
}

}  // namespace dure
