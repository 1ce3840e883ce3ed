// GET /openapi.json and the page at /docs that shows it.
#include <memory>
#include <string>
#include <vector>

#include "api/app/pages.h"
#include "api/docs/openapi.h"
#include "api/service.h"

namespace dure::api {

namespace {

using net::RunOn;

std::string_view ContentTypeOf(std::string_view name) {
  if (name.ends_with(".css")) return "text/css; charset=utf-8";
  if (name.ends_with(".js")) return "text/javascript; charset=utf-8";
  return "text/html; charset=utf-8";
}

/// The page's files under the paths where they are served, index.html as /docs itself.
struct Page {
  std::vector<std::string> paths;
  std::vector<app::Asset> assets;
};

std::shared_ptr<const Page> MakePage() {
  auto page = std::make_shared<Page>();
  constexpr std::string_view kFolder = "page/";
  page->paths.reserve(DocsFiles().size());
  for (const EmbeddedFile& file : DocsFiles()) {
    if (!file.name.starts_with(kFolder)) continue;
    const std::string name(file.name.substr(kFolder.size()));
    page->paths.push_back(name == "index.html" ? "/docs" : "/docs/" + name);
    page->assets.push_back({page->paths.back(),
                            ContentTypeOf(name),
                            file.etag,
                            std::as_bytes(std::span(file.bytes)),
                            {},
                            {},
                            false});
  }
  return page;
}

}  // namespace

void AddDocsRoutes(Routes& routes) {
  const auto page = MakePage();
  const auto document = std::make_shared<std::string>();
  routes.Add("GET", "/openapi.json", RunOn::kIoThread, Rule::kOpen,
             [document](const Service&, const Call& call) {
               call.Send({200, {{"Content-Type", "application/json"}}, *document});
             });
  const auto serve = [page](const Service&, const Call& call) {
    call.Send(ServePage(call.request, page->assets));
  };
  routes.Add("GET", "/docs", RunOn::kIoThread, Rule::kOpen, serve);
  routes.Add("GET", "/docs/{file}", RunOn::kIoThread, Rule::kOpen, serve);
  *document = DumpJson(BuildOpenApi(DocsFiles(), routes.entries(), routes.version()).document);
}

}  // namespace dure::api
