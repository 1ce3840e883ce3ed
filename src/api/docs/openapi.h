// The description of the API that programs read: an OpenAPI 3.1 document made of the routes that
// there are and of the files in reference/, one for each group of routes:
//
//   {"tag": "Chat", "about": "what the group is for",
//    "errors": "Error",                                     the schema of its errors, if another
//    "routes": {"POST /v1/chat/completions": ROUTE, ...},  method and pattern as Routes::Add has
//    them "schemas": {"ChatRequest": JSON Schema, ...}}          names are the whole document's
//
// and ROUTE is
//
//   {"summary": "one line", "about": "more, in Markdown",
//    "path": {"id": SCHEMA}, "query": {"limit": SCHEMA},    a path parameter not named is a string
//    "body": SCHEMA,                                        of the JSON in the request
//    "example": {...},                                      such a body, which /docs turns into a
//    command "answers": {"200": ANSWER}}
//
// ANSWER is {"about": "...", "json": SCHEMA, "events": SCHEMA, "text": "text/csv"}, each of the
// three where an answer may be that: JSON, a stream of server-sent events whose data is that, or
// text. A SCHEMA that is a string names one of the schemas. Who may call, errors, and what every
// request may carry are added here.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "api/access/routes.h"
#include "api/docs/embedded.h"
#include "api/json_body.h"

namespace dure::api {

struct OpenApi {
  Json document;
  /// What tests want empty: files that do not parse, routes that no file describes, and
  /// descriptions of routes that do not exist, each in one line.
  std::vector<std::string> mistakes;
};

OpenApi BuildOpenApi(std::span<const EmbeddedFile> files, const std::vector<Routes::Entry>& entries,
                     std::string_view version);

}  // namespace dure::api
