// `dure bench`: tokens per second of prefill, decode, decode at depth and parallel decode, beside
// what memory allows.
#include <algorithm>
#include <chrono>
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
#include "main/memory_bandwidth.h"
#include "main/model_options.h"

namespace dure {
namespace {

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

/// The ceiling by memory: each step reads all weights once, and every stream's cached positions.
Json Roofline(const providers::LocalModel& local, const Test& test, double bandwidth) {
  Json roofline;
  if (test.prefill) {
    roofline["tokens_per_second"] = nullptr;
    roofline["bound"] = "computation; its ceiling is not measured here";
    return roofline;
  }
  const models::ModelConfig& config = local.config();
  const double position_bytes =
      2.0 * sizeof(uint16_t) * config.layers * config.kv_heads * config.head_dim;
  const double positions = test.prompt + test.generate / 2.0;
  const double step_bytes =
      static_cast<double>(local.weight_bytes()) + test.streams * positions * position_bytes;
  roofline["tokens_per_second"] = bandwidth / step_bytes * test.streams;
  roofline["bound"] = "memory bandwidth";
  roofline["bytes_per_second"] = bandwidth;
  return roofline;
}

Result<Json> Record(providers::LocalModel& local, const Test& test, int repeat, double bandwidth) {
  std::vector<double> rates;
  for (int i = 0; i <= repeat; ++i) {
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
  Json record;
  record["test"] = test.name;
  record["tokens_per_second"] = std::move(speed);
  record["roofline"] = Roofline(local, test, bandwidth);
  return record;
}

Result<double> Bandwidth(const providers::LocalModel& local) {
  ThreadTeam team(local.threads());
  return MeasureReadBandwidth(local.weight_bytes(), team);
}

Result<void> Bench(const Options& options) {
  const auto local = LoadLocalModel(options.model);
  if (!local) return tl::unexpected(local.error());
  (*local)->WaitForLargePages();
  const auto bandwidth = Bandwidth(**local);
  if (!bandwidth) return tl::unexpected(bandwidth.error());
  Json records = Json::array();
  for (const Test& test : Tests(options)) {
    auto record = Record(**local, test, options.repeat, *bandwidth);
    if (!record) return tl::unexpected(record.error());
    if (!options.json) {
      const Json& speed = (*record)["tokens_per_second"];
      std::cout << test.name << "\t" << speed["median"].get<double>() << " tokens/s ("
                << speed["min"].get<double>() << " to " << speed["max"].get<double>() << ")"
                << std::endl;
    }
    records.push_back(std::move(*record));
  }
  if (options.json) PrintJson(records);
  return {};
}

}  // namespace

void RegisterBench(CLI::App& app, CommandContext& context) {
  auto options = std::make_shared<Options>();
  options->model.prefix_cache = false;                     // every run computes its whole prompt
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
