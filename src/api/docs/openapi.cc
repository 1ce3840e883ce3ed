#include "api/docs/openapi.h"

#include <algorithm>
#include <cctype>
#include <map>
#include <set>
#include <utility>

namespace dure::api {

namespace {

constexpr std::string_view kAbout =
    "Dure speaks OpenAI's API under `/v1`. On one's own computer, without accounts, any key is "
    "accepted; with accounts a key is shown as `Authorization: Bearer KEY` or `x-api-key: KEY`. "
    "Every error of every route has the shape of the schema `Error`.";

Json Ref(std::string_view kind, std::string_view name) {
  return {{"$ref", "#/components/" + std::string(kind) + "/" + std::string(name)}};
}

Json SchemaOf(const Json& schema) {
  return schema.is_string() ? Ref("schemas", schema.get<std::string>()) : schema;
}

Json Member(const Json& object, const char* name) {
  return object.is_object() ? object.value(name, Json()) : Json();
}

/// "/v1/models/{id...}" -> "/v1/models/{id}"
std::string PathOf(std::string pattern) {
  for (size_t dots = 0; (dots = pattern.find("...}", dots)) != pattern.npos;)
    pattern.erase(dots, 3);
  return pattern;
}

std::vector<std::string> ParametersOf(const std::string& path) {
  std::vector<std::string> names;
  for (size_t at = 0; (at = path.find('{', at)) != path.npos; ++at) {
    names.push_back(path.substr(at + 1, path.find('}', at) - at - 1));
  }
  return names;
}

/// "POST /v1/chat/completions" -> "post_v1_chat_completions"
std::string OperationId(const std::string& route) {
  std::string id;
  for (const char c : route) {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0) {
      id += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    } else if (!id.empty() && id.back() != '_') {
      id += '_';
    }
  }
  while (id.ends_with('_')) id.pop_back();
  return id;
}

std::string_view ScopeNameOf(Rule rule) {
  switch (rule) {
    case Rule::kOpen:
      return "";
    case Rule::kInference:
      return "inference";
    case Rule::kUsage:
    case Rule::kMetrics:
      return "usage";
    case Rule::kAccount:
      return "account";
    case Rule::kAdmin:
      return "admin";
  }
  return "";
}

Json AnswerOf(const Json& answer) {
  Json out = {{"description", answer.value("about", "OK")}};
  if (answer.contains("json")) {
    out["content"]["application/json"]["schema"] = SchemaOf(answer["json"]);
  }
  if (answer.contains("events")) {
    // OpenAPI 3.1 has no word for a stream of events: `schema` is of the text, this of each `data`.
    out["content"]["text/event-stream"] = {{"schema", {{"type", "string"}}},
                                           {"x-event-schema", SchemaOf(answer["events"])}};
  }
  if (answer.contains("text")) {
    out["content"][answer["text"].get<std::string>()]["schema"]["type"] = "string";
  }
  return out;
}

Json ParametersJson(const Routes::Entry& entry, const Json& route) {
  Json out = Json::array();
  for (const std::string& name : ParametersOf(PathOf(entry.pattern))) {
    const Json given = Member(Member(route, "path"), name.c_str());
    out.push_back({{"name", name},
                   {"in", "path"},
                   {"required", true},
                   {"schema", given.is_null() ? Json{{"type", "string"}} : SchemaOf(given)}});
  }
  const Json query = Member(route, "query");
  for (const auto& [name, schema] : query.items()) {
    out.push_back({{"name", name}, {"in", "query"}, {"schema", SchemaOf(schema)}});
  }
  if (entry.metered) out.push_back(Ref("parameters", "IdempotencyKey"));
  return out;
}

/// errors: which component errors of this route are.
Json OperationJson(const Routes::Entry& entry, const Json& route, const Json& tag,
                   std::string_view errors = "Error") {
  Json out = {{"operationId", OperationId(entry.method + " " + entry.pattern)}};
  if (!tag.is_null()) out["tags"] = Json::array({tag});
  out["summary"] = route.value("summary", "");
  std::string about = route.value("about", "");
  const std::string scope(ScopeNameOf(entry.rule));
  if (!scope.empty()) {
    const bool administrators = entry.rule == Rule::kAdmin || entry.rule == Rule::kMetrics;
    about += (about.empty() ? "" : "\n\n") + ("Needs the scope `" + scope + "`") +
             (administrators ? " and an administrator's account." : ".");
    out["x-scope"] = scope;
  } else {
    out["security"] = Json::array();
  }
  if (!about.empty()) out["description"] = about;
  if (Json parameters = ParametersJson(entry, route); !parameters.empty()) {
    out["parameters"] = std::move(parameters);
  }
  if (route.contains("body")) {
    Json content = {{"schema", SchemaOf(route["body"])}};
    if (route.contains("example")) content["example"] = route["example"];
    out["requestBody"] = {{"required", true}, {"content", {{"application/json", content}}}};
  }
  const Json answers = Member(route, "answers");
  for (const auto& [status, answer] : answers.items()) out["responses"][status] = AnswerOf(answer);
  for (const char* status : {"4XX", "5XX"}) out["responses"][status] = Ref("responses", errors);
  return out;
}

/// An endpoint that other servers have.
Json MissingJson(const Routes::Entry& entry) {
  return OperationJson(entry,
                       {{"summary", "Not implemented"},
                        {"about", "OpenAI has this endpoint; this server does not yet."},
                        {"answers", Json::object()}},
                       "Not implemented");
}

Json ErrorSchema() {
  Json codes = Json::array();
  std::set<std::string_view> types;
  for (const ErrorRow& row : ErrorTable()) {
    codes.push_back(row.code);
    types.insert(row.type);
  }
  const Json text = {{"type", "string"}};
  return {{"type", "object"},
          {"required", Json::array({"error"})},
          {"properties",
           {{"error",
             {{"type", "object"},
              {"required", {"message", "type", "param", "code"}},
              {"properties",
               {{"message", text},
                {"type", {{"type", "string"}, {"enum", types}}},
                {"param", {{"type", {"string", "null"}}}},
                {"code", {{"type", "string"}, {"enum", std::move(codes)}}}}}}}}}};
}

Json ComponentsJson() {
  const Json key = {{"name", "Idempotency-Key"},
                    {"in", "header"},
                    {"description", "The same key with the same body gives the same answer again."},
                    {"schema", {{"type", "string"}, {"minLength", 1}, {"maxLength", 255}}}};
  return {{"securitySchemes",
           {{"bearer", {{"type", "http"}, {"scheme", "bearer"}}},
            {"x-api-key", {{"type", "apiKey"}, {"in", "header"}, {"name", "x-api-key"}}},
            {"session", {{"type", "apiKey"}, {"in", "cookie"}, {"name", "dure_session"}}}}},
          {"parameters", {{"IdempotencyKey", key}}},
          {"schemas", {{"Error", ErrorSchema()}}}};
}

/// What the files say, by route.
struct Reference {
  struct Route {
    Json description;
    Json tag;
    std::string errors;  // the name of their schema, and of the answer that has it
  };
  std::map<std::string, Route> routes;
  std::set<std::string> errors;
  Json tags = Json::array();
  Json schemas = Json::object();
};

Reference ReadReference(std::span<const EmbeddedFile> files, std::vector<std::string>& mistakes) {
  Reference reference;
  for (const EmbeddedFile& file : files) {
    if (!file.name.ends_with(".json")) continue;
    const Json group = Json::parse(file.bytes, nullptr, /*allow_exceptions=*/false);
    if (!group.is_object()) {
      mistakes.push_back(std::string(file.name) + " is no JSON object");
      continue;
    }
    const Json tag = group.value("tag", Json());
    reference.tags.push_back({{"name", tag}, {"description", group.value("about", "")}});
    const std::string errors = group.value("errors", "Error");
    reference.errors.insert(errors);
    const Json routes = Member(group, "routes");
    for (const auto& [route, description] : routes.items()) {
      if (!reference.routes.emplace(route, Reference::Route{description, tag, errors}).second) {
        mistakes.push_back(route + " is described twice");
      }
    }
    const Json schemas = Member(group, "schemas");
    for (const auto& [name, schema] : schemas.items()) {
      if (reference.schemas.contains(name)) {
        mistakes.push_back("the schema " + name + " is there twice");
      }
      reference.schemas[name] = schema;
    }
  }
  return reference;
}

}  // namespace

OpenApi BuildOpenApi(std::span<const EmbeddedFile> files, const std::vector<Routes::Entry>& entries,
                     std::string_view version) {
  OpenApi out;
  Reference reference = ReadReference(files, out.mistakes);
  Json paths = Json::object();
  for (const Routes::Entry& entry : entries) {
    std::string method = entry.method;
    for (char& c : method) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    Json& operation = paths[PathOf(entry.pattern)][method];
    if (entry.missing) {
      operation = MissingJson(entry);
      continue;
    }
    const std::string route = entry.method + " " + entry.pattern;
    const auto found = reference.routes.find(route);
    if (found == reference.routes.end()) {
      out.mistakes.push_back(route + " is described in no file of src/api/docs/reference");
      operation = OperationJson(entry, Json::object(), nullptr);
      continue;
    }
    const Reference::Route& known = found->second;
    operation = OperationJson(entry, known.description, known.tag, known.errors);
    reference.routes.erase(found);
  }
  for (const auto& [route, description] : reference.routes) {
    out.mistakes.push_back(route + " is described but is no route");
  }
  Json components = ComponentsJson();
  components["schemas"].update(reference.schemas);
  for (const std::string& errors : reference.errors) {
    components["responses"][errors] = {
        {"description", "An error; see docs/errors.md for its codes."},
        {"content", {{"application/json", {{"schema", Ref("schemas", errors)}}}}}};
  }
  out.document = {
      {"openapi", "3.1.0"},
      {"info", {{"title", "Dure"}, {"version", version}, {"description", kAbout}}},
      {"servers", Json::array({Json{{"url", "/"}}})},
      {"security",
       {{{"bearer", Json::array()}}, {{"x-api-key", Json::array()}}, {{"session", Json::array()}}}},
      {"tags", std::move(reference.tags)},
      {"paths", std::move(paths)},
      {"components", std::move(components)}};
  return out;
}

}  // namespace dure::api
