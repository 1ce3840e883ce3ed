#include "providers/model_pool.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <future>
#include <string>
#include <thread>
#include <vector>

#include "providers/local_provider.h"
#include "tests/models/tiny_model.h"

namespace dure::providers {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using UseResult = ModelPool::UseResult;

/// Three small model files in a folder of their own, and one that is none.
class PoolTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() / ("dure_pool_" + std::to_string(::getpid()));
    std::filesystem::create_directory(folder_);
    for (unsigned seed = 1; seed <= 3; ++seed) {
      models::testing::TinyShape shape = {
          .layers = 1, .width = 64, .head_dim = 16, .ff_width = 64, .context = 256, .seed = seed};
      shape.settings = [](formats::GgufWriter* writer) {
        writer->SetString("tokenizer.chat_template",
                          "{% for m in messages %}{{ m.content }}{% endfor %}");
      };
      const std::string written = models::testing::WriteTinyModel(shape);
      ASSERT_FALSE(written.empty());
      std::filesystem::rename(written, Path(std::to_string(seed)));
    }
    std::ofstream(Path("bad")) << "no model at all";
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string Path(const std::string& id) const { return (folder_ / (id + ".gguf")).string(); }

  ModelPoolOptions Options(std::vector<PooledModel> models) const {
    ModelPoolOptions options;
    options.models = std::move(models);
    options.load.threads = 1;
    options.load.engine.kv_bytes = 1 << 20;
    return options;
  }
  /// Started, with everything preloaded.
  static Result<void> Start(ModelPool& pool) {
    std::promise<Result<void>> loaded;
    pool.Start([&](Result<void> result) { loaded.set_value(std::move(result)); });
    return loaded.get_future().get();
  }
  static std::future<UseResult> Ask(ModelPool& pool, const std::string& id) {
    auto promise = std::make_shared<std::promise<UseResult>>();
    pool.Get(id, [promise](UseResult use) { promise->set_value(std::move(use)); });
    return promise->get_future();
  }
  static bool InMemory(const ModelPool& pool, size_t index) {
    return pool.infos()[index].state == ModelState::kReady;
  }

  std::filesystem::path folder_;
};

TEST_F(PoolTest, PreloadsWhatItShallAndTheRestAtItsFirstUse) {
  ModelPool pool(Options({{Path("1"), true, false}, {Path("2"), true}, {Path("3"), false}}));
  ASSERT_TRUE(Start(pool));
  EXPECT_TRUE(InMemory(pool, 0));
  EXPECT_TRUE(InMemory(pool, 1));
  EXPECT_EQ(pool.infos()[2].state, ModelState::kUnloaded);
  EXPECT_EQ(*pool.TryGet("3"), nullptr);
  const UseResult use = Ask(pool, "3").get();
  ASSERT_TRUE(use) << use.error().message;
  EXPECT_EQ((*use)->model().id(), "3");
  EXPECT_TRUE(InMemory(pool, 2));
  EXPECT_EQ(pool.infos()[2].bytes_loaded, pool.infos()[2].bytes_total);
  EXPECT_GT(pool.infos()[2].bytes_total, 0u);
  EXPECT_EQ(pool.infos()[2].context_length, 256);
}

TEST_F(PoolTest, ManyWhoWaitGetOneLoad) {
  ModelPool pool(Options({{Path("1"), true}, {Path("2"), false}}));
  ASSERT_TRUE(Start(pool));
  std::vector<std::future<UseResult>> waiting;
  for (int i = 0; i < 8; ++i) waiting.push_back(Ask(pool, "2"));
  for (auto& one : waiting) EXPECT_TRUE(one.get());
  EXPECT_EQ(pool.loads(), 2u);
}

TEST_F(PoolTest, TheBudgetIsKeptByUnloadingWhatWasUnusedForLongest) {
  uint64_t one = 0;
  {
    ModelPool pool(Options({{Path("1"), true}}));
    ASSERT_TRUE(Start(pool));
    one = pool.memory_used();
  }
  ASSERT_GT(one, uint64_t{1} << 20);
  ModelPoolOptions options = Options({{Path("1"), true}, {Path("2"), true}, {Path("3"), true}});
  options.memory_budget = 2 * one + one / 2;
  ModelPool pool(options);
  ASSERT_TRUE(Start(pool));
  EXPECT_EQ(pool.infos()[2].state, ModelState::kUnloaded);  // has no room at the start
  EXPECT_TRUE(Ask(pool, "1").get());
  EXPECT_TRUE(Ask(pool, "3").get());
  EXPECT_TRUE(InMemory(pool, 0));
  EXPECT_FALSE(InMemory(pool, 1));
  EXPECT_TRUE(InMemory(pool, 2));
  EXPECT_LE(pool.memory_used(), options.memory_budget);
}

TEST_F(PoolTest, WhatIsInUseStaysAndOthersWaitForIt) {
  uint64_t one = 0;
  {
    ModelPool pool(Options({{Path("1"), true}}));
    ASSERT_TRUE(Start(pool));
    one = pool.memory_used();
  }
  ModelPoolOptions options = Options({{Path("1"), true}, {Path("2"), false}});
  options.memory_budget = one + one / 2;
  ModelPool pool(options);
  ASSERT_TRUE(Start(pool));
  UseResult first = Ask(pool, "1").get();
  std::future<UseResult> second = Ask(pool, "2");
  EXPECT_EQ(second.wait_for(std::chrono::milliseconds(50)), std::future_status::timeout);
  EXPECT_TRUE(InMemory(pool, 0));
  *first = nullptr;
  EXPECT_TRUE(second.get());
  EXPECT_FALSE(InMemory(pool, 0));
}

TEST_F(PoolTest, AModelLargerThanTheBudgetIsRefusedWithTheNumbers) {
  ModelPoolOptions options = Options({{Path("1"), true}, {Path("2"), false}});
  options.memory_budget = 1000;
  ModelPool pool(options);
  ASSERT_TRUE(Start(pool));  // the first is loaded in any case
  const UseResult use = Ask(pool, "2").get();
  ASSERT_FALSE(use);
  EXPECT_EQ(use.error().code, ErrorCode::kResourceExhausted);
  EXPECT_THAT(use.error().message, HasSubstr("MiB"));
}

TEST_F(PoolTest, IdleModelsLeaveMemoryButNotTheFirst) {
  ModelPoolOptions options = Options({{Path("1"), true, false}, {Path("2"), true}});
  options.unload_after = std::chrono::milliseconds(1);
  ModelPool pool(options);
  ASSERT_TRUE(Start(pool));
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (InMemory(pool, 1) && std::chrono::steady_clock::now() < end) std::this_thread::yield();
  EXPECT_FALSE(InMemory(pool, 1));
  EXPECT_TRUE(InMemory(pool, 0));
  EXPECT_TRUE(Ask(pool, "2").get());
}

TEST_F(PoolTest, ErrorsReachWhoeverWaits) {
  ModelPool pool(Options({{Path("1"), true}, {Path("bad"), false}}));
  ASSERT_TRUE(Start(pool));
  EXPECT_EQ(Ask(pool, "none").get().error().code, ErrorCode::kNotFound);
  EXPECT_FALSE(Ask(pool, "bad").get());
  EXPECT_EQ(pool.infos()[1].state, ModelState::kUnloaded);
  EXPECT_THAT(pool.infos()[1].error, HasSubstr("bad.gguf"));
  EXPECT_THAT(pool.infos()[1].error, Not(HasSubstr(folder_.string())));
  const Error again = Ask(pool, "bad").get().error();  // tried again
  EXPECT_EQ(again.code, ErrorCode::kCorrupt);
  EXPECT_THAT(again.message, Not(HasSubstr(folder_.string())));
  EXPECT_EQ(pool.infos()[1].loads, 2u);

  ModelPool broken(Options({{Path("bad"), true}, {Path("1"), true}}));
  EXPECT_FALSE(Start(broken));
  EXPECT_EQ(broken.infos()[0].state, ModelState::kFailed);
  EXPECT_EQ(Ask(broken, "bad").get().error().code, ErrorCode::kCorrupt);
}

class WaitingSink : public ChatSink {
 public:
  void OnDelta(ChatDelta) override {}
  void OnChoiceEnd(int, const ChoiceEnd&) override {}
  void OnEnd(const Result<ChatUsage>& usage) override { end_.set_value(usage); }
  Result<ChatUsage> Wait() { return end_.get_future().get(); }

 private:
  std::promise<Result<ChatUsage>> end_;
};

TEST_F(PoolTest, AChatLoadsItsModel) {
  LocalProviderOptions options;
  options.models = {{Path("1"), true}, {Path("2"), false}, {Path("bad"), false}};
  options.threads = 1;
  options.random_seed = [] { return uint64_t{1}; };
  options.unix_time = [] { return int64_t{0}; };
  LocalProvider provider(options);
  std::promise<Result<void>> loaded;
  provider.StartLoading([&](Result<void> result) { loaded.set_value(std::move(result)); });
  ASSERT_TRUE(loaded.get_future().get());
  ChatRequest request;
  request.messages.emplace_back().content = "hello";
  request.max_tokens = 5;
  request.model = "2";
  const auto sink = std::make_shared<WaitingSink>();
  ASSERT_TRUE(provider.Complete(request, sink));
  const auto usage = sink->Wait();
  ASSERT_TRUE(usage) << usage.error().message;
  EXPECT_GT(usage->completion_tokens, 0);

  request.model = "bad";
  const auto failing = std::make_shared<WaitingSink>();
  ASSERT_TRUE(provider.Complete(request, failing));
  EXPECT_FALSE(failing->Wait());
}

}  // namespace
}  // namespace dure::providers
