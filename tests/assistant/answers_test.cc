// Answers run to their end whoever listens, and go on where a crash cut them off.
#include "assistant/answers.h"

#include <future>

#include "tests/api/scripted_provider.h"
#include "tests/store/store_fixture.h"

namespace dure::assistant {
namespace {

using providers::FinishReason;

class AnswersTest : public store::StoreFixture {
 protected:
  void SetUp() override {
    Open();
    account_ = AddAccount("a").id;
    store::Conversation conversation;
    conversation.id = "c";
    conversation.account_id = account_;
    ASSERT_TRUE(store_->conversations().Create(conversation));
    Add("q", "", "user", "complete", "What is two and two?");
    Add("m", "q", "assistant", "running", "");
    Restart();
  }
  void Add(const std::string& id, const std::string& parent, const std::string& role,
           const std::string& status, const std::string& text) {
    store::Message message;
    message.id = id;
    message.conversation_id = "c";
    message.parent_id = parent;
    message.role = role;
    message.status = status;
    message.content = text;
    ASSERT_TRUE(store_->conversations().Add(account_, {message}, 1));
  }
  /// As after a crash: what the last server held in memory is lost.
  void Restart() {
    answers_.reset();
    Reopen();
    answers_ = std::make_unique<Answers>(
        provider_, *store_, [] { return int64_t{5000}; }, [](const std::string&) {});
  }
  test::ScriptedProvider::Call Start() {
    AnswerOrder order;
    order.account_id = account_;
    order.message_id = "m";
    order.conversation_id = "c";
    order.parent_id = "q";
    order.model = "model";
    order.instructions = "Be brief.";
    order.sampling = {{"temperature", 0.5}};
    EXPECT_TRUE(answers_->Start(order));
    return provider_.Next();
  }
  static void Tell(const test::ScriptedProvider::Call& call, const std::string& text,
                   std::vector<int32_t> ids) {
    providers::ChatDelta delta;
    delta.text = text;
    delta.token_ids = std::move(ids);
    call.sink->OnDelta(std::move(delta));
  }
  static void Finish(const test::ScriptedProvider::Call& call) {
    call.sink->OnChoiceEnd(0, {FinishReason::kStop, {}});
    call.sink->OnEnd(providers::ChatUsage{7, 0, 4});
  }
  /// All events behind `after` up to the end.
  static std::vector<GenerationEvent> ReadToEnd(Generation& generation, int64_t after = 0) {
    std::vector<GenerationEvent> all;
    for (bool closed = false; !closed;) {
      auto woken = std::make_shared<std::promise<void>>();
      const auto events = generation.Read(after, closed, [woken] { woken->set_value(); });
      all.insert(all.end(), events.begin(), events.end());
      if (!events.empty()) after = events.back().id;
      if (events.empty() && !closed) woken->get_future().wait();
    }
    return all;
  }
  static std::string TextOf(const std::vector<GenerationEvent>& events) {
    std::string text;
    for (const GenerationEvent& event : events) {
      if (event.type == "text") text += providers::Json::parse(event.data)["text"];
    }
    return text;
  }

  std::string account_;
  test::ScriptedProvider provider_;
  std::unique_ptr<Answers> answers_;
};

TEST_F(AnswersTest, IsStoredWithoutAnyReaderAndReadFromAnyPlace) {
  const auto call = Start();
  EXPECT_EQ(call.request.messages.size(), 2u);
  EXPECT_EQ(call.request.messages[0].content, "Be brief.");
  EXPECT_EQ(call.request.sampling.temperature, 0.5f);
  const auto generation = answers_->Find("m");
  Tell(call, "It is ", {1, 2});
  Tell(call, "four.", {3});
  Finish(call);
  const auto events = ReadToEnd(*generation);
  ASSERT_EQ(events.size(), 4u);
  EXPECT_EQ(events[0].type, "start");
  EXPECT_EQ(TextOf(events), "It is four.");
  EXPECT_EQ(events[3].type, "end");
  for (size_t i = 0; i < events.size(); ++i) EXPECT_EQ(events[i].id, static_cast<int64_t>(i + 1));
  EXPECT_EQ(TextOf(ReadToEnd(*generation, 2)), "four.") << "nothing lost, nothing twice";
  const auto message = *store_->conversations().FindMessage(account_, "m");
  EXPECT_EQ(message->content, "It is four.");
  EXPECT_EQ(message->status, "complete");
  EXPECT_EQ((*store_->conversations().Find(account_, "c"))->title, "What is two and two?");
  EXPECT_FALSE(*store_->events().Find("", "m")) << "the message says it all";
  EXPECT_EQ(answers_->Find("m"), nullptr);
}

TEST_F(AnswersTest, GoesOnAfterACrashWithItsSeedAndItsTokens) {
  const auto before = Start();
  Tell(before, "It is ", {1, 2});
  Restart();
  ASSERT_TRUE(answers_->Resume());
  const auto call = provider_.Next();
  EXPECT_EQ(call.request.continued, (std::vector<int32_t>{1, 2}));
  EXPECT_EQ(call.request.sampling.seed, before.request.sampling.seed);
  EXPECT_EQ(call.request.unix_time, before.request.unix_time);
  EXPECT_EQ(call.request.messages[1].content, before.request.messages[1].content);
  const auto generation = answers_->Find("m");
  // The model tells again what it is given, cut into other pieces.
  Tell(call, "It", {1});
  Tell(call, " is four.", {2, 3});
  Finish(call);
  const auto events = ReadToEnd(*generation);
  EXPECT_EQ(TextOf(events), "It is four.");
  EXPECT_EQ(events.size(), 4u);
  EXPECT_EQ((*store_->conversations().FindMessage(account_, "m"))->content, "It is four.");
}

TEST_F(AnswersTest, StopKeepsWhatThereIs) {
  const auto call = Start();
  Tell(call, "It is", {1});
  const auto generation = answers_->Find("m");
  generation->Stop();
  ASSERT_TRUE(provider_.WaitForCancel());
  call.sink->OnEnd(Fail(ErrorCode::kCancelled, "cancelled"));
  const auto events = ReadToEnd(*generation);
  EXPECT_NE(events.back().data.find("\"stopped\""), std::string::npos);
  const auto message = *store_->conversations().FindMessage(account_, "m");
  EXPECT_EQ(message->status, "stopped");
  EXPECT_EQ(message->content, "It is");
}

TEST_F(AnswersTest, AModelThatRefusesFailsTheAnswer) {
  provider_.Refuse({ErrorCode::kContextLengthExceeded, "too long"});
  AnswerOrder order;
  order.account_id = account_;
  order.message_id = "m";
  order.conversation_id = "c";
  order.parent_id = "q";
  ASSERT_TRUE(answers_->Start(order));
  for (;;) {
    const auto generation = answers_->Find("m");
    if (!generation) break;
    ReadToEnd(*generation);
  }
  EXPECT_EQ((*store_->conversations().FindMessage(account_, "m"))->status, "failed");
}

TEST_F(AnswersTest, SamplingIsChecked) {
  providers::CompletionOptions options;
  EXPECT_TRUE(ReadSampling({{"top_k", 5}, {"seed", nullptr}}, options));
  EXPECT_FALSE(ReadSampling({{"temperature", 3}}, options));
  EXPECT_FALSE(ReadSampling({{"top_k", 1.5}}, options));
  EXPECT_FALSE(ReadSampling({{"temprature", 1}}, options));
}

}  // namespace
}  // namespace dure::assistant
