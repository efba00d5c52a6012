#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>

#include "dialects/dialects.h"
#include "providers/provider.h"

namespace ai_proxy::providers {
namespace {

TEST(BuiltInProviders, AreTheContractsThreeInItsOrderAndWithoutKeys) {
  const auto providers = built_in_providers();
  ASSERT_EQ(providers.size(), 3u);
  EXPECT_EQ(providers[0].name, "openai");
  EXPECT_EQ(providers[0].origin.authority(), "api.openai.com");
  EXPECT_EQ(providers[0].key_variable, "OPENAI_API_KEY");
  EXPECT_EQ(providers[0].dialect, &dialects::kOpenAiChat);
  EXPECT_EQ(providers[1].name, "anthropic");
  EXPECT_EQ(providers[1].origin.authority(), "api.anthropic.com");
  EXPECT_EQ(providers[1].dialect, &dialects::kAnthropicMessages);
  EXPECT_EQ(providers[2].name, "mistral");
  EXPECT_EQ(providers[2].origin.authority(), "api.mistral.ai");
  EXPECT_EQ(providers[2].dialect, &dialects::kMistralChat);
  for (const Provider& provider : providers) {
    EXPECT_TRUE(provider.origin.tls);
    EXPECT_FALSE(provider.configured());
    EXPECT_EQ(provider.catalog, provider.name);
    EXPECT_EQ(provider.region, "");
  }
}

TEST(RequestFields, CarryTheBearerKeyAndWhatEveryCallNeeds) {
  Provider openai = built_in_providers()[0];
  openai.keys.emplace_back("sk-test");
  EXPECT_EQ(openai.request_fields(false, openai.keys.front()),
            "authorization: Bearer sk-test\r\ncontent-type: application/json\r\naccept: application/json\r\n"
            "accept-encoding: identity\r\nuser-agent: ai-proxy/0.1.0\r\n");
  EXPECT_NE(openai.request_fields(true, openai.keys.front())
                .find("accept: text/event-stream, application/json\r\n"),
            std::string::npos);
}

TEST(RequestFields, OfAnthropicCarryTheKeyOnceAndTheVersion) {
  Provider anthropic = built_in_providers()[1];
  anthropic.keys.emplace_back("sk-ant-test");
  const std::string lines = anthropic.request_fields(true, anthropic.keys.front());
  EXPECT_NE(lines.find("x-api-key: sk-ant-test\r\n"), std::string::npos);
  EXPECT_NE(lines.find("anthropic-version: 2023-06-01\r\n"), std::string::npos);
  EXPECT_EQ(lines.find("authorization"), std::string::npos);
}

TEST(RequestFields, WithoutAuthCarryNoKey) {
  Provider local = built_in_providers()[0];
  local.auth = AuthStyle::none;
  EXPECT_TRUE(local.configured());
  EXPECT_EQ(local.request_fields(false, {}).find("authorization"), std::string::npos);
}

TEST(RequestFields, NameTheVersionThatCMakeBuilds) {
  std::ifstream file(SOURCE_DIR "/CMakeLists.txt");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const auto at = text.find("VERSION", text.find("project(ai_proxy")) + 8;
  const std::string version = text.substr(at, text.find_first_of(" )\n", at) - at);
  EXPECT_NE(
      built_in_providers()[0].request_fields(false, {}).find("user-agent: ai-proxy/" + version + "\r\n"),
      std::string::npos);
}

TEST(Region, IsReadFromTheRegionalHostsAlone) {
  EXPECT_EQ(region_of("eu.api.openai.com"), "eu");
  EXPECT_EQ(region_of("us.api.openai.com"), "us");
  EXPECT_EQ(region_of("api.eu.mistral.ai"), "eu");
  EXPECT_EQ(region_of("api.openai.com"), "");
  EXPECT_EQ(region_of("api.mistral.ai"), "");
  EXPECT_EQ(region_of("eu.api.openai.com.example.org"), "");
  EXPECT_EQ(region_of("api.evil.mistral.ai"), "");
  EXPECT_EQ(region_of("eu.api.anthropic.com"), "");
  EXPECT_EQ(region_of(""), "");
}

}  // namespace
}  // namespace ai_proxy::providers
