#include "gateway/openapi.h"

#include "dialects/native/native.h"

namespace ai_proxy::gateway {
namespace {

// Where the template has a string in place of the schema, so that it is JSON by itself.
constexpr std::string_view kSchemaPlace = R"("@chat_request@")";

}  // namespace

std::string render_openapi(const std::vector<std::string_view>& provider_names) {
  std::string document(kEmbeddedOpenApi);
  const std::size_t place = document.find(kSchemaPlace);
  if (place != std::string::npos)
    document.replace(place, kSchemaPlace.size(), dialects::native::request_json_schema(provider_names));
  return document;
}

std::shared_ptr<const std::string> OpenApi::document(
    const std::shared_ptr<const config::Settings>& settings) {
  if (document_ == nullptr || made_of_.lock() != settings) {
    std::vector<std::string_view> names;
    for (const providers::Provider& provider : settings->routes.providers) names.push_back(provider.name);
    document_ = std::make_shared<const std::string>(render_openapi(names));
    made_of_ = settings;
  }
  return document_;
}

}  // namespace ai_proxy::gateway
