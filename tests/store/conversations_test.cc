// Conversations as trees, found by their words, and gone when they are deleted.
#include "store/conversations.h"

#include <fstream>
#include <sstream>

#include "tests/store/store_fixture.h"

namespace dure::store {
namespace {

class ConversationsTest : public StoreFixture {
 protected:
  void SetUp() override {
    Open();
    account_ = AddAccount("a").id;
  }
  Conversations& All() { return store_->conversations(); }
  void Make(const std::string& id, const std::string& title = "") {
    Conversation wanted;
    wanted.id = id;
    wanted.account_id = account_;
    wanted.title = title;
    wanted.updated_ms = ++now_;
    const auto made = All().Create(wanted);
    ASSERT_TRUE(made) << made.error().message;
  }
  Result<void> Say(const std::string& conversation, const std::string& id,
                   const std::string& parent, const std::string& text,
                   const std::string& status = "complete") {
    Message message;
    message.id = id;
    message.conversation_id = conversation;
    message.parent_id = parent;
    message.role = "user";
    message.content = text;
    message.status = status;
    return All().Add(account_, {message}, ++now_);
  }
  std::vector<std::string> PathIds(const std::string& conversation, const std::string& leaf = "") {
    std::vector<std::string> ids;
    const auto path = All().Path(account_, conversation, leaf, "", 1000);
    EXPECT_TRUE(path) << path.error().message;
    if (path) {
      for (const Message& message : path->messages) ids.push_back(message.id);
    }
    return ids;
  }
  std::vector<std::string> Found(const std::string& typed) {
    std::vector<std::string> ids;
    const auto hits = All().Search(account_, typed, 10);
    EXPECT_TRUE(hits) << hits.error().message;
    if (hits) {
      for (const SearchHit& hit : *hits) ids.push_back(hit.conversation.id);
    }
    return ids;
  }
  /// Whether the bytes are anywhere in the database's files.
  bool OnDisk(const std::string& bytes) {
    for (const char* end : {"", "-wal"}) {
      std::ifstream file(folder_.File("dure.sqlite3") + end, std::ios::binary);
      std::stringstream all;
      all << file.rdbuf();
      if (all.str().find(bytes) != std::string::npos) return true;
    }
    return false;
  }

  using Ids = std::vector<std::string>;
  std::string account_;
  int64_t now_ = 1;
};

TEST_F(ConversationsTest, EditsAreBranches) {
  Make("c");
  ASSERT_TRUE(Say("c", "m1", "", "one"));
  ASSERT_TRUE(Say("c", "m2", "m1", "two"));
  ASSERT_TRUE(Say("c", "m3", "m1", "two, edited"));
  ASSERT_TRUE(Say("c", "m4", "m3", "three"));
  EXPECT_EQ(PathIds("c"), (Ids{"m1", "m3", "m4"}));
  EXPECT_EQ(PathIds("c", "m2"), (Ids{"m1", "m2"}));
  EXPECT_EQ((*All().FindMessage(account_, "m2"))->siblings, (Ids{"m2", "m3"}));
  ConversationChange change;
  change.active_leaf = "m3";
  EXPECT_EQ(All().Change(account_, "c", change, 1)->active_leaf, "m4") << "the leaf below";
  const auto tail = All().Path(account_, "c", "", "", 2);
  EXPECT_TRUE(tail->earlier);
  EXPECT_EQ(tail->messages.front().id, "m3");
  ASSERT_TRUE(All().RemoveMessage(account_, "m3", ++now_));
  EXPECT_EQ(PathIds("c"), (Ids{"m1", "m2"}));
}

TEST_F(ConversationsTest, WhatIsCompleteStays) {
  Make("c");
  ASSERT_TRUE(Say("c", "m1", "", "", "running"));
  EXPECT_EQ(Say("c", "m2", "m1", "too early").error().code, ErrorCode::kConflict);
  Message answer = **All().FindMessage(account_, "m1");
  answer.content = "an answer";
  answer.status = "complete";
  ASSERT_TRUE(All().Complete(answer, 1));
  EXPECT_EQ(All().Complete(answer, 1).error().code, ErrorCode::kConflict);
  EXPECT_EQ((*All().FindMessage(account_, "m1"))->content, "an answer");
  EXPECT_EQ(Found("answer"), Ids{"c"});
  EXPECT_EQ(Say("c", "m1", "", "again").error().code, ErrorCode::kConflict);
  EXPECT_EQ(Say("c", "m5", "nothing", "x").error().code, ErrorCode::kNotFound);
}

TEST_F(ConversationsTest, OthersSeeNothing) {
  Make("c", "mine");
  ASSERT_TRUE(Say("c", "m1", "", "secret"));
  const std::string other = AddAccount("b").id;
  EXPECT_FALSE(*All().Find(other, "c"));
  EXPECT_FALSE(*All().FindMessage(other, "m1"));
  EXPECT_EQ(All().Path(other, "c", "", "", 10).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(All().Change(other, "c", {}, 1).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(*All().Remove(other, {"c"}), 0);
  EXPECT_TRUE(All().Search(other, "secret", 10)->empty());
  EXPECT_TRUE(All().List(other, {})->empty());
}

TEST_F(ConversationsTest, FindsKoreanWordsOfTwoSyllables) {
  Make("kim");
  Make("other", "Reisekosten");
  ASSERT_TRUE(Say("kim", "m1", "", "오늘은 배추김치를 담갔다. Kimchi takes time."));
  ASSERT_TRUE(Say("other", "m2", "", "김밥과 라면"));
  EXPECT_EQ(Found("김치"), Ids{"kim"}) << "inside a longer word";
  EXPECT_EQ(Found("김치를"), Ids{"kim"});
  EXPECT_EQ(Found("배추김치"), Ids{"kim"});
  EXPECT_EQ(Found("라면"), Ids{"other"});
  EXPECT_EQ(Found("김").size(), 2u);
  EXPECT_TRUE(Found("치김").empty());
  EXPECT_EQ(Found("kimc"), Ids{"kim"}) << "from a word's beginning";
  EXPECT_TRUE(Found("imchi").empty());
  EXPECT_EQ(Found("KIMCHI 배추"), Ids{"kim"});
  EXPECT_EQ(Found("\"takes time\""), Ids{"kim"});
  EXPECT_TRUE(Found("\"time takes\"").empty());
  EXPECT_EQ(Found("reise"), Ids{"other"}) << "titles, too";
  // Decomposed, as macOS pastes it, on either side.
  EXPECT_EQ(Found("\xE1\x84\x80\xE1\x85\xB5\xE1\x86\xB7\xE1\x84\x8E\xE1\x85\xB5"), Ids{"kim"});
  for (const char* hostile : {"", "\"", "* OR NEAR(", "a\" OR \"b", "\xff\xfe", "-", "^"})
    Found(hostile);
  const auto hits = All().Search(account_, "김치", 10);
  bool marked = false;
  for (const TextPart& part : hits->front().snippet) marked |= part.match && part.text == "김치";
  EXPECT_TRUE(marked);
}

TEST_F(ConversationsTest, WhatIsDeletedIsGoneFromTheFiles) {
  const std::string title = "zebrafinktitle";
  const std::string text = "quetzalcoatlus";
  Make("c", title);
  Make("stays", "ordinary");
  ASSERT_TRUE(Say("c", "m1", "", text));
  ASSERT_TRUE(Say("stays", "m2", "", "another"));
  ASSERT_TRUE(OnDisk(text));
  EXPECT_EQ(*All().Remove(account_, {"c"}), 1);
  EXPECT_FALSE(OnDisk(text));
  EXPECT_FALSE(OnDisk(title));
  EXPECT_TRUE(Found(text).empty());
  EXPECT_EQ(Found("another"), Ids{"stays"});
  ASSERT_TRUE(Say("stays", "m3", "m2", text));
  ASSERT_TRUE(All().RemoveMessage(account_, "m3", 1));
  EXPECT_FALSE(OnDisk(text));
  ASSERT_TRUE(store_->accounts().Remove(account_));
  EXPECT_FALSE(*All().Find("", "stays"));
}

}  // namespace
}  // namespace dure::store
