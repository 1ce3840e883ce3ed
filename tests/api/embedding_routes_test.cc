// POST /v1/embeddings over real connections, with vectors that the test makes.
#include "api/openai/embedding_request.h"
#include "tests/api/access_fixture.h"

namespace dure::api {
namespace {

using test::RawClient;
using test::RawResponse;

class EmbeddingRoutesTest : public AccessFixture {
 protected:
  EmbeddingRoutesTest() {
    settings_.authentication.require_login = false;
    providers::ModelInfo embeddings;
    embeddings.id = "e";
    embeddings.kind = providers::ModelKind::kEmbedding;
    providers::ModelInfo text;
    text.id = "m";
    provider_.SetModels({text, embeddings});
    Start(false);
  }
  static std::string Post(const std::string& body) {
    return Bytes("POST", "/v1/embeddings", "", body);
  }
};

TEST_F(EmbeddingRoutesTest, GivesNumbersOrBase64) {
  for (const bool base64 : {false, true}) {
    RawClient client(server_->port());
    client.Send(Post(std::string(R"({"model":"e","input":["a","b"],"encoding_format":)") +
                     (base64 ? "\"base64\"}" : "\"float\"}")));
    const auto call = provider_.NextEmbed();
    ASSERT_EQ(call.request.inputs.size(), 2u);
    EXPECT_EQ(std::get<std::string>(call.request.inputs[1]), "b");
    EXPECT_FALSE(call.request.tenant.empty());
    call.done(providers::Embeddings{{{1.0f, -0.1f}, {0.5f}}, 7});
    const RawResponse response = client.ReadResponse();
    EXPECT_EQ(response.status, 200);
    const Json answer = Json::parse(response.body);
    EXPECT_EQ(answer["object"], "list");
    EXPECT_EQ(answer["model"], "e");
    EXPECT_EQ(answer["usage"], Json({{"prompt_tokens", 7}, {"total_tokens", 7}}));
    ASSERT_EQ(answer["data"].size(), 2u);
    EXPECT_EQ(answer["data"][1]["index"], 1);
    EXPECT_EQ(answer["data"][1]["object"], "embedding");
    const Json& first = answer["data"][0]["embedding"];
    if (base64) {
      EXPECT_EQ(first, "AACAP83MzL0=");  // 3f800000 bdcccccd, little-endian
      EXPECT_EQ(answer["data"][1]["embedding"], "AAAAPw==");
    } else {
      EXPECT_EQ(first[0].get<float>(), 1.0f);
      EXPECT_EQ(first[1].get<float>(), -0.1f) << "the same float again";
    }
  }
}

TEST_F(EmbeddingRoutesTest, RefusesByName) {
  struct Case {
    std::string body;
    int status;
    std::string code;
    std::string param;
  };
  const Case cases[] = {
      {R"({"model":"e"})", 400, "missing_required_parameter", "input"},
      {R"({"input":"a"})", 400, "missing_required_parameter", "model"},
      {R"({"model":"e","input":"a","dimensions":3})", 400, "unsupported_parameter", "dimensions"},
      {R"({"model":"e","input":"a","what":3})", 400, "unknown_parameter", "what"},
      {R"({"model":"e","input":"a","encoding_format":"x"})", 400, "invalid_value",
       "encoding_format"},
      {R"({"model":"e","input":[]})", 400, "invalid_value", "input"},
      {R"({"model":"m","input":"a"})", 400, "unsupported_value", "model"},
      {R"({"model":"x","input":"a"})", 404, "model_not_found", "model"},
  };
  for (const Case& c : cases) {
    const RawResponse response = Ask(Post(c.body));
    EXPECT_EQ(response.status, c.status) << c.body;
    EXPECT_EQ(CodeOf(response), c.code) << c.body;
    EXPECT_EQ(Json::parse(response.body)["error"]["param"], c.param) << c.body;
  }
  provider_.Refuse({ErrorCode::kContextLengthExceeded, "input 0: the text has 9 tokens"});
  const RawResponse response = Ask(Post(R"({"model":"e","input":"a"})"));
  EXPECT_EQ(CodeOf(response), "context_length_exceeded");
  EXPECT_EQ(Json::parse(response.body)["error"]["param"], "input");
}

TEST_F(EmbeddingRoutesTest, AClientThatLeavesCancels) {
  test::ScriptedProvider::EmbedCall call;
  {
    RawClient client(server_->port());
    client.Send(Post(R"({"model":"e","input":"a"})"));
    call = provider_.NextEmbed();
  }
  EXPECT_TRUE(provider_.WaitForCancel());
  call.done(tl::unexpected(Error{ErrorCode::kCancelled, "the request was cancelled"}));
}

TEST_F(EmbeddingRoutesTest, ModelsTellTheirKind) {
  const Json list = Json::parse(Ask(Bytes("GET", "/v1/models")).body);
  EXPECT_EQ(list["data"][0]["kind"], "text");
  EXPECT_EQ(list["data"][1]["kind"], "embedding");
  EXPECT_EQ(list["data"][1]["state"], "ready");
}

TEST_F(EmbeddingRoutesTest, AModelThatFailsIsTheServersError) {
  RawClient client(server_->port());
  client.Send(Post(R"({"model":"e","input":[[1,2],[3]]})"));
  const auto call = provider_.NextEmbed();
  EXPECT_EQ(std::get<std::vector<int32_t>>(call.request.inputs[0]), (std::vector<int32_t>{1, 2}));
  call.done(tl::unexpected(Error{ErrorCode::kInternal, "not finite"}));
  EXPECT_EQ(client.ReadResponse().status, 500);
}

}  // namespace
}  // namespace dure::api
