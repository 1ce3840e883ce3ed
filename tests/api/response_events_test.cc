// The events of a response: which, in which order, and what they add up to.
#include "api/responses/response_events.h"

#include <gtest/gtest.h>

namespace dure::api {
namespace {

using providers::ChatDelta;
using providers::ChatUsage;
using providers::FinishReason;

class ResponseEventsTest : public testing::Test {
 protected:
  ResponseEvents Make(bool background = false, bool with_logprobs = false) {
    return ResponseEvents({"resp_1", 100, Json{{"model", "m"}, {"background", background}},
                           background, with_logprobs, [this] { return std::to_string(++ids_); },
                           [] { return int64_t{200}; }});
  }
  std::vector<std::string> Drain(ResponseEvents& events) {
    std::vector<std::string> names;
    while (auto event = events.Next()) {
      EXPECT_EQ((*event)["sequence_number"], all_.size());
      EXPECT_EQ(event->begin().key(), "type") << "it names the event of the stream";
      names.push_back((*event)["type"]);
      all_.push_back(std::move(*event));
    }
    return names;
  }
  static ChatDelta Text(const std::string& text) { return {0, text, {}, {}, {}}; }
  static ChatDelta Thought(const std::string& text) { return {0, "", {}, text, {}}; }
  static ChatDelta Call(int index, const std::string& id, const std::string& arguments) {
    return {0, "", {}, {}, {{index, id, id.empty() ? "" : "f", arguments}}};
  }

  int ids_ = 0;
  std::vector<Json> all_;
};

using Names = std::vector<std::string>;

TEST_F(ResponseEventsTest, TextComesInOrder) {
  auto events = Make();
  EXPECT_EQ(Drain(events), (Names{"response.created", "response.in_progress"}));
  events.Add(Text("Hel"));
  EXPECT_EQ(Drain(events), (Names{"response.output_item.added", "response.content_part.added",
                                  "response.output_text.delta"}));
  events.Add(Text("l"));
  events.Add(Text("o"));
  EXPECT_EQ(Drain(events), (Names{"response.output_text.delta"})) << "two in one";
  EXPECT_EQ(all_.back()["delta"], "lo");
  EXPECT_EQ(all_.back()["logprobs"], Json::array());
  EXPECT_EQ(events.Response()["status"], "in_progress");
  events.EndChoice({FinishReason::kStop, {}});
  events.Complete(ChatUsage{5, 2, 3});
  EXPECT_EQ(Drain(events), (Names{"response.output_text.done", "response.content_part.done",
                                  "response.output_item.done", "response.completed"}));
  const Json response = all_.back()["response"];
  EXPECT_EQ(response, events.Response());
  EXPECT_EQ(response["status"], "completed");
  EXPECT_EQ(response["completed_at"], 200);
  EXPECT_EQ(response["model"], "m");
  EXPECT_EQ(response["output"][0]["content"][0]["text"], "Hello");
  EXPECT_EQ(response["output"][0]["status"], "completed");
  EXPECT_EQ(response["output"][0], all_[all_.size() - 2]["item"]);
  EXPECT_EQ(response["usage"]["total_tokens"], 8);
  EXPECT_EQ(response["usage"]["input_tokens_details"]["cached_tokens"], 2);
  EXPECT_EQ(all_[0]["response"]["output"], Json::array());
  EXPECT_EQ(all_[2]["item"]["status"], "in_progress");
  EXPECT_EQ(all_[2]["item"]["content"], Json::array());
  events.Add(Text("late"));
  EXPECT_TRUE(Drain(events).empty());
}

TEST_F(ResponseEventsTest, ThoughtsTextAndCallsAreItemsOfTheirOwn) {
  auto events = Make();
  events.Add(Thought("hm"));
  events.Add(Text("I look."));
  events.Add(Call(0, "call_a", "{\"x\":"));
  events.Add(Call(0, "", "1}"));
  (void)Drain(events);
  events.Add(Call(1, "call_b", "{}"));
  events.EndChoice({FinishReason::kToolCalls, {}});
  events.Complete(ChatUsage{1, 0, 9});
  (void)Drain(events);
  Names names;
  for (const Json& event : all_) names.push_back(event["type"]);
  EXPECT_EQ(names, (Names{"response.created",
                          "response.in_progress",
                          "response.output_item.added",
                          "response.content_part.added",
                          "response.reasoning_text.delta",
                          "response.reasoning_text.done",
                          "response.content_part.done",
                          "response.output_item.done",
                          "response.output_item.added",
                          "response.content_part.added",
                          "response.output_text.delta",
                          "response.output_text.done",
                          "response.content_part.done",
                          "response.output_item.done",
                          "response.output_item.added",
                          "response.function_call_arguments.delta",
                          "response.function_call_arguments.done",
                          "response.output_item.done",
                          "response.output_item.added",
                          "response.function_call_arguments.delta",
                          "response.function_call_arguments.done",
                          "response.output_item.done",
                          "response.completed"}));
  const Json output = events.Response()["output"];
  ASSERT_EQ(output.size(), 4u);
  EXPECT_EQ(output[0]["type"], "reasoning");
  EXPECT_EQ(output[0]["content"][0]["text"], "hm");
  EXPECT_EQ(output[2]["call_id"], "call_a");
  EXPECT_EQ(output[2]["arguments"], "{\"x\":1}");
  EXPECT_EQ(output[3]["name"], "f");
  EXPECT_EQ(FoldEvents({all_.begin(), all_.end() - 1})["output"], output);
}

TEST_F(ResponseEventsTest, HowItMayEnd) {
  struct Case {
    std::function<void(ResponseEvents&)> end;
    std::string event;
    std::string status;
    std::string item;
  };
  const Case cases[] = {
      {[](ResponseEvents& e) {
         e.EndChoice({FinishReason::kLength, {}});
         e.Complete({1, 0, 2});
       },
       "response.incomplete", "incomplete", "incomplete"},
      {[](ResponseEvents& e) { e.Fail({"server_busy", "the model left", ""}, {1, 0, 1}); },
       "response.failed", "failed", "incomplete"},
      {[](ResponseEvents& e) { e.Cancel(); }, "response.incomplete", "cancelled", "incomplete"},
  };
  for (const Case& c : cases) {
    all_.clear();
    auto events = Make();
    events.Add(Text("part"));
    (void)Drain(events);
    c.end(events);
    EXPECT_EQ(Drain(events).back(), c.event);
    const Json response = events.Response();
    EXPECT_EQ(response["status"], c.status);
    EXPECT_EQ(response["output"][0]["status"], c.item);
    EXPECT_EQ(response["output"][0]["content"][0]["text"], "part");
    EXPECT_TRUE(response["completed_at"].is_null());
    EXPECT_EQ(response["error"].is_null(), c.status != "failed");
    EXPECT_EQ(response["incomplete_details"].is_null(), c.status != "incomplete");
  }
}

TEST_F(ResponseEventsTest, InTheBackgroundItIsQueuedFirst) {
  auto events = Make(true);
  EXPECT_EQ(Drain(events), (Names{"response.created", "response.queued"}));
  EXPECT_EQ(events.Response()["status"], "queued");
  events.Add(Text("x"));
  EXPECT_EQ(Drain(events).front(), "response.in_progress");
  EXPECT_EQ(events.Response()["status"], "in_progress");
}

TEST_F(ResponseEventsTest, SilenceIsAnEmptyMessage) {
  auto events = Make();
  events.EndChoice({FinishReason::kStop, {}});
  events.Complete({1, 0, 1});
  EXPECT_EQ(Drain(events).back(), "response.completed");
  EXPECT_EQ(events.Response()["output"][0]["content"][0]["text"], "");
}

TEST_F(ResponseEventsTest, LogprobsTravelWithTheirText) {
  auto events = Make(false, true);
  events.Add({0, "a", {{{"a", -0.5f}, {}}}, {}, {}});
  (void)Drain(events);
  EXPECT_EQ(all_.back()["logprobs"][0]["token"], "a");
  events.Add({0, "b", {{{"b", -1.0f}, {}}}, {}, {}});
  events.EndChoice({FinishReason::kStop, {}});
  events.Complete({1, 0, 2});
  (void)Drain(events);
  EXPECT_EQ(events.Response()["output"][0]["content"][0]["logprobs"].size(), 2u);
}

TEST_F(ResponseEventsTest, WhatACrashLeftIsFoldedUp) {
  auto events = Make();
  events.Add(Thought("hm"));
  events.Add(Text("Hel"));
  (void)Drain(events);
  events.Add(Text("lo"));
  (void)Drain(events);
  for (size_t count = 1; count <= all_.size(); ++count) {
    const Json folded = FoldEvents({all_.begin(), all_.begin() + static_cast<long>(count)});
    EXPECT_EQ(folded["id"], "resp_1") << count;
  }
  const Json folded = FoldEvents(all_);
  EXPECT_EQ(folded["output"][0]["content"][0]["text"], "hm");
  EXPECT_EQ(folded["output"][0]["status"], "completed");
  EXPECT_EQ(folded["output"][1]["content"][0]["text"], "Hello");
  EXPECT_EQ(folded["output"][1]["status"], "incomplete");
  EXPECT_TRUE(FoldEvents({}).is_null());
  EXPECT_TRUE(FoldEvents({Json(3), Json()}).is_null());
}

}  // namespace
}  // namespace dure::api
