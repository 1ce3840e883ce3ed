// Along recorded greedy continuations of three real models: how far our logits are from those of
// the same weights dequantised to float32. The limits are llama.cpp's own distance from them, with
// a margin.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/thread_team.h"
#include "engine/engine.h"
#include "formats/gguf.h"
#include "formats/model_folder.h"
#include "models/registry.h"
#include "tests/engine/recording_sink.h"
#include "text/tokenizer.h"

namespace dure::engine {
namespace {

using Json = nlohmann::json;

struct Golden {
  const char* name;
  const char* model;
  double argmax_agreement;      // at least, percent
  double median_top5_distance;  // at most, in natural-log probability
};

constexpr Golden kGoldens[] = {
    {"smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf", 97.3 - 1.5, 0.063 * 1.15},
    {"gemma3", "gemma3-270m-q4_k_m.gguf", 97.5 - 1.5, 0.070 * 1.15},
    {"qwen2", "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf", 98.5 - 1.5, 0.036 * 1.15},
};

// More than five, so that a token of the recorded five that ranks lower here is still found.
constexpr int kTopLogprobs = 64;

struct Distance {
  int steps = 0;
  int agreeing = 0;
  std::vector<double> top5;  // of every recorded top-five entry

  double agreement() const { return 100.0 * agreeing / steps; }
  double median() {
    std::nth_element(top5.begin(), top5.begin() + static_cast<ptrdiff_t>(top5.size() / 2),
                     top5.end());
    return top5[top5.size() / 2];
  }
};

void Add(const std::vector<TokenEvent>& events, const Json& rows, Distance& distance) {
  ASSERT_EQ(events.size(), rows.size());
  for (size_t i = 0; i < events.size(); ++i) {
    const Json& recorded = rows[i]["top"];
    const std::vector<TokenLogprob>& top = events[i].top;
    ++distance.steps;
    if (top.front().id == recorded[0][0].get<TokenId>()) ++distance.agreeing;
    for (const Json& entry : recorded) {
      const auto found = std::find_if(top.begin(), top.end(), [&](const TokenLogprob& ours) {
        return ours.id == entry[0].get<TokenId>();
      });
      // One that is not even among ours is at least as far as the last of them.
      const float ours = found != top.end() ? found->logprob : top.back().logprob;
      distance.top5.push_back(std::abs(ours - entry[1].get<double>()));
    }
  }
}

class GreedyGoldens : public ::testing::TestWithParam<Golden> {};

TEST_P(GreedyGoldens, DistanceFromFloat32IsThatOfThePeer) {
  const auto folder = formats::DefaultModelFolder();
  ASSERT_TRUE(folder);
  const std::string path = *folder + "/" + GetParam().model;
  if (!std::filesystem::exists(path)) GTEST_SKIP() << "needs the model file " << path;
  const auto file = formats::GgufFile::Open(path);
  ASSERT_TRUE(file) << file.error().message;
  auto tokenizer = text::Tokenizer::FromGguf(**file);
  ASSERT_TRUE(tokenizer) << tokenizer.error().message;
  ThreadTeam team(AvailableCores());
  models::LoadOptions load;
  load.team = &team;
  auto model = models::LoadModel(**file, load);
  ASSERT_TRUE(model) << model.error().message;
  EngineOptions options;
  options.team = &team;
  auto engine = Engine::Create(*std::move(model), *std::move(tokenizer), options);
  ASSERT_TRUE(engine) << engine.error().message;

  std::ifstream in(std::string(DURE_TEST_DATA) + "/goldens/greedy_" + GetParam().name + ".json");
  const Json golden = Json::parse(in, nullptr, false);
  ASSERT_FALSE(golden.is_discarded());
  std::vector<std::pair<const Json*, std::shared_ptr<testing::RecordingSink>>> running;
  for (const Json& entry : golden["cases"]) {
    GenerateRequest request;
    request.prompt = entry["prompt_ids"].get<std::vector<TokenId>>();
    request.forced = entry["output_ids"].get<std::vector<TokenId>>();
    request.top_logprobs = kTopLogprobs;
    running.emplace_back(&entry, std::make_shared<testing::RecordingSink>());
    ASSERT_TRUE((*engine)->Submit(std::move(request), running.back().second));
  }
  Distance distance;
  for (const auto& [entry, sink] : running) {
    ASSERT_EQ(sink->WaitForFinish().reason, FinishReason::kLength);
    Add(sink->events(), (*entry)["f32"], distance);
  }
  const double median = distance.median();
  std::printf("%s: argmax agreement %.1f%%, median top-five distance %.4f over %d steps\n",
              GetParam().name, distance.agreement(), median, distance.steps);
  EXPECT_GE(distance.agreement(), GetParam().argmax_agreement);
  EXPECT_LE(median, GetParam().median_top5_distance);
}

INSTANTIATE_TEST_SUITE_P(Models, GreedyGoldens, ::testing::ValuesIn(kGoldens),
                         [](const auto& golden) { return std::string(golden.param.name); });

}  // namespace
}  // namespace dure::engine
