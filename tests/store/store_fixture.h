// A store in a folder of its own.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "store/secrets.h"
#include "store/store.h"
#include "tests/formats/temp_folder.h"

namespace dure::store {

inline constexpr PasswordCost kQuickCost = {1, 8 << 10};

class StoreFixture : public testing::Test {
 protected:
  StoreOptions Options() {
    StoreOptions options;
    options.folder = folder_.path();
    options.now_ms = 1'000;
    options.log = [this](const std::string& line) {
      const std::lock_guard lock(log_mutex_);
      log_.push_back(line);
    };
    return options;
  }
  void Open() {
    auto opened = OpenSqliteStore(Options());
    ASSERT_TRUE(opened) << opened.error().message;
    store_ = std::move(*opened);
  }
  void Reopen() {
    store_.reset();
    Open();
  }
  Account AddAccount(const std::string& name, Role role = Role::kMember) {
    auto account = store_->accounts().Create({name, role, "hash of " + name, {}, 5});
    EXPECT_TRUE(account) << account.error().message;
    return account.value_or(Account{});
  }
  ApiKey AddKey(const std::string& account_id, const std::string& key) {
    NewKey wanted;
    wanted.account_id = account_id;
    wanted.name = "key";
    wanted.key_hash = HashToken(key);
    wanted.prefix = KeyPrefix(key);
    wanted.now_ms = 10;
    auto made = store_->keys().Create(wanted);
    EXPECT_TRUE(made) << made.error().message;
    return made.value_or(ApiKey{});
  }

  formats::TempFolder folder_;
  std::unique_ptr<Store> store_;
  std::mutex log_mutex_;
  std::vector<std::string> log_;
};

}  // namespace dure::store
