// A server with accounts, on real connections, whose clock and completions the test drives.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>
#include <utility>

#include "api/access/gate.h"
#include "api/service.h"
#include "net/server.h"
#include "store/secrets.h"
#include "store/store.h"
#include "tests/api/scripted_provider.h"
#include "tests/formats/temp_folder.h"
#include "tests/net/raw_client.h"

namespace dure::api {

class AccessFixture : public testing::Test {
 protected:
  static constexpr char kPassword[] = "a password of alice's";

  AccessFixture() {
    using providers::ModelInfo;
    using providers::ModelState;
    provider_.SetModels({ModelInfo{"m", 1, 2048, ModelState::kReady, 0, 0, ""},
                         ModelInfo{"slow", 1, 0, ModelState::kLoading, 1, 2, ""},
                         ModelInfo{"bad", 1, 0, ModelState::kFailed, 0, 0, "no such tensor"}});
    settings_.authentication.require_login = true;
    settings_.password_cost = {1, 8 << 10};
    settings_.watch_ms = 3'600'000;  // the test calls Watch
    options_.port = 0;
    options_.access.any_address = true;
    options_.render_error = [](int status, const std::string& message) {
      net::Response response = ErrorResponse(FromHttpStatus(status, message));
      response.status = status;
      return response;
    };
  }
  ~AccessFixture() override { server_.reset(); }

  /// with_accounts: alice, an administrator, and bob.
  void Start(bool with_accounts = true) {
    store::StoreOptions options;
    options.folder = folder_.path();
    auto opened = store::OpenSqliteStore(options);
    ASSERT_TRUE(opened) << opened.error().message;
    store_ = std::move(*opened);
    if (with_accounts) {
      alice_ = AddAccount("alice", store::Role::kAdmin);
      bob_ = AddAccount("bob", store::Role::kMember);
    }
    gate_ = std::make_unique<Gate>(
        settings_, *store_, [this] { return now_ms_.load(); }, [](const std::string&) {});
    service_->provider = &provider_;
    service_->gate = gate_.get();
    answers_ = std::make_unique<assistant::Answers>(
        provider_, *store_, [this] { return now_ms_.load(); }, [](const std::string&) {});
    service_->chat_answers = answers_.get();
    service_->version = "1";
    service_->instance = "i";
    service_->unix_time = [] { return int64_t{1}; };
    service_->random_id = [this] { return std::to_string(++ids_); };
    auto server = net::Server::Start(options_, MakeRoutes(service_).Take());
    ASSERT_TRUE(server) << server.error().message;
    server_ = std::move(*server);
  }

  std::string AddAccount(const std::string& name, store::Role role) {
    const auto hash = store::HashPassword(kPassword, settings_.password_cost);
    auto account = store_->accounts().Create({name, role, *hash, {}, 1});
    EXPECT_TRUE(account) << account.error().message;
    return account ? account->id : "";
  }
  /// The key's secret.
  std::string AddKey(const std::string& account_id, uint32_t scopes, store::Limits limits = {},
                     std::optional<int64_t> expires_ms = {}) {
    std::string secret = store::NewApiKey();
    auto key =
        store_->keys().Create({account_id, "key", store::HashToken(secret),
                               store::KeyPrefix(secret), scopes, expires_ms, std::move(limits), 1});
    EXPECT_TRUE(key) << key.error().message;
    return secret;
  }
  std::string KeyId(const std::string& secret) {
    return (*store_->keys().FindByHash(store::HashToken(secret)))->key.id;
  }
  /// A Cookie field.
  std::string AddSession(const std::string& account_id) {
    const std::string token = store::NewSessionToken();
    EXPECT_TRUE(store_->sessions().Create(
        {account_id, store::HashToken(token), now_ms_, now_ms_ + 1'000'000, "", ""}));
    return "Cookie: dure_session=" + token + "\r\n";
  }

  static std::string Bearer(const std::string& key) {
    return "Authorization: Bearer " + key + "\r\n";
  }
  static std::string ApiKeyField(const std::string& key) { return "x-api-key: " + key + "\r\n"; }

  static std::string Bytes(const std::string& method, const std::string& path,
                           const std::string& fields = "", const std::string& body = "") {
    return method + " " + path + " HTTP/1.1\r\nHost: localhost\r\n" + fields +
           "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  }
  static std::string ChatBody(const std::string& more = "", const std::string& model = "m") {
    return R"({"model":")" + model + R"(","messages":[{"role":"user","content":"hi"}])" + more +
           "}";
  }
  static std::string Chat(const std::string& fields, const std::string& more = "") {
    return Bytes("POST", "/v1/chat/completions", fields, ChatBody(more));
  }
  test::RawResponse Ask(const std::string& bytes) {
    test::RawClient client(server_->port());
    client.Send(bytes);
    return client.ReadResponse();
  }
  static std::string CodeOf(const test::RawResponse& response) {
    const Json json = Json::parse(response.body, nullptr, false);
    return json.is_object() && json.contains("error") ? json["error"].value("code", "") : "";
  }
  /// Lets the completion that was asked for end.
  static void Complete(const test::ScriptedProvider::Call& call, int tokens = 3) {
    const providers::ChatUsage usage{5, 0, tokens};
    call.sink->OnDelta({0, "text", {}, {}, {}});
    call.sink->OnChoiceEnd(0, {providers::FinishReason::kStop, {}});
    call.sink->OnUsage(usage);
    call.sink->OnEnd(usage);
  }
  /// A whole chat with `fields`, answered.
  test::RawResponse AskChat(const std::string& fields, int tokens = 3) {
    test::RawClient client(server_->port());
    client.Send(Chat(fields));
    Complete(provider_.Next(), tokens);
    return client.ReadResponse();
  }

  formats::TempFolder folder_;
  std::unique_ptr<store::Store> store_;
  std::atomic<int64_t> now_ms_{1'700'000'000'000};
  std::atomic<int> ids_{0};
  GateSettings settings_;
  std::unique_ptr<Gate> gate_;
  test::ScriptedProvider provider_;
  std::shared_ptr<Service> service_ = std::make_shared<Service>();
  net::ServerOptions options_;
  std::unique_ptr<assistant::Answers> answers_;
  std::unique_ptr<net::Server> server_;
  std::string alice_;
  std::string bob_;
};

}  // namespace dure::api
