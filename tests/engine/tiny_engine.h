// An engine over a tiny model with random weights, loaded from a real file.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "base/thread_team.h"
#include "engine/engine.h"
#include "formats/gguf.h"
#include "models/registry.h"
#include "tests/engine/recording_sink.h"
#include "tests/models/tiny_model.h"
#include "text/tokenizer.h"

namespace dure::engine::testing {

struct TinyEngine {
  std::unique_ptr<ThreadTeam> team;  // outlives the engine
  std::unique_ptr<Engine> engine;

  Engine* operator->() const { return engine.get(); }
};

/// options.kernels are the model's too.
inline TinyEngine MakeTinyEngine(const std::string& path, int threads, EngineOptions options = {}) {
  TinyEngine tiny;
  const auto file = formats::GgufFile::Open(path);
  EXPECT_TRUE(file) << file.error().message;
  auto tokenizer = text::Tokenizer::FromGguf(**file);
  EXPECT_TRUE(tokenizer) << tokenizer.error().message;
  tiny.team = std::make_unique<ThreadTeam>(threads);
  models::LoadOptions load;
  load.team = tiny.team.get();
  load.kernels = options.kernels;
  auto model = models::LoadModel(**file, load);
  EXPECT_TRUE(model) << model.error().message;
  options.team = tiny.team.get();
  auto engine = Engine::Create(*std::move(model), *std::move(tokenizer), options);
  EXPECT_TRUE(engine) << engine.error().message;
  tiny.engine = *std::move(engine);
  return tiny;
}

/// The file lives as long as the test program.
inline const std::string& TinyModelPath() {
  struct File {
    std::string path = models::testing::WriteTinyModel(
        {.layers = 2, .width = 64, .head_dim = 16, .ff_width = 128, .context = 256});
    ~File() { std::filesystem::remove(path); }
  };
  static const File file;
  return file.path;
}

inline std::vector<TokenId> RandomTokens(int count, uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<TokenId> tokens(static_cast<size_t>(count));
  for (TokenId& token : tokens) token = static_cast<TokenId>(random() % 256);
  return tokens;
}

inline std::shared_ptr<RecordingSink> Start(Engine& engine, GenerateRequest request,
                                            RequestId* id = nullptr) {
  auto sink = std::make_shared<RecordingSink>();
  const auto submitted = engine.Submit(std::move(request), sink);
  EXPECT_TRUE(submitted) << submitted.error().message;
  if (submitted && id != nullptr) *id = *submitted;
  return sink;
}

}  // namespace dure::engine::testing
