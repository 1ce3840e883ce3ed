// What is added to every completion: a deadline for its start, and a line in the log when it fails.
#include "providers/watched_provider.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace dure::providers {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class EndSink : public ChatSink {
 public:
  void OnDelta(ChatDelta delta) override { text += delta.text; }
  void OnChoiceEnd(int, const ChoiceEnd&) override { ++choices; }
  void OnUsage(const ChatUsage& usage) override { tokens = usage.completion_tokens; }
  void OnEnd(const Result<ChatUsage>& usage) override { end = usage; }

  std::string text;
  int choices = 0;
  int tokens = 0;
  std::optional<Result<ChatUsage>> end;
};

/// Keeps what it is asked for, and ends embeddings with an error.
class KeepingProvider : public Provider {
 public:
  std::vector<ModelInfo> models() const override {
    ModelInfo model;
    model.id = "kept";
    return {model};
  }
  std::vector<ModelStats> stats() const override { return {{.id = "kept"}}; }
  Result<std::shared_ptr<Completion>> Complete(const ChatRequest& request,
                                               std::shared_ptr<ChatSink> chat_sink) override {
    deadline = request.queue_deadline;
    sink = std::move(chat_sink);
    if (refusal) return tl::unexpected(*refusal);
    return nullptr;
  }
  Result<std::shared_ptr<Completion>> CompleteText(const TextRequest& request,
                                                   std::shared_ptr<ChatSink> text_sink) override {
    deadline = request.queue_deadline;
    sink = std::move(text_sink);
    return nullptr;
  }
  Result<std::shared_ptr<Completion>> Embed(const EmbeddingRequest&,
                                            std::function<void(Result<Embeddings>)> done) override {
    done(Fail(ErrorCode::kIo, "disk"));
    return nullptr;
  }
  void WithText(const std::string&,
                std::function<void(Result<std::shared_ptr<const ModelText>>)> ready) override {
    ready(Fail(ErrorCode::kInternal, "text"));
  }

  std::optional<std::chrono::steady_clock::time_point> deadline;
  std::optional<Error> refusal;
  std::shared_ptr<ChatSink> sink;
};

class WatchedProviderTest : public testing::Test {
 protected:
  WatchedProvider Watch(std::chrono::milliseconds queue_time) {
    return {inner_, {queue_time, [this](const std::string& line) { log_.push_back(line); }}};
  }

  KeepingProvider inner_;
  std::vector<std::string> log_;
  std::shared_ptr<EndSink> sink_ = std::make_shared<EndSink>();
};

TEST_F(WatchedProviderTest, GivesRequestsADeadlineForTheirStart) {
  WatchedProvider watched = Watch(std::chrono::hours(1));
  const auto before = std::chrono::steady_clock::now();
  ASSERT_TRUE(watched.Complete({}, sink_));
  ASSERT_TRUE(inner_.deadline);
  EXPECT_GE(*inner_.deadline, before + std::chrono::hours(1));
  inner_.deadline.reset();
  ASSERT_TRUE(watched.CompleteText({}, sink_));
  ASSERT_TRUE(inner_.deadline);
  ChatRequest own;
  own.queue_deadline = before;
  ASSERT_TRUE(watched.Complete(own, sink_));
  EXPECT_EQ(inner_.deadline, before);
  WatchedProvider unlimited = Watch(std::chrono::milliseconds(0));
  ASSERT_TRUE(unlimited.Complete({}, sink_));
  EXPECT_FALSE(inner_.deadline);
}

TEST_F(WatchedProviderTest, PassesEverythingOn) {
  WatchedProvider watched = Watch(std::chrono::hours(1));
  EXPECT_EQ(watched.models().front().id, "kept");
  EXPECT_EQ(watched.stats().front().id, "kept");
  ASSERT_TRUE(watched.Complete({}, sink_));
  inner_.sink->OnDelta({0, "text", {}, {}, {}});
  inner_.sink->OnChoiceEnd(0, {});
  inner_.sink->OnUsage({1, 0, 2});
  inner_.sink->OnEnd(ChatUsage{1, 0, 2});
  EXPECT_EQ(sink_->text, "text");
  EXPECT_EQ(sink_->choices, 1);
  EXPECT_EQ(sink_->tokens, 2);
  ASSERT_TRUE(sink_->end);
  EXPECT_TRUE(*sink_->end);
  EXPECT_THAT(log_, ElementsAre());
}

TEST_F(WatchedProviderTest, LogsWhatIsTheServersOwnFault) {
  WatchedProvider watched = Watch(std::chrono::hours(1));
  ChatRequest chat;
  chat.request_id = "req_1";
  chat.model = "kept";
  inner_.refusal = Error{ErrorCode::kInvalidArgument, "top_k"};
  EXPECT_FALSE(watched.Complete(chat, sink_));
  EXPECT_THAT(log_, ElementsAre());
  inner_.refusal = Error{ErrorCode::kCorrupt, "at the start"};
  EXPECT_FALSE(watched.Complete(chat, sink_));
  inner_.sink->OnEnd(Fail(ErrorCode::kInternal, "later"));
  EmbeddingRequest embedding;
  embedding.request_id = "req_2";
  ASSERT_TRUE(watched.Embed(embedding, [](const Result<Embeddings>& end) { EXPECT_FALSE(end); }));
  watched.WithText("kept", [](const auto& text) { EXPECT_FALSE(text); });
  EXPECT_THAT(log_, ElementsAre(AllOf(HasSubstr("req_1"), HasSubstr("at the start")),
                                AllOf(HasSubstr("req_1"), HasSubstr("later")),
                                AllOf(HasSubstr("req_2"), HasSubstr("disk")), HasSubstr("text")));
}

}  // namespace
}  // namespace dure::providers
