// The section `egress`, the proxies' variables, and whom a provider's entry trusts.
#include <gtest/gtest.h>

#include <algorithm>

#include "config/settings_fixture.h"
#include "http/proxy.h"

namespace ai_proxy::config {
namespace {

constexpr std::string_view kProviders =
    "providers:\n  plain: {base_url: 'http://plain.example', auth: none}\n"
    "  here: {base_url: 'http://127.0.0.1:9000', auth: none}\n";

// Provider -> host of its proxy, "-" for none.
std::string way(const Settings& settings, std::string_view name) {
  for (const providers::Provider& provider : settings.routes.providers) {
    if (provider.name != name) continue;
    return provider.origin.proxy == nullptr ? "-" : provider.origin.proxy->host;
  }
  return "?";
}

std::string ways(const World& world) {
  const auto settings = world.read();
  if (!settings) return joined(settings.error());
  return way(**settings, "openai") + " " + way(**settings, "plain") + " " + way(**settings, "here");
}

World with(std::map<std::string, std::string, std::less<>> environment, std::string_view egress = "") {
  World world;
  world.environment = std::move(environment);
  world.yaml = std::string(kProviders).append(egress);
  return world;
}

TEST(Egress, IsDirectByItself) {
  EXPECT_EQ(ways(with({})), "- - -");
}

TEST(Egress, TakesTheVariablesOfTheScheme) {
  EXPECT_EQ(ways(with({{"HTTPS_PROXY", "http://a:1"}})), "a - -");
  EXPECT_EQ(ways(with({{"HTTP_PROXY", "http://a:1"}})), "- a a");
  EXPECT_EQ(ways(with({{"ALL_PROXY", "http://a:1"}})), "a a a");
  EXPECT_EQ(ways(with({{"HTTPS_PROXY", "http://a:1"}, {"ALL_PROXY", "b:1"}})), "a b b");
  EXPECT_EQ(ways(with({{"https_proxy", "http://a:1"}, {"HTTPS_PROXY", "b:1"}, {"http_proxy", "c:1"}})),
            "a c c");
  EXPECT_EQ(ways(with({{"HTTPS_PROXY", ""}})), "- - -");
}

TEST(Egress, TakesTheFileUnderTheEnvironment) {
  EXPECT_EQ(ways(with({}, "egress: {proxy: 'http://f:1'}\n")), "f f f");
  EXPECT_EQ(ways(with({{"HTTPS_PROXY", "a:1"}}, "egress: {proxy: 'http://f:1'}\n")), "a f f");
  EXPECT_EQ(ways(with({}, "egress: {proxy: 'http://f:1', no_proxy: 'openai.com, plain.example'}\n")),
            "- - f");
}

TEST(Egress, LeavesOutWhatNoProxyNames) {
  EXPECT_EQ(ways(with({{"ALL_PROXY", "a:1"}, {"NO_PROXY", "127.0.0.1,.example"}})), "a - -");
  EXPECT_EQ(ways(with({{"ALL_PROXY", "a:1"}, {"no_proxy", "*"}, {"NO_PROXY", "other"}})), "- - -");
}

TEST(Egress, NamesAProviderOfThisMachineBehindAProxy) {
  const auto settings = with({{"ALL_PROXY", "a:1"}}).read();
  ASSERT_TRUE(settings);
  ASSERT_EQ((*settings)->warnings.size(), 1u);
  EXPECT_TRUE((*settings)->warnings[0].starts_with("here is on this machine (127.0.0.1) and is called"));
}

TEST(Egress, RefusesWhatIsNoProxyOnceAndWithoutItsPassword) {
  const auto faults = with({{"ALL_PROXY", "socks5://user:secret@a:1"}}).faults();
  ASSERT_EQ(faults.size(), 1u);
  EXPECT_EQ(faults[0],
            "ALL_PROXY: The proxy's URL must begin with http://: other kinds of proxy are not spoken here.");
  const auto in_file = with({}, "egress: {proxy: 'http://user:secret@a'}\n").faults();
  ASSERT_EQ(in_file.size(), 1u);
  EXPECT_TRUE(in_file[0].starts_with("config.yaml:4:10: egress.proxy: The proxy's URL must name the port"));
  EXPECT_FALSE(in_file[0].contains("secret"));
  EXPECT_TRUE(joined(with({}, "egress: {proxi: 'a:1'}\n").faults()).contains("Did you mean \"proxy\"?"));
}

const http::Origin& origin_of(const Settings& settings, std::string_view name) {
  return std::ranges::find(settings.routes.providers, name, &providers::Provider::name)->origin;
}

TEST(Trust, IsTheProvidersOwnMatter) {
  World world;
  world.environment = {{"OPENAI_INTERNAL", "true"}, {"OLLAMA_BASE_URL", "http://ollama:11434"}};
  world.yaml =
      "providers:\n  blind: {base_url: 'https://b.example', auth: none, tls_verify: false}\n"
      "  inner: {base_url: 'http://i.example', auth: none, internal: true}\n"
      "  vllm: {internal: false}\n";
  const auto settings = world.read();
  ASSERT_TRUE(settings) << joined(settings.error());
  EXPECT_TRUE(origin_of(**settings, "openai").internal);
  EXPECT_TRUE(origin_of(**settings, "openai").tls_verify);
  EXPECT_FALSE(origin_of(**settings, "mistral").internal);
  EXPECT_FALSE(origin_of(**settings, "blind").tls_verify);
  EXPECT_FALSE(origin_of(**settings, "blind").internal);
  EXPECT_TRUE(origin_of(**settings, "inner").internal);
  EXPECT_TRUE(origin_of(**settings, "ollama").internal);  // a server of one's own
  EXPECT_FALSE(origin_of(**settings, "vllm").internal);
  ASSERT_EQ((*settings)->warnings.size(), 1u);
  EXPECT_TRUE(
      (*settings)->warnings[0].starts_with("The certificate of blind is not checked (tls_verify: false)"));
  world.yaml = "providers:\n  blind: {base_url: 'https://b.example', auth: none, tls_verify: perhaps}\n";
  EXPECT_TRUE(joined(world.faults()).contains("providers.blind.tls_verify: "));
}

}  // namespace
}  // namespace ai_proxy::config
