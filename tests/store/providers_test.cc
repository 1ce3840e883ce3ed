// Providers and their keys: what is kept, what is shown, and that a copy of the database reveals no
// key.
#include "store/providers.h"

#include <sqlite3.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "store/secret_box.h"
#include "store/sqlite/connection.h"
#include "tests/store/store_fixture.h"

namespace dure::store {
namespace {

constexpr char kSecret[] = "sk-upstream-0123456789abcdef-WXYZ";
constexpr char kUrl[] = "https://api.example/v1";

std::string ReadAll(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

class ProvidersTest : public StoreFixture {
 protected:
  static ProviderSetup Setup(const std::string& name) {
    ProviderSetup setup;
    setup.name = name;
    setup.base_url = kUrl;
    return setup;
  }
  Providers& providers() { return store_->providers(); }
  StoredProvider Add(const std::string& name, std::string_view key = kSecret) {
    auto made = providers().Create(Setup(name), key, 7);
    EXPECT_TRUE(made) << made.error().message;
    return made.value_or(StoredProvider{});
  }
  void Sql(const std::string& text) {
    auto raw =
        sqlite::Connection::Open(folder_.File("dure.sqlite3"), sqlite::Access::kReadWrite, "");
    ASSERT_TRUE(raw);
    const auto done = (*raw)->Execute(text);
    ASSERT_TRUE(done) << done.error().message;
  }
};

TEST_F(ProvidersTest, EverythingSaidIsKeptAcrossAStart) {
  Open();
  ProviderSetup setup = Setup("far");
  setup.models = {"a", "두레/b"};
  setup.enabled = false;
  setup.connect_timeout_ms = 1;
  setup.first_byte_timeout_ms = 2;
  setup.idle_timeout_ms = 3;
  setup.max_tokens_parameter = "max_completion_tokens";
  setup.omit_defaults = true;
  const auto made = providers().Create(setup, kSecret, 7);
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(made->setup, setup);
  EXPECT_TRUE(made->has_key);
  EXPECT_EQ(made->key_hint, "WXYZ");
  Add("alpha", "");
  Reopen();
  const auto all = providers().List();
  ASSERT_TRUE(all);
  ASSERT_EQ(all->size(), 2u);
  EXPECT_EQ((*all)[0].setup, Setup("alpha"));
  EXPECT_FALSE((*all)[0].has_key);
  EXPECT_EQ((*all)[1].setup, setup);
  EXPECT_EQ(*providers().Key(made->id), kSecret);
  EXPECT_EQ(*providers().Key((*all)[0].id), "");
  EXPECT_TRUE(*providers().Remove(made->id));
  EXPECT_FALSE(*providers().Remove(made->id));
  EXPECT_FALSE(providers().Find(made->id)->has_value());
  EXPECT_EQ(providers().Key(made->id).error().code, ErrorCode::kNotFound);
}

TEST_F(ProvidersTest, NamesAreTheirsAlone) {
  Open();
  const StoredProvider one = Add("one");
  Add("two");
  EXPECT_EQ(providers().Create(Setup("one"), "", 8).error().code, ErrorCode::kConflict);
  EXPECT_EQ(providers().Change(one.id, Setup("two"), {}, 8).error().code, ErrorCode::kConflict);
  EXPECT_TRUE(providers().Change(one.id, Setup("three"), {}, 8));
  EXPECT_EQ(providers().Change("none", Setup("x"), {}, 8).error().code, ErrorCode::kNotFound);
}

TEST_F(ProvidersTest, AKeyIsNotSentWhereItWasNotMeantFor) {
  Open();
  const StoredProvider provider = Add("far");
  ProviderSetup moved = Setup("far");
  moved.base_url = "https://evil.example/v1";
  const auto refused = providers().Change(provider.id, moved, {}, 8);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kConflict);
  EXPECT_EQ(providers().Find(provider.id)->value().setup.base_url, kUrl);
  ASSERT_TRUE(providers().Change(provider.id, moved, "another-key-of-16-bytes", 8));
  EXPECT_EQ(*providers().Key(provider.id), "another-key-of-16-bytes");
  ASSERT_TRUE(providers().Change(provider.id, moved, "", 9));
  EXPECT_EQ(*providers().Key(provider.id), "");
  // Whoever can write to the database cannot redirect a key either.
  const StoredProvider second = Add("second");
  Sql("UPDATE providers SET base_url = 'https://evil.example/v1' WHERE name = 'second'");
  EXPECT_EQ(providers().Key(second.id).error().code, ErrorCode::kCorrupt);
}

TEST_F(ProvidersTest, NoFileOfTheFolderHoldsTheKey) {
  Open();
  const StoredProvider provider = Add("far");
  ASSERT_TRUE(providers().Change(provider.id, Setup("far2"), std::string(kSecret), 9));
  ASSERT_TRUE(store_->Flush());
  int files = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_.path())) {
    if (!entry.is_regular_file()) continue;
    ++files;
    EXPECT_EQ(ReadAll(entry.path()).find("upstream-0123"), std::string::npos) << entry.path();
  }
  EXPECT_GE(files, 3);
  struct stat status{};
  ASSERT_EQ(::stat(folder_.File("secrets.key").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  EXPECT_EQ(status.st_size, 32);
}

TEST_F(ProvidersTest, WithoutItsKeyFileTheRestStillWorks) {
  Open();
  const StoredProvider provider = Add("far");
  store_.reset();
  std::filesystem::rename(folder_.File("secrets.key"), folder_.File("moved"));
  Open();
  EXPECT_EQ(providers().List()->size(), 1u);
  EXPECT_EQ(providers().Key(provider.id).error().code, ErrorCode::kNotFound);
  folder_.Write("secrets.key", "too short");
  EXPECT_EQ(providers().Key(provider.id).error().code, ErrorCode::kCorrupt);
}

TEST_F(ProvidersTest, ShortKeysShowNothing) {
  EXPECT_EQ(KeyHint("0123456789abcdef"), "cdef");
  EXPECT_EQ(KeyHint("0123456789abcde"), "");
  EXPECT_EQ(KeyHint(""), "");
}

TEST(SecretBoxTest, OpensOnlyWhatItSealedForThatPlace) {
  const formats::TempFolder folder;
  SecretBox box(folder.path());
  EXPECT_EQ(box.Open("x", "here").error().code, ErrorCode::kNotFound);
  const auto one = box.Seal("secret", "here");
  const auto two = box.Seal("secret", "here");
  ASSERT_TRUE(one && two);
  EXPECT_NE(one->substr(0, 24), two->substr(0, 24)) << "a nonce is used once";
  EXPECT_EQ(*SecretBox(folder.path()).Open(*one, "here"), "secret");
  EXPECT_EQ(box.Open(*one, "there").error().code, ErrorCode::kCorrupt);
  for (const size_t at : {size_t{0}, size_t{24}, one->size() - 1}) {
    std::string changed = *one;
    changed[at] = static_cast<char>(changed[at] ^ 1);
    EXPECT_EQ(box.Open(changed, "here").error().code, ErrorCode::kCorrupt) << at;
  }
  EXPECT_EQ(box.Open(one->substr(0, 39), "here").error().code, ErrorCode::kCorrupt);
  EXPECT_EQ(*box.Open(*box.Seal("", "here"), "here"), "");
  const formats::TempFolder other;
  SecretBox stranger(other.path());
  ASSERT_TRUE(stranger.Seal("x", ""));
  EXPECT_EQ(stranger.Open(*one, "here").error().code, ErrorCode::kCorrupt);
}

}  // namespace
}  // namespace dure::store
