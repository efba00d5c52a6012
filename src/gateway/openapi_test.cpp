// What openapi.h promises; that a linter and the gateway's answers agree with it is tests/openapi.test.mjs.
#include "gateway/openapi.h"

#include <gtest/gtest.h>

#include "base/json.h"
#include "dialects/native/native.h"

namespace ai_proxy::gateway {
namespace {

TEST(OpenApiTest, HoldsTheSchemaThatValidates) {
  const std::string text = render_openapi({"openai", "elsewhere"});
  json::Document document;
  ASSERT_FALSE(document.parse(text, json::kProviderLimits));
  EXPECT_EQ(document.root()["openapi"].string_or(""), "3.1.0");
  EXPECT_EQ(document.root()["components"]["schemas"]["ChatRequest"].raw(),
            dialects::native::request_json_schema({"openai", "elsewhere"}));
}

TEST(OpenApiTest, LeavesNoPlaceOfTheTemplateOpen) {
  const std::string text = render_openapi({"openai"});
  EXPECT_EQ(text.find("@chat_request@"), std::string::npos);
  EXPECT_EQ(text.find("@version@"), std::string::npos);
}

TEST(OpenApiTest, IsMadeOncePerSnapshot) {
  const auto settings_of = [](std::string name) {
    auto settings = std::make_shared<config::Settings>();
    settings->routes.providers.emplace_back().name = std::move(name);
    return std::shared_ptr<const config::Settings>(std::move(settings));
  };
  OpenApi openapi;
  const auto before = settings_of("before"), after = settings_of("after");
  const auto first = openapi.document(before);
  EXPECT_EQ(openapi.document(before), first);
  const auto second = openapi.document(after);
  EXPECT_NE(second, first);
  EXPECT_NE(first->find(R"("before")"), std::string::npos);
  EXPECT_NE(second->find(R"("after")"), std::string::npos);
  EXPECT_EQ(second->find(R"("before")"), std::string::npos);
}

}  // namespace
}  // namespace ai_proxy::gateway
