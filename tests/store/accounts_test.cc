#include "store/accounts.h"

#include "tests/store/store_fixture.h"

namespace dure::store {
namespace {

using AccountsTest = StoreFixture;

TEST_F(AccountsTest, TheFirstAdministratorTakesTheOwnersPlace) {
  Open();
  EXPECT_FALSE(*store_->accounts().HasAdmin());
  EXPECT_TRUE(store_->accounts().List()->empty());
  ASSERT_TRUE(store_->accounts().Find(kOwnerId)->has_value());
  EXPECT_EQ(AddAccount("member").id.substr(0, 5), "user_");
  EXPECT_FALSE(*store_->accounts().HasAdmin());
  const Account first = AddAccount("Kim", Role::kAdmin);
  EXPECT_EQ(first.id, kOwnerId);
  EXPECT_EQ(first.name, "Kim");
  EXPECT_TRUE(*store_->accounts().HasAdmin());
  EXPECT_NE(AddAccount("second", Role::kAdmin).id, kOwnerId);
  EXPECT_EQ(store_->accounts().List()->size(), 3u);
}

TEST_F(AccountsTest, EverythingIsThereAfterAReopening) {
  Open();
  NewAccount wanted{"두레", Role::kMember, "$hash", {}, 7};
  wanted.limits.requests_per_minute = 3;
  wanted.limits.tokens_per_day = 0;
  wanted.limits.models = {"a\"b", "c"};
  const Account made = *store_->accounts().Create(wanted);
  Reopen();
  const Account found = **store_->accounts().Find(made.id);
  EXPECT_EQ(found.name, "두레");
  EXPECT_EQ(found.limits, wanted.limits);
  EXPECT_EQ(found.created_ms, 7);
  EXPECT_TRUE(found.has_password);
  EXPECT_EQ(*store_->accounts().PasswordHash(made.id), "$hash");
}

TEST_F(AccountsTest, ANameIsTakenInAnySpelling) {
  Open();
  AddAccount("한글");
  AddAccount("Alice");
  for (const std::string name :
       {"alice", "ALICE",
        "\xe1\x84\x92\xe1\x85\xa1\xe1\x86\xab\xe1\x84\x80\xe1\x85\xb3\xe1\x86\xaf"}) {
    const auto again = store_->accounts().Create({name, Role::kMember, "h", {}, 1});
    ASSERT_FALSE(again) << name;
    EXPECT_EQ(again.error().code, ErrorCode::kConflict);
    EXPECT_TRUE(store_->accounts().FindByName(name)->has_value());
  }
}

TEST_F(AccountsTest, NamesHaveRules) {
  for (const std::string& bad :
       {std::string(), std::string(65, 'x'), std::string("a\nb"), std::string(" a"),
        std::string("a "), std::string("a\xff"), std::string("a\0b", 3),
        std::string("a\xe2\x80\xae"
                    "b")}) {
    EXPECT_EQ(CheckAccountName(bad).error().code, ErrorCode::kInvalidArgument) << bad;
  }
  EXPECT_EQ(*CheckAccountName("김 두레"), "김 두레");
  EXPECT_EQ(*CheckAccountName("e\xcc\x81"), "é");
}

TEST_F(AccountsTest, TheLastAdministratorStays) {
  Open();
  const Account admin = AddAccount("admin", Role::kAdmin);
  const Account member = AddAccount("member");
  const auto refused = [&](const AccountChange& change) {
    const auto changed = store_->accounts().Change(admin.id, change, 9);
    return !changed && changed.error().code == ErrorCode::kConflict;
  };
  EXPECT_TRUE(refused({.role = Role::kMember, .disabled = {}, .password_hash = {}, .limits = {}}));
  EXPECT_TRUE(refused({.role = {}, .disabled = true, .password_hash = {}, .limits = {}}));
  EXPECT_EQ(store_->accounts().Remove(admin.id).error().code, ErrorCode::kConflict);
  EXPECT_TRUE(*store_->accounts().HasAdmin()) << "a refused change changes nothing";
  ASSERT_TRUE(store_->accounts().Change(
      member.id, {.role = Role::kAdmin, .disabled = {}, .password_hash = {}, .limits = {}}, 9));
  EXPECT_TRUE(store_->accounts().Remove(admin.id));
  EXPECT_EQ(store_->accounts().Remove(admin.id).error().code, ErrorCode::kNotFound);
}

TEST_F(AccountsTest, ChangesOnlyWhatIsGiven) {
  Open();
  const Account before = AddAccount("a");
  AccountChange change;
  change.disabled = true;
  const Account disabled = *store_->accounts().Change(before.id, change, 9);
  EXPECT_EQ(disabled.disabled_ms, 9);
  EXPECT_EQ(disabled.role, before.role);
  change.disabled = false;
  change.password_hash = "new";
  const Account enabled = *store_->accounts().Change(before.id, change, 10);
  EXPECT_FALSE(enabled.disabled_ms);
  EXPECT_EQ(*store_->accounts().PasswordHash(before.id), "new");
}

TEST_F(AccountsTest, RemovingOneTakesItsKeysAndSessionsAlong) {
  Open();
  const Account account = AddAccount("a");
  AddKey(account.id, "dure-key");
  ASSERT_TRUE(store_->sessions().Create({account.id, HashToken("t"), 1, 100, "", ""}));
  const int64_t before = *store_->access_version();
  ASSERT_TRUE(store_->accounts().Remove(account.id));
  EXPECT_FALSE(store_->keys().FindByHash(HashToken("dure-key"))->has_value());
  EXPECT_FALSE(store_->sessions().FindByToken(HashToken("t"), 2)->has_value());
  EXPECT_GT(*store_->access_version(), before);
}

TEST(SecretsTest, PasswordsVerifyOnlyThemselves) {
  const std::string hash = *HashPassword("correct horse", kQuickCost);
  EXPECT_EQ(hash.substr(0, 9), "$argon2id");
  EXPECT_NE(hash, *HashPassword("correct horse", kQuickCost)) << "salted";
  EXPECT_TRUE(VerifyPassword(hash, "correct horse"));
  EXPECT_FALSE(VerifyPassword(hash, "correct horsf"));
  EXPECT_FALSE(VerifyPassword("", "correct horse"));
  EXPECT_FALSE(VerifyPassword(std::string(500, 'x'), "correct horse"));
  EXPECT_FALSE(CheckPassword("short"));
  EXPECT_FALSE(CheckPassword(std::string(1025, 'x')));
  EXPECT_TRUE(CheckPassword("eight888"));
}

TEST(SecretsTest, KeysAreLongAndNeverTheSame) {
  const std::string key = NewApiKey();
  EXPECT_EQ(key.size(), 48u);
  EXPECT_NE(key, NewApiKey());
  EXPECT_EQ(KeyPrefix(key), key.substr(0, 12));
  EXPECT_EQ(HashToken("abc").substr(0, 4), "\xba\x78\x16\xbf");  // FIPS 180-4, appendix B.1
  EXPECT_TRUE(SameSecret("ab", "ab"));
  EXPECT_FALSE(SameSecret("ab", "ac"));
  EXPECT_FALSE(SameSecret("ab", "abc"));
}

}  // namespace
}  // namespace dure::store
