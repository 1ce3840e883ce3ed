// `dure perplexity`: how well the model predicts a text, cut into windows as llama-perplexity cuts
// it.
#include <cmath>
#include <deque>
#include <iostream>
#include <memory>

#include "main/answer_stream.h"
#include "main/commands.h"
#include "main/json_io.h"
#include "main/model_options.h"

namespace dure {
namespace {

// Windows in the engine at once: enough to fill its steps.
constexpr size_t kWindowsAhead = 4;

struct Options {
  ModelOptions model;
  std::string file;
  int window = 512;
  bool json = false;
};

struct Sum {
  double negative_log_likelihood = 0;
  uint64_t tokens = 0;
};

/// The second half of each whole window is scored; its first token gives way to BOS where the model
/// wants one.
engine::GenerateRequest Window(const std::vector<engine::TokenId>& tokens, size_t begin,
                               size_t size, const text::Tokenizer& tokenizer) {
  const auto first = tokens.begin() + static_cast<ptrdiff_t>(begin);
  const auto scored = static_cast<ptrdiff_t>(size / 2 + 1);
  engine::GenerateRequest request;
  request.prompt.assign(first, first + scored);
  if (tokenizer.add_bos() && tokenizer.bos()) request.prompt.front() = *tokenizer.bos();
  request.forced.assign(first + scored, first + static_cast<ptrdiff_t>(size));
  request.top_logprobs = 0;
  return request;
}

Result<Sum> Measure(providers::LocalModel& local, const std::vector<engine::TokenId>& tokens,
                    size_t size) {
  const size_t windows = tokens.size() / size;
  std::deque<std::shared_ptr<AnswerStream>> running;
  Sum sum;
  for (size_t next = 0; next < windows || !running.empty();) {
    if (next < windows && running.size() < kWindowsAhead) {
      running.push_back(std::make_shared<AnswerStream>());
      const auto id = local.engine().Submit(Window(tokens, next * size, size, local.tokenizer()),
                                            running.back());
      if (!id) return tl::unexpected(id.error());
      ++next;
      continue;
    }
    const auto answer = CollectAnswer(*running.front());
    if (!answer) return tl::unexpected(answer.error());
    running.pop_front();
    for (const float logprob : answer->logprobs) sum.negative_log_likelihood -= logprob;
    sum.tokens += answer->logprobs.size();
  }
  return sum;
}

Result<void> Perplexity(const Options& options) {
  const auto text = ReadFile(options.file);
  if (!text) return tl::unexpected(text.error());
  const auto local = LoadLocalModel(options.model);
  if (!local) return tl::unexpected(local.error());
  const std::vector<engine::TokenId> tokens =
      (*local)->format().EncodePrompt(*text, text::ControlTokens::kAsText);
  const auto size = static_cast<size_t>(options.window);
  if (tokens.size() < size) {
    return Fail(ErrorCode::kInvalidArgument,
                options.file + " has " + std::to_string(tokens.size()) +
                    " tokens; one window needs " + std::to_string(size));
  }
  const auto sum = Measure(**local, tokens, size);
  if (!sum) return tl::unexpected(sum.error());
  const double perplexity =
      std::exp(sum->negative_log_likelihood / static_cast<double>(sum->tokens));
  if (options.json) {
    Json output;
    output["perplexity"] = perplexity;
    output["tokens"] = sum->tokens;
    PrintJson(output);
  } else {
    std::cout << perplexity << " over " << sum->tokens << " tokens\n";
  }
  return {};
}

}  // namespace

void RegisterPerplexity(CLI::App& app, CommandContext& context) {
  auto options = std::make_shared<Options>();
  CLI::App* command =
      app.add_subcommand("perplexity", "Measure how well the model predicts a text");
  command->group(kToolsGroup);
  command->footer("Example:\n  dure perplexity --file book.txt --context 512 --json");
  AddModelFileOption(*command, options->model);
  command->add_option("--threads", options->model.threads, "Threads to compute with")
      ->check(CLI::Range(0, 1024));
  command->add_option("--file", options->file, "The text; - for standard input")->required();
  command
      ->add_option("--context", options->window,
                   "Tokens in one window; the second half of each is scored")
      ->check(CLI::Range(4, 1 << 24))
      ->capture_default_str();
  command->add_flag("--json", options->json,
                    "Print JSON alone: {\"perplexity\": ..., \"tokens\": ...}");
  command->callback([options, &context] { context.outcome = Perplexity(*options); });
}

}  // namespace dure
