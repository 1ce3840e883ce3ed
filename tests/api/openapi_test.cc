// The description of the API says what the server does: every route, every parameter, every error.
#include "api/docs/openapi.h"

#include <set>

#include "api/anthropic/messages_request.h"
#include "api/openai/chat_request.h"
#include "api/openai/embedding_request.h"
#include "api/openai/text_request.h"
#include "api/responses/responses_request.h"
#include "tests/api/access_fixture.h"

namespace dure::api {
namespace {

std::set<std::string> Names(const Json& object) {
  std::set<std::string> names;
  for (const auto& [name, value] : object.items()) names.insert(name);
  return names;
}

/// Every "$ref" in it.
void CollectRefs(const Json& json, std::set<std::string>& refs) {
  if (json.is_object() && json.contains("$ref")) refs.insert(json["$ref"]);
  for (const Json& member : json) {
    if (member.is_structured()) CollectRefs(member, refs);
  }
}

class OpenApiTest : public AccessFixture {
 protected:
  void SetUp() override { service_->version = "1"; }
  OpenApi Build() { return BuildOpenApi(DocsFiles(), MakeRoutes(service_).entries(), "1.2"); }
  const Json& Schema(const Json& document, const std::string& name) {
    return document["components"]["schemas"][name];
  }
};

TEST_F(OpenApiTest, EveryRouteIsDescribedAndEveryDescriptionIsARoute) {
  for (const std::string& mistake : Build().mistakes) ADD_FAILURE() << mistake;
}

TEST_F(OpenApiTest, EveryReferenceLeadsSomewhere) {
  const Json document = Build().document;
  std::set<std::string> refs;
  CollectRefs(document, refs);
  EXPECT_GT(refs.size(), 10u);
  for (const std::string& ref : refs) {
    EXPECT_TRUE(document.contains(Json::json_pointer(ref.substr(1)))) << ref;
  }
}

TEST_F(OpenApiTest, EveryOperationTellsItsAnswers) {
  const Json document = Build().document;
  std::set<std::string> ids;
  for (const auto& [path, methods] : document["paths"].items()) {
    EXPECT_EQ(path.find("..."), std::string::npos) << path;
    for (const auto& [method, operation] : methods.items()) {
      const std::string what = method + " " + path;
      EXPECT_TRUE(ids.insert(operation["operationId"]).second) << what;
      EXPECT_FALSE(operation.value("summary", "").empty()) << what;
      const bool missing = operation["tags"][0] == "Not implemented";
      EXPECT_EQ(operation["responses"].size(), missing ? 2u : 3u) << what;
      EXPECT_TRUE(operation["responses"].contains("5XX")) << what;
    }
  }
}

TEST_F(OpenApiTest, ParametersAreThoseThatAreRead) {
  const Json document = Build().document;
  const auto known = KnownChatParameters();
  EXPECT_EQ(Names(Schema(document, "ChatRequest")["properties"]),
            std::set<std::string>(known.begin(), known.end()));
  const auto texts = KnownTextParameters();
  EXPECT_EQ(Names(Schema(document, "TextRequest")["properties"]),
            std::set<std::string>(texts.begin(), texts.end()));
  const auto embeddings = KnownEmbeddingParameters();
  EXPECT_EQ(Names(Schema(document, "EmbeddingRequest")["properties"]),
            std::set<std::string>(embeddings.begin(), embeddings.end()));
  const auto messages = KnownMessagesParameters();
  EXPECT_EQ(Names(Schema(document, "MessagesRequest")["properties"]),
            std::set<std::string>(messages.begin(), messages.end()));
  const auto responses = KnownResponsesParameters();
  EXPECT_EQ(Names(Schema(document, "ResponsesRequest")["properties"]),
            std::set<std::string>(responses.begin(), responses.end()));
}

TEST_F(OpenApiTest, ErrorsAreThoseOfTheTable) {
  const Json document = Build().document;
  const Json& codes =
      Schema(document, "Error")["properties"]["error"]["properties"]["code"]["enum"];
  EXPECT_EQ(codes.size(), ErrorTable().size());
}

TEST_F(OpenApiTest, SaysWhoMayCall) {
  const Json document = Build().document;
  const auto& paths = document["paths"];
  EXPECT_EQ(paths["/health"]["get"]["security"], Json::array());
  EXPECT_EQ(paths["/v1/models"]["get"]["x-scope"], "inference");
  EXPECT_FALSE(paths["/v1/models"]["get"].contains("security")) << "the document's";
  EXPECT_EQ(document["security"].size(), 3u);
  const Json& chat = paths["/v1/chat/completions"]["post"];
  EXPECT_EQ(chat["parameters"][0]["$ref"], "#/components/parameters/IdempotencyKey");
  EXPECT_EQ(paths["/v1/models/{id}"]["get"]["parameters"][0]["name"], "id");
}

TEST_F(OpenApiTest, MistakesAreNamed) {
  const EmbeddedFile files[] = {
      {"reference/bad.json", "", "{"},
      {"reference/a.json", "", R"({"tag":"A","routes":{"GET /gone":{}},"schemas":{"S":{}}})"},
      {"reference/b.json", "", R"({"tag":"B","routes":{"GET /gone":{}},"schemas":{"S":{}}})"}};
  const OpenApi api =
      BuildOpenApi(files, {{"GET", "/new", Rule::kOpen, false, ErrorResponse}}, "1");
  EXPECT_EQ(api.mistakes.size(), 5u);
  EXPECT_TRUE(api.document["paths"]["/new"].contains("get"));
}

TEST_F(OpenApiTest, IsServedToAnybody) {
  Start();
  const auto response = Ask(Bytes("GET", "/openapi.json"));
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(Json::parse(response.body)["openapi"], "3.1.0");
}

TEST_F(OpenApiTest, ThePageIsOneThatItsPolicyLetsRun) {
  Start();
  const auto page = Ask(Bytes("GET", "/docs"));
  EXPECT_EQ(page.status, 200);
  EXPECT_EQ(page.headers.at("content-type"), "text/html; charset=utf-8");
  EXPECT_NE(page.headers.at("content-security-policy").find("script-src 'self'"),
            std::string::npos);
  EXPECT_EQ(page.body.find("<style"), std::string::npos);
  EXPECT_EQ(page.body.find("style="), std::string::npos);
  EXPECT_EQ(page.body.find("<script>"), std::string::npos);
  EXPECT_EQ(page.body.find("//"), std::string::npos) << "nothing from elsewhere";
  EXPECT_EQ(Ask(Bytes("GET", "/docs/docs.js")).headers.at("content-type"),
            "text/javascript; charset=utf-8");
  EXPECT_EQ(Ask(Bytes("GET", "/docs/docs.css")).headers.at("content-type"),
            "text/css; charset=utf-8");
  EXPECT_EQ(Ask(Bytes("GET", "/docs/nothing")).status, 404);
  EXPECT_EQ(Ask(Bytes("GET", "/docs", "If-None-Match: " + page.headers.at("etag") + "\r\n")).status,
            304);
}

}  // namespace
}  // namespace dure::api
