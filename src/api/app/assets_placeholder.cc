// What stands in for the web app in a build with DURE_WEB=OFF: a page that says so.
#include <array>

#include "api/app/assets.h"

namespace dure::api::app {
namespace {

constexpr std::string_view kPage =
    "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Dure</title>"
    "<p>This build of Dure carries no web app (DURE_WEB=OFF). The API is under /v1.</p></html>\n";

}  // namespace

std::span<const Asset> Assets() {
  static const std::array<Asset, 1> kAssets = {Asset{"/index.html",
                                                     "text/html; charset=utf-8",
                                                     "W/\"placeholder\"",
                                                     std::as_bytes(std::span(kPage)),
                                                     {},
                                                     {},
                                                     false}};
  return kAssets;
}

}  // namespace dure::api::app
