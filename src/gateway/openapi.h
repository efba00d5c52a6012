// GET /openapi.json: every door of this server, as an OpenAPI 3.1 document. The text is data/openapi.json;
// the request schema of /v1/chat, with the configured providers' names, is put in from the one that
// validates.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "config/settings.h"

namespace ai_proxy::gateway {

// data/openapi.json as it was when this program was built; written by cmake/embed.cmake.
extern const std::string_view kEmbeddedOpenApi;

std::string render_openapi(const std::vector<std::string_view>& provider_names);

// The document of a settings snapshot, made when it is first asked for. One thread's own.
class OpenApi {
 public:
  std::shared_ptr<const std::string> document(const std::shared_ptr<const config::Settings>& settings);

 private:
  std::weak_ptr<const config::Settings> made_of_;
  std::shared_ptr<const std::string> document_;
};

}  // namespace ai_proxy::gateway
