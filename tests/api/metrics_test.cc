// GET /metrics: the names are promised, the numbers move, and nothing of users shows in them.
#include <fstream>
#include <set>
#include <sstream>

#include "api/metrics/exposition.h"
#include "tests/api/access_fixture.h"

namespace dure::api {
namespace {

/// Dashboards and alerts use these: one that is gone or means another thing breaks them.
const std::set<std::string> kNames = {
    "dure_build_info gauge",
    "dure_uptime_seconds gauge",
    "process_start_time_seconds gauge",
    "process_resident_memory_bytes gauge",
    "dure_connections gauge",
    "dure_http_requests_total counter",
    "dure_requests_total counter",
    "dure_requests_in_flight gauge",
    "dure_time_to_first_token_seconds histogram",
    "dure_inter_token_seconds histogram",
    "dure_prompt_tokens_total counter",
    "dure_cached_tokens_total counter",
    "dure_completion_tokens_total counter",
    "dure_model_running gauge",
    "dure_model_queued gauge",
    "dure_model_queued_prompt_tokens gauge",
    "dure_model_wait_seconds gauge",
    "dure_model_kv_blocks gauge",
    "dure_model_kv_blocks_used gauge",
    "dure_model_kv_blocks_cached gauge",
    "dure_model_steps_total counter",
    "dure_model_generated_tokens_total counter",
    "dure_model_preemptions_total counter",
    "dure_model_prefix_hits_total counter",
    "dure_model_prefix_tokens_total counter",
    "dure_model_drafted_tokens_total counter",
    "dure_model_accepted_tokens_total counter",
    "dure_model_loads_total counter",
};

class MetricsTest : public AccessFixture {
 protected:
  MetricsTest() : watched_(provider_, {std::chrono::milliseconds(0), {}, &meter_}) {
    service_->meter = &meter_;
    service_->server_stats = [this] { return server_->stats(); };
  }
  ~MetricsTest() override { server_.reset(); }

  void Begin() {
    Start();
    service_->provider = &watched_;
    key_ = Bearer(AddKey(alice_, store::kScopeUsage));
  }
  std::string Metrics() { return Ask(Bytes("GET", "/metrics", key_)).body; }
  /// The value of one line; -1 where there is none.
  static double Value(const std::string& text, const std::string& series) {
    const size_t at = ("\n" + text).find("\n" + series + " ");
    return at == std::string::npos ? -1 : std::stod(text.substr(at + series.size() + 1));
  }

  providers::CompletionMeter meter_;
  providers::WatchedProvider watched_;
  std::string key_;
};

TEST_F(MetricsTest, NamesStayAsTheyAre) {
  Begin();
  std::istringstream lines(Metrics());
  std::set<std::string> names;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("# TYPE ")) EXPECT_TRUE(names.insert(line.substr(7)).second) << line;
  }
  EXPECT_EQ(names, kNames);
}

TEST_F(MetricsTest, EveryNameIsInTheDocument) {
  std::ifstream file(std::string(DURE_TEST_DATA) + "/../../docs/operations.md");
  std::stringstream text;
  text << file.rdbuf();
  for (const std::string& name : kNames) {
    const std::string row =
        "| `" + name.substr(0, name.find(' ')) + "` | " + name.substr(name.find(' ') + 1) + " |";
    EXPECT_NE(text.str().find(row), std::string::npos) << "docs/operations.md lacks " << row;
  }
}

TEST_F(MetricsTest, NumbersMove) {
  Begin();
  const std::string bob = Bearer(AddKey(bob_, store::kScopeInference));
  EXPECT_EQ(AskChat(bob, 7).status, 200);
  EXPECT_EQ(Ask(Chat("")).status, 401);
  EXPECT_EQ(Ask(Bytes("GET", "/v1/models/secret-name", bob)).status, 404);
  const std::string text = Metrics();
  const std::string chat = R"(dure_requests_total{route="POST /v1/chat/completions",status=)";
  EXPECT_EQ(Value(text, chat + R"("200"})"), 1) << text;
  EXPECT_EQ(Value(text, chat + R"("401"})"), 1);
  EXPECT_EQ(Value(text, R"(dure_requests_total{route="GET /v1/models/{id...}",status="404"})"), 1);
  EXPECT_EQ(Value(text, "dure_requests_in_flight"), 1) << "this one";
  EXPECT_EQ(Value(text, "dure_prompt_tokens_total"), 5);
  EXPECT_EQ(Value(text, "dure_completion_tokens_total"), 7);
  EXPECT_EQ(Value(text, "dure_time_to_first_token_seconds_count"), 1);
  EXPECT_EQ(Value(text, R"(dure_model_running{model="m"})"), 1);
  EXPECT_GE(Value(text, "dure_http_requests_total"), 4);
  EXPECT_GT(Value(text, "process_resident_memory_bytes"), 1 << 20);
  EXPECT_EQ(text.find("secret-name"), std::string::npos);
  EXPECT_EQ(text.find(bob_), std::string::npos);
}

TEST_F(MetricsTest, AClientThatLeftIsCounted) {
  Begin();
  {
    test::RawClient client(server_->port());
    client.Send(Chat(Bearer(AddKey(bob_, store::kScopeInference))));
    const auto call = provider_.Next();
    EXPECT_EQ(Value(Metrics(), "dure_requests_in_flight"), 2);
    client.Close();
    EXPECT_TRUE(provider_.WaitForCancel());
    call.sink->OnEnd(Fail(ErrorCode::kCancelled, "left"));
  }
  const std::string left = R"(dure_requests_total{route="POST /v1/chat/completions",status="499"})";
  EXPECT_EQ(Value(Metrics(), left), 1);
}

TEST_F(MetricsTest, OnlyAdministratorsReadThem) {
  Begin();
  EXPECT_EQ(Ask(Bytes("GET", "/metrics")).status, 401);
  EXPECT_EQ(Ask(Bytes("GET", "/metrics", Bearer(AddKey(bob_, store::kAllScopes)))).status, 403);
  EXPECT_EQ(Ask(Bytes("GET", "/metrics", Bearer(AddKey(alice_, store::kScopeInference)))).status,
            403);
  EXPECT_EQ(Ask(Bytes("GET", "/metrics", AddSession(alice_))).status, 200);
}

TEST(ExpositionTest, EscapesLabelsAndAddsUpBuckets) {
  Exposition out;
  out.Begin("a", "gauge", "What it is.");
  out.Add({{"x", "1\"\\\n"}, {"y", ""}}, 0.5);
  const double bounds[] = {0.1, 1};
  Histogram histogram(bounds);
  for (const double value : {0.0625, 0.5, 0.75, 3.0}) histogram.Add(value);
  out.Begin("h", "histogram", "Times.");
  out.Add(histogram);
  EXPECT_EQ(out.Take(),
            "# HELP a What it is.\n# TYPE a gauge\na{x=\"1\\\"\\\\\\n\",y=\"\"} 0.5\n"
            "# HELP h Times.\n# TYPE h histogram\nh_bucket{le=\"0.1\"} 1\nh_bucket{le=\"1\"} 3\n"
            "h_bucket{le=\"+Inf\"} 4\nh_sum 4.3125\nh_count 4\n");
}

}  // namespace
}  // namespace dure::api
