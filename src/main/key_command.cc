// `dure key`: API keys, on the command line of whoever owns the data folder.
#include <iostream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "api/account/records_json.h"
#include "main/account_store.h"
#include "main/commands.h"
#include "main/json_io.h"
#include "store/secrets.h"

namespace dure {
namespace {

constexpr int64_t kDayMs = 86'400'000;

struct KeyOptions {
  std::string data;
  std::string user;
  std::string name;
  std::string id;
  std::vector<std::string> scopes = {"inference"};
  std::vector<std::string> models;
  int64_t expires_days = 0;
  int64_t requests_per_minute = 0;
  int64_t tokens_per_minute = 0;
  int64_t parallel = 0;
  int64_t tokens_per_day = 0;
  bool json = false;
};

Result<store::NewKey> Wanted(const KeyOptions& options, const std::string& account_id) {
  store::NewKey key;
  key.account_id = account_id;
  key.name = options.name;
  key.scopes = 0;
  for (const std::string& name : options.scopes) {
    const uint32_t scope = api::ScopeOf(name);
    if (scope == 0) {
      return Fail(ErrorCode::kInvalidArgument,
                  "--scope: '" + name + "' is not inference, usage, account or admin");
    }
    key.scopes |= scope;
  }
  key.now_ms = NowMs();
  if (options.expires_days > 0) key.expires_ms = key.now_ms + options.expires_days * kDayMs;
  key.limits = {LimitOrNone(options.requests_per_minute),
                LimitOrNone(options.tokens_per_minute),
                LimitOrNone(options.parallel),
                LimitOrNone(options.tokens_per_day),
                {}};
  if (!options.models.empty()) key.limits.models = options.models;
  return key;
}

Result<void> Create(const KeyOptions& options) {
  auto opened = OpenAccountStore(options.data);
  if (!opened) return tl::unexpected(opened.error());
  const auto account = FindAccount(*opened->store, options.user);
  if (!account) return tl::unexpected(account.error());
  auto wanted = Wanted(options, account->id);
  if (!wanted) return tl::unexpected(wanted.error());
  const std::string secret = store::NewApiKey();
  wanted->key_hash = store::HashToken(secret);
  wanted->prefix = store::KeyPrefix(secret);
  const auto key = opened->store->keys().Create(*wanted);
  if (!key) return tl::unexpected(key.error());
  if (options.json) {
    Json out = api::KeyJson(*key);
    out["key"] = secret;
    PrintJson(out);
    return {};
  }
  std::cerr << "This key is shown only now; " << key->id << " revokes it.\n";
  std::cout << secret << "\n";
  return {};
}

std::string StateOf(const store::ApiKey& key) {
  if (key.revoked_ms) return "revoked " + TimeText(*key.revoked_ms);
  if (!key.expires_ms) return "no end";
  return (*key.expires_ms <= NowMs() ? "expired " : "until ") + TimeText(*key.expires_ms);
}

Result<void> List(const KeyOptions& options) {
  auto opened = OpenAccountStore(options.data);
  if (!opened) return tl::unexpected(opened.error());
  std::string account_id;
  if (!options.user.empty()) {
    const auto account = FindAccount(*opened->store, options.user);
    if (!account) return tl::unexpected(account.error());
    account_id = account->id;
  }
  const auto keys = opened->store->keys().List(account_id);
  if (!keys) return tl::unexpected(keys.error());
  Json all = Json::array();
  for (const store::ApiKey& key : *keys) {
    if (options.json) {
      all.push_back(api::KeyJson(key));
      continue;
    }
    std::cout << key.id << "  " << key.prefix << "...  " << key.name << "  " << StateOf(key)
              << (key.last_used_ms ? "  last used " + TimeText(*key.last_used_ms) : "  never used")
              << "\n";
  }
  if (options.json) PrintJson(all);
  return {};
}

Result<void> Revoke(const KeyOptions& options) {
  auto opened = OpenAccountStore(options.data);
  if (!opened) return tl::unexpected(opened.error());
  const auto revoked = opened->store->keys().Revoke("", options.id, NowMs());
  if (!revoked) return tl::unexpected(revoked.error());
  if (!*revoked) return Fail(ErrorCode::kNotFound, "there is no key '" + options.id + "'");
  const auto key = opened->store->keys().Find(options.id);
  if (!key) return tl::unexpected(key.error());
  if (options.json && *key) {
    PrintJson(api::KeyJson(**key));
  } else {
    std::cout << "revoked " << options.id << "\n";
  }
  return {};
}

void AddCreateOptions(CLI::App& creating, KeyOptions& options) {
  creating.add_option("name", options.name, "What it is for")->required();
  creating.add_option("--user", options.user, "Whose key it is")->required();
  creating
      .add_option("--scope", options.scopes,
                  "What it may be used for: inference, usage, account, admin")
      ->capture_default_str();
  creating.add_option("--model", options.models, "A model it may use; none given: all");
  const auto add = [&](const char* name, int64_t& value, const char* text) {
    creating.add_option(name, value, text)->check(CLI::Range(int64_t{0}, int64_t{1} << 50));
  };
  add("--expires-days", options.expires_days, "Days until it ends; 0: never");
  add("--requests-per-minute", options.requests_per_minute, "0: only the account's limit");
  add("--tokens-per-minute", options.tokens_per_minute, "The same for tokens");
  add("--parallel", options.parallel, "Requests at once");
  add("--tokens-per-day", options.tokens_per_day, "Tokens a day");
}

}  // namespace

void RegisterKey(CLI::App& app, CommandContext& context) {
  auto* command = app.add_subcommand("key", "API keys: create, list, revoke");
  command->group(kServerGroup);
  command->require_subcommand(1);
  command->footer(
      "Works beside a running server, which sees the change within a second: a revoked key also\n"
      "ends what runs with it.\n"
      "Example:\n"
      "  dure key create laptop --user kim --expires-days 90");
  auto options = std::make_shared<KeyOptions>();
  const auto add = [&](const char* name, const char* text, auto run) {
    return AddStoreCommand(*command, context, options, name, text, run);
  };
  AddCreateOptions(*add("create", "Make a key and print it, once", Create), *options);
  add("list", "Show keys, never the secret itself", List)
      ->add_option("--user", options->user, "Only this account's");
  add("revoke", "End a key for good", Revoke)
      ->add_option("id", options->id, "Its id, as `dure key list` shows it")
      ->required();
}

}  // namespace dure
