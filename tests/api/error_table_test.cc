#include "api/error_table.h"

#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <sstream>

#include "api/json_body.h"

namespace dure::api {
namespace {

std::string ReadDocument(const std::string& name) {
  std::ifstream file(std::string(DURE_TEST_DATA) + "/../../docs/" + name);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

TEST(ErrorTableTest, EveryRowIsInTheDocument) {
  const std::string document = ReadDocument("errors.md");
  ASSERT_FALSE(document.empty());
  std::set<std::string_view> codes;
  for (const ErrorRow& row : ErrorTable()) {
    EXPECT_TRUE(codes.insert(row.code).second) << row.code << " is there twice";
    std::stringstream line;
    line << "| `" << row.code << "` | " << row.status << " | `" << row.type << "` | " << row.meaning
         << " |\n";
    EXPECT_NE(document.find(line.str()), std::string::npos)
        << "docs/errors.md lacks " << line.str();
  }
}

TEST(ErrorTableTest, AnswersInOpenAisShape) {
  const net::Response response =
      ErrorResponse({"context_length_exceeded", "4 > 3 \xff", "messages"});
  EXPECT_EQ(response.status, 400);
  const Json body = Json::parse(response.body);
  EXPECT_EQ(body["error"]["code"], "context_length_exceeded");
  EXPECT_EQ(body["error"]["type"], "invalid_request_error");
  EXPECT_EQ(body["error"]["param"], "messages");
  EXPECT_EQ(body["error"]["message"], "4 > 3 \xef\xbf\xbd");
  EXPECT_TRUE(Json::parse(ErrorJson({"unknown_url", "x", ""}))["error"]["param"].is_null());
}

TEST(ErrorTableTest, SaysWhetherTryingAgainHelps) {
  EXPECT_TRUE(ErrorResponse({"model_loading", "", ""}).headers.Has("Retry-After"));
  EXPECT_EQ(ErrorResponse({"not_implemented", "", ""}).headers.Find("x-should-retry"), "false");
  EXPECT_FALSE(ErrorResponse({"invalid_json", "", ""}).headers.Has("x-should-retry"));
}

TEST(ErrorTableTest, EveryProviderErrorHasARow) {
  for (int code = 0; code <= static_cast<int>(ErrorCode::kInternal); ++code) {
    const ApiError error = FromProviderError({static_cast<ErrorCode>(code), "why"});
    EXPECT_EQ(RowOf(error).code, error.code);
    EXPECT_FALSE(error.message.empty());
  }
}

TEST(ErrorTableTest, WhatAProviderSaysOfThisMachineStaysHere) {
  const std::string secret = "/srv/models/x.gguf: no space left on device";
  for (const ErrorCode code :
       {ErrorCode::kConflict, ErrorCode::kCorrupt, ErrorCode::kIo, ErrorCode::kInternal}) {
    const std::string json = ErrorJson(FromProviderError({code, secret}));
    EXPECT_EQ(json.find("srv"), std::string::npos) << json;
    EXPECT_EQ(json.find("space"), std::string::npos) << json;
  }
  EXPECT_EQ(FromProviderError({ErrorCode::kContextLengthExceeded, "9 > 8"}).message, "9 > 8");
}

TEST(ErrorTableTest, NamesTheParameterAProviderBlames) {
  EXPECT_EQ(FromProviderError({ErrorCode::kInvalidArgument, "logit_bias names token 9"}).param,
            "logit_bias");
  EXPECT_EQ(FromProviderError({ErrorCode::kInvalidArgument, "the prompt is empty"}).param, "");
}

}  // namespace
}  // namespace dure::api
