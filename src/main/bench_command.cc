// `dure bench`: tokens per second of prefill, decode, decode at depth and parallel decode, beside
// what memory allows.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <iostream>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "base/thread_team.h"
#include "engine/philox.h"
#include "main/answer_stream.h"
#include "main/commands.h"
#include "main/json_io.h"
#include "main/machine_rates.h"
#include "main/model_options.h"
#include "models/kv_storage.h"
#include "numerics/kernels.h"

namespace dure {
namespace {

constexpr double kNoBudget = 1e9;     // milliseconds
constexpr int kParallelPrompt = 128;  // tokens of each stream's own prompt

struct Options {
  ModelOptions model;
  std::vector<int> prompt = {512};
  std::vector<int> generate = {128};
  std::vector<int> depth = {0};
  std::vector<int> parallel;
  int repeat = 3;
  bool json = false;
};

/// What one test does: every stream reads `prompt` tokens and generates `generate` more.
struct Test {
  std::string name;
  int prompt = 0;
  int generate = 0;
  int streams = 1;
  bool prefill = false;  // the rate is that of the prompt
};

std::vector<Test> Tests(const Options& options) {
  std::vector<Test> tests;
  for (const int prompt : options.prompt) {
    tests.push_back({"pp" + std::to_string(prompt), prompt, 1, 1, true});
  }
  for (const int depth : options.depth) {
    for (const int generate : options.generate) {
      std::string name = "tg" + std::to_string(generate);
      if (depth > 0) name += "@" + std::to_string(depth);
      tests.push_back({name, std::max(depth, 1), generate, 1, false});
    }
  }
  const int generate = options.generate.empty() ? 128 : options.generate.front();
  for (const int streams : options.parallel) {
    tests.push_back({"b" + std::to_string(streams), kParallelPrompt, generate, streams, false});
  }
  return tests;
}

/// Tokens that no two streams share, the same in every run.
std::vector<engine::TokenId> RandomPrompt(int length, uint32_t stream, int vocab) {
  std::vector<engine::TokenId> tokens;
  for (int i = 0; i < length; ++i) {
    const double u = engine::UniformForToken(0, stream, static_cast<uint32_t>(i));
    tokens.push_back(static_cast<engine::TokenId>(u * vocab));
  }
  return tokens;
}

/// Notes when each token came.
class TimedStream : public AnswerStream {
 public:
  using Clock = std::chrono::steady_clock;

  void OnToken(const engine::TokenEvent&) override { times_.push_back(Clock::now()); }
  /// To be read after the finish.
  const std::vector<Clock::time_point>& times() const { return times_; }

 private:
  std::vector<Clock::time_point> times_;
};

double Seconds(TimedStream::Clock::duration duration) {
  return std::chrono::duration<double>(duration).count();
}

/// Tokens a second while all streams decode: from the last one's first token to the first one's
/// last.
double DecodeRate(const std::vector<std::shared_ptr<TimedStream>>& streams) {
  auto begin = streams.front()->times().front();
  auto end = streams.front()->times().back();
  for (const auto& stream : streams) {
    begin = std::max(begin, stream->times().front());
    end = std::min(end, stream->times().back());
  }
  size_t tokens = 0;
  for (const auto& stream : streams) {
    const auto& times = stream->times();
    tokens += static_cast<size_t>(std::upper_bound(times.begin(), times.end(), end) -
                                  std::upper_bound(times.begin(), times.end(), begin));
  }
  return end > begin ? static_cast<double>(tokens) / Seconds(end - begin) : 0;
}

Result<double> MeasureOnce(providers::LocalModel& local, const Test& test) {
  std::vector<std::shared_ptr<TimedStream>> streams;
  for (int i = 0; i < test.streams; ++i) {
    engine::GenerateRequest request;
    request.prompt = RandomPrompt(test.prompt, static_cast<uint32_t>(i), local.config().vocab_size);
    request.max_tokens = test.prefill ? 1 : test.generate + 1;
    request.ignore_eos = true;
    request.sampling.temperature = 0;
    streams.push_back(std::make_shared<TimedStream>());
    const auto id = local.engine().Submit(std::move(request), streams.back());
    if (!id) return tl::unexpected(id.error());
  }
  engine::Usage usage;
  for (const auto& stream : streams) {
    const auto answer = CollectAnswer(*stream);
    if (!answer) return tl::unexpected(answer.error());
    usage = answer->finish.usage;
  }
  if (test.prefill) return test.prompt * 1000.0 / usage.prefill_ms;
  return DecodeRate(streams);
}

/// What this machine does at most in a second, by all threads together.
struct MachineRates {
  double bytes = 0;     // read from memory, a buffer of the weights' size
  double integers = 0;  // multiply-adds of int8 codes
  double floats = 0;    // multiply-adds of float32
};

/// What one step of a test needs.
struct StepNeeds {
  double bytes = 0;
  double integers = 0;
  double floats = 0;
};

/// Prefill: the whole prompt. Decode: one token of every stream, half of the answer behind it.
StepNeeds NeedsOf(const providers::LocalModel& local, const Test& test, numerics::CacheType type) {
  const models::ModelConfig& config = local.config();
  const models::ModelWork& work = local.work();
  const double rows = test.prefill ? test.prompt : test.streams;
  const double logit_rows = test.prefill ? 1 : test.streams;
  double positions = test.prefill ? test.prompt / 2.0 : test.prompt + test.generate / 2.0;
  if (config.sliding_window > 0) positions = std::min<double>(positions, config.sliding_window);
  StepNeeds needs;
  needs.integers =
      rows * static_cast<double>(work.row) + logit_rows * static_cast<double>(work.logit_row);
  needs.floats = rows * positions * 2.0 * config.heads * config.head_dim * config.layers;
  // Of experts, only those that are used are read.
  const double used = std::min(1.0, needs.integers / static_cast<double>(work.weights));
  const double position_bytes =
      static_cast<double>(models::KvStorage::BlockBytes(config, type)) / models::kKvBlockPositions;
  needs.bytes = used * static_cast<double>(local.weight_bytes());
  if (!test.prefill) needs.bytes += rows * positions * position_bytes;
  return needs;
}

/// The ceiling: a step takes as long as reading its bytes or doing its multiply-adds, whichever is
/// more.
Json Roofline(const MachineRates& rates, const StepNeeds& needs, double tokens, double median) {
  const double memory = needs.bytes / rates.bytes;
  const double compute = needs.integers / rates.integers + needs.floats / rates.floats;
  const double ceiling = tokens / std::max(memory, compute);
  Json roofline;
  roofline["tokens_per_second"] = ceiling;
  roofline["reached"] = median / ceiling;
  roofline["bound"] = memory > compute ? "memory bandwidth" : "computation";
  roofline["bytes_per_second"] = rates.bytes;
  roofline["integer_multiply_adds_per_second"] = rates.integers;
  roofline["float_multiply_adds_per_second"] = rates.floats;
  return roofline;
}

Result<Json> Record(providers::LocalModel& local, const Test& test, const Options& options,
                    const MachineRates& machine) {
  std::vector<double> rates;
  for (int i = 0; i <= options.repeat; ++i) {
    const auto rate = MeasureOnce(local, test);
    if (!rate) return Fail(rate.error().code, test.name + ": " + rate.error().message);
    if (i > 0) rates.push_back(*rate);  // the first warms up
  }
  std::sort(rates.begin(), rates.end());
  const size_t middle = rates.size() / 2;
  Json speed;
  speed["min"] = rates.front();
  speed["median"] = rates.size() % 2 == 1 ? rates[middle] : (rates[middle - 1] + rates[middle]) / 2;
  speed["max"] = rates.back();
  const double median = speed["median"].get<double>();
  const double tokens = test.prefill ? test.prompt : test.streams;
  Json record;
  record["test"] = test.name;
  record["tokens_per_second"] = std::move(speed);
  record["roofline"] =
      Roofline(machine, NeedsOf(local, test, options.model.kv_type), tokens, median);
  return record;
}

Result<MachineRates> Measure(const providers::LocalModel& local) {
  ThreadTeam team(local.threads());
  MachineRates rates;
  const auto bytes = MeasureReadBandwidth(local.weight_bytes(), team);
  if (!bytes) return tl::unexpected(bytes.error());
  rates.bytes = *bytes;
  const numerics::Kernels& kernels = *numerics::ChooseKernels().kernels;  // the model runs on them
  rates.integers = MeasureIntegerRate(kernels, team);
  rates.floats = MeasureFloatRate(kernels, team);
  return rates;
}

Result<void> Bench(const Options& options) {
  const auto local = LoadLocalModel(options.model);
  if (!local) return tl::unexpected(local.error());
  (*local)->WaitForLargePages();
  const auto machine = Measure(**local);
  if (!machine) return tl::unexpected(machine.error());
  Json records = Json::array();
  for (const Test& test : Tests(options)) {
    auto record = Record(**local, test, options, *machine);
    if (!record) return tl::unexpected(record.error());
    if (!options.json) {
      const Json& speed = (*record)["tokens_per_second"];
      std::cout << test.name << "\t" << speed["median"].get<double>() << " tokens/s ("
                << speed["min"].get<double>() << " to " << speed["max"].get<double>() << "), "
                << std::lround(100 * (*record)["roofline"]["reached"].get<double>()) << "% of "
                << (*record)["roofline"]["tokens_per_second"].get<double>() << ", bound by "
                << (*record)["roofline"]["bound"].get<std::string>() << std::endl;
    }
    records.push_back(std::move(*record));
  }
  if (options.json) PrintJson(records);
  return {};
}

}  // namespace

void RegisterBench(CLI::App& app, CommandContext& context) {
  auto options = std::make_shared<Options>();
  options->model.step_budget_ms = kNoBudget;  // prompts first: streams then decode together
  options->model.prefix_cache = false;        // every run computes its whole prompt
  options->model.speculation = engine::Speculation::kOff;  // and every token of its answer
  CLI::App* command = app.add_subcommand("bench", "Measure how fast a model runs here");
  command->group(kModelsGroup);
  command->footer(
      "pp512: prefill of 512 tokens; tg128@2048: decode of 128 tokens after 2048; b16: 16 streams "
      "at once,\ntheir rates together. Lists are separated by commas.\n"
      "Example:\n  dure bench --threads 2 --prompt 32,512 --generate 128 --parallel 1,4,16");
  AddModelOptions(*command, options->model);
  const auto list = [command](const char* name, std::vector<int>& values, const char* help,
                              int least) {
    command->add_option(name, values, help)
        ->delimiter(',')
        ->check(CLI::Range(least, 1 << 24))
        ->capture_default_str();
  };
  list("--prompt", options->prompt, "Prompt lengths of the prefill tests, in tokens", 1);
  list("--generate", options->generate, "Tokens generated in the decode tests", 1);
  list("--depth", options->depth, "Tokens already in the context of the decode tests", 0);
  list("--parallel", options->parallel, "Numbers of streams at once", 1);
  command
      ->add_option("--repeat", options->repeat, "Measured runs of each test, after one to warm up")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  command->add_flag("--json", options->json, "Print JSON alone: one record for each test");
  command->callback([options, &context] { context.outcome = Bench(*options); });
}

}  // namespace dure
