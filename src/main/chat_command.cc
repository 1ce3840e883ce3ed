// `dure chat`: a conversation at the terminal.
#include <unistd.h>

#include <iostream>
#include <memory>

#include "main/chat_turn.h"
#include "main/commands.h"
#include "main/line_editor.h"
#include "main/model_options.h"
#include "main/sampling_options.h"

namespace dure {
namespace {

struct Options {
  ModelOptions model;
  SamplingOptions sampling;
  std::string system;
};

Json FirstMessages(const Options& options) {
  Json messages = Json::array();
  if (!options.system.empty()) {
    messages.push_back({{"role", "system"}, {"content", options.system}});
  }
  return messages;
}

/// Adds question and answer to the conversation; a question that got no answer leaves it as it was.
Result<void> Turn(providers::LocalModel& local, const Options& options,
                  InterruptWatcher& interrupts, const std::string& question, Json& messages) {
  Json asked = messages;
  asked.push_back({{"role", "user"}, {"content", question}});
  const auto prompt = ChatPrompt(local.format(), asked);
  if (!prompt) return tl::unexpected(prompt.error());
  const auto answer =
      StreamAnswer(local, *prompt, options.sampling, &interrupts,
                   [](const std::string& text) { std::cout << text << std::flush; });
  std::cout << "\n";
  if (!answer) return tl::unexpected(answer.error());
  if (answer->finish.reason == engine::FinishReason::kCancelled) std::cerr << "[stopped]\n";
  if (answer->finish.reason == engine::FinishReason::kLength) {
    std::cerr << "[the answer reached its limit of tokens]\n";
  }
  asked.push_back({{"role", "assistant"}, {"content", answer->text}});
  messages = std::move(asked);
  return {};
}

Result<void> Chat(Options options) {
  InterruptWatcher interrupts;  // before the model's threads
  const auto local = LoadLocalModel(options.model);
  if (!local) return tl::unexpected(local.error());
  Json messages = FirstMessages(options);
  // A chat that cannot be rendered at all is said now, not after the first question.
  Json probe = messages;
  probe.push_back({{"role", "user"}, {"content", "?"}});
  if (auto prompt = ChatPrompt((*local)->format(), probe); !prompt) {
    return tl::unexpected(prompt.error());
  }
  std::cerr << (*local)->id() << ", " << (*local)->threads() << " threads, context "
            << (*local)->engine().context_length()
            << " tokens. /new starts afresh, /exit leaves, Ctrl-C stops an answer.\n";
  LineEditor editor;
  while (const auto line = editor.Read("> ")) {
    if (*line == "/exit" || *line == "/quit") break;
    if (line->empty()) continue;
    if (*line == "/new") {
      messages = FirstMessages(options);
      std::cerr << "[new chat]\n";
      continue;
    }
    const auto turn = Turn(**local, options, interrupts, *line, messages);
    ++options.sampling.params.seed;  // asking the same again may give another answer
    if (turn) continue;
    std::cerr << "dure: " << turn.error().message;
    if (turn.error().code == ErrorCode::kContextLengthExceeded) std::cerr << "; /new starts afresh";
    std::cerr << "\n";
    // At a terminal the user can go on; a script wants to know.
    if (isatty(STDIN_FILENO) == 0) return turn;
  }
  return {};
}

}  // namespace

void RegisterChat(CLI::App& app, CommandContext& context) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("chat", "Talk with a model in this terminal");
  command->group(kEverydayGroup);
  command->footer("Example:\n  dure chat --system \"Answer in Korean.\"");
  AddModelOptions(*command, options->model);
  command->add_option("--system", options->system, "Instructions that stand before the chat");
  AddSamplingOptions(*command, options->sampling);
  command->callback([options, &context] { context.outcome = Chat(*options); });
}

}  // namespace dure
