// How the rows of the table of compatible providers become active, and what may be changed about them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/settings_fixture.h"
#include "dialects/dialects.h"

namespace ai_proxy::config {
namespace {

using providers::AuthStyle;
using providers::Provider;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;

std::shared_ptr<const Settings> good(const World& world) {
  auto result = world.read();
  EXPECT_TRUE(result) << (result ? "" : joined(result.error()));
  return result ? *result : std::make_shared<const Settings>();
}

std::vector<std::string> names(const Settings& settings) {
  std::vector<std::string> found;
  for (const Provider& provider : settings.routes.providers) found.push_back(provider.name);
  return found;
}

// The provider of this name; a fresh one, and a failure, when there is none.
Provider provider(const World& world, std::string_view name) {
  const auto settings = good(world);
  for (const Provider& one : settings->routes.providers) {
    if (one.name == name) return one;
  }
  ADD_FAILURE() << name << " is not active";
  return {};
}

std::string address(const Provider& provider) {
  return provider.origin.authority() + provider.origin.path_prefix + provider.path_of("/v1/x");
}

TEST(CompatibleRow, BecomesActiveByItsKey) {
  World world;
  world.dotenv = "GROQ_API_KEY=gsk-1\nDEEPSEEK_API_KEY=your_deepseek_api_key_here\n";
  world.environment = {{"GEMINI_API_KEY", "AIza-1"}, {"XAI_API_KEY", ""}};
  EXPECT_THAT(names(*good(world)), ElementsAre("openai", "anthropic", "mistral", "groq", "gemini"));
  const Provider groq = provider(world, "groq");
  EXPECT_EQ(groq.keys.at(0).reveal(), "gsk-1");
  EXPECT_EQ(address(groq), "api.groq.com/openai/v1/x");
  EXPECT_TRUE(groq.responses);
  EXPECT_EQ(groq.embeddings, nullptr);
  EXPECT_EQ(address(provider(world, "gemini")), "generativelanguage.googleapis.com/v1beta/openai/x");
}

TEST(CompatibleRow, BecomesActiveByItsBaseUrl) {
  World world;
  world.environment = {{"OLLAMA_BASE_URL", "http://10.0.0.5:11434/v1/"},
                       {"GROQ_BASE_URL", "http://127.0.0.1:9001"}};
  EXPECT_THAT(names(*good(world)), ElementsAre("openai", "anthropic", "mistral", "groq", "ollama"));
  const Provider ollama = provider(world, "ollama");
  EXPECT_TRUE(ollama.configured());
  EXPECT_EQ(ollama.auth, AuthStyle::none);
  EXPECT_EQ(address(ollama), "10.0.0.5:11434/v1/x");
  EXPECT_FALSE(ollama.quirks.max_completion_tokens);
  const Provider groq = provider(world, "groq");
  EXPECT_FALSE(groq.configured());
  EXPECT_EQ(groq.key_variable, "GROQ_API_KEY");
  EXPECT_THAT(good(world)->notes, Contains(HasSubstr("GROQ_API_KEY is not set")));
}

TEST(CompatibleRow, BecomesActiveByItsNameInTheFile) {
  World world;
  world.yaml = "providers:\n  mine: {base_url: 'https://m.example'}\n  lmstudio:\n  together: {}\n";
  EXPECT_THAT(names(*good(world)),
              ElementsAre("openai", "anthropic", "mistral", "together", "lmstudio", "mine"));
  EXPECT_EQ(address(provider(world, "lmstudio")), "127.0.0.1:1234/v1/x");
  EXPECT_EQ(provider(world, "together").key_variable, "TOGETHER_API_KEY");
}

TEST(CompatibleRow, CanBeChangedInEveryPart) {
  World world;
  world.environment = {{"MY_KEY", "k-1"}, {"DEEPSEEK_BASE_URL", "https://relay.example/beta"}};
  world.yaml = R"(providers:
  deepseek:
    base_url: https://other.example
    version_path: /v3/
    api_key_env: MY_KEY
    auth: x-api-key
    headers: {x-team: blue}
    quirks: {developer_role: yes, json_schema: true, max_completion_tokens: yes, stream_options: no, parallel_tool_calls: off, responses: yes, embeddings: yes}
)";
  const Provider deepseek = provider(world, "deepseek");
  EXPECT_EQ(address(deepseek), "relay.example/beta/v3/x");
  EXPECT_EQ(deepseek.keys.at(0).reveal(), "k-1");
  EXPECT_EQ(deepseek.auth, AuthStyle::x_api_key);
  EXPECT_EQ(deepseek.fields, "x-team: blue\r\n");
  EXPECT_EQ(deepseek.quirks, (providers::Quirks{.stream_options = false,
                                                .max_completion_tokens = true,
                                                .developer_role = true,
                                                .parallel_tool_calls = false,
                                                .json_schema = true}));
  EXPECT_TRUE(deepseek.responses);
  EXPECT_EQ(deepseek.embeddings, &dialects::kOpenAiEmbeddings);
}

TEST(CompatibleRow, OfAnotherDialectHasNoneOfTheQuirks) {
  World world;
  world.yaml = "providers: {deepseek: {base_url: 'https://api.deepseek.com/anthropic', dialect: anthropic}}";
  const Provider deepseek = provider(world, "deepseek");
  EXPECT_EQ(deepseek.dialect, &dialects::kAnthropicMessages);
  EXPECT_EQ(deepseek.auth, AuthStyle::x_api_key);
  EXPECT_EQ(deepseek.fields, "anthropic-version: 2023-06-01\r\n");
  EXPECT_EQ(deepseek.quirks, providers::Quirks{});
  EXPECT_EQ(deepseek.embeddings, nullptr);
}

TEST(CompatibleRow, KeepsItsAuthWhenItsOwnDialectIsNamed) {
  World world;
  world.yaml =
      "providers: {ollama: {dialect: openai}, azure: {dialect: openai, base_url: 'https://a.example'}}";
  EXPECT_EQ(provider(world, "ollama").auth, AuthStyle::none);
  EXPECT_EQ(provider(world, "azure").auth, AuthStyle::api_key);
}

TEST(CompatibleRow, WithoutAKeySendsOneThatIsGiven) {
  World world;
  world.yaml = "providers: {vllm: {}, ollama: {auth: none}}";
  world.environment = {{"VLLM_API_KEY", "token-1"}, {"OLLAMA_API_KEY", "unused"}};
  EXPECT_EQ(provider(world, "vllm").auth, AuthStyle::bearer);
  EXPECT_EQ(provider(world, "vllm").keys.at(0).reveal(), "token-1");
  EXPECT_EQ(provider(world, "ollama").auth, AuthStyle::none);
  // The key of a server that needs none does not make it active: it is Ollama's cloud that has keys.
  world.yaml.clear();
  EXPECT_EQ(names(*good(world)).size(), 3u);
}

TEST(Azure, NeedsAnAddress) {
  World world;
  world.environment = {{"AZURE_OPENAI_API_KEY", "az-1"}, {"OPENAI_API_KEY", "k"}};
  EXPECT_EQ(names(*good(world)).size(), 3u);
  EXPECT_THAT(good(world)->notes, Contains(HasSubstr("set AZURE_BASE_URL")));
  world.environment["AZURE_BASE_URL"] = "https://me.openai.azure.com";
  EXPECT_EQ(address(provider(world, "azure")), "me.openai.azure.com/openai/v1/x");
  EXPECT_EQ(provider(world, "azure").keys.at(0).reveal(), "az-1");
  world.environment.erase("AZURE_BASE_URL");
  world.yaml = "providers:\n  azure:\n    catalog: openai\n";
  EXPECT_THAT(world.faults(),
              ElementsAre(HasSubstr("config.yaml:3:5: providers.azure: base_url is missing, such "
                                    "as https://RESOURCE.openai.azure.com.")));
}

TEST(Others, NeedAnAddressToo) {
  World world;
  world.environment = {{"MINE_BASE_URL", "https://mine.example"}};
  world.yaml = "providers:\n  openai: {}\n  mine:\n";
  EXPECT_THAT(world.faults(), ElementsAre(HasSubstr("config.yaml:3:3: providers.mine: base_url is missing")));
}

TEST(Others, MayHaveQuirksAndAnotherVersion) {
  World world;
  world.yaml = R"(providers:
  glm: {base_url: "https://open.example/api/paas/v4", version_path: /v4, quirks: {max_completion_tokens: no}}
  bare: {base_url: "https://bare.example", version_path: ""}
)";
  EXPECT_EQ(address(provider(world, "glm")), "open.example/api/paas/v4/x");
  EXPECT_FALSE(provider(world, "glm").quirks.max_completion_tokens);
  EXPECT_TRUE(provider(world, "glm").quirks.developer_role);
  EXPECT_EQ(provider(world, "glm").embeddings, &dialects::kOpenAiEmbeddings);
  EXPECT_FALSE(provider(world, "glm").responses);
  EXPECT_EQ(address(provider(world, "bare")), "bare.example/x");
}

TEST(CompatibleRow, FaultsNameLineAndField) {
  const auto faults = [](const std::string& yaml) {
    World world;
    world.yaml = yaml;
    return world.faults();
  };
  EXPECT_THAT(
      faults("providers:\n  groq:\n    quirks:\n      developr_role: no\n"),
      ElementsAre(HasSubstr("config.yaml:4:7: providers.groq.quirks.developr_role: there is no such key. Did "
                            "you mean \"developer_role\"?")));
  EXPECT_THAT(
      faults("providers:\n  groq:\n    quirks:\n      json_schema: perhaps\n"),
      ElementsAre(HasSubstr("config.yaml:4:7: providers.groq.quirks.json_schema: must be true or false")));
  EXPECT_THAT(
      faults("providers:\n  groq:\n    version_path: v2\n"),
      ElementsAre(HasSubstr("config.yaml:3:5: providers.groq.version_path: must be a path such as /v1")));
  EXPECT_THAT(faults("providers: {x: {base_url: 'https://x', version_path: '/a b'}}").size(), 1u);
  EXPECT_THAT(faults("providers:\n  mistral:\n    quirks: {stream_options: no}\n"),
              ElementsAre(HasSubstr(
                  "config.yaml:3:13: providers.mistral.quirks: only providers of the dialect openai")));
  EXPECT_THAT(
      faults("providers:\n  groq:\n    headers: {Api-Key: x}\n"),
      ElementsAre(HasSubstr("config.yaml:3:15: providers.groq.headers.Api-Key: the key belongs in api_key")));
  EXPECT_THAT(
      faults("providers:\n  llamacpp:\n"),
      ElementsAre(HasSubstr("config.yaml:2:3: providers.llamacpp: its usual address is that of AI Proxy")));
  World world;
  world.environment = {{"OLLAMA_BASE_URL", "localhost:11434"}};
  EXPECT_THAT(world.faults(),
              ElementsAre("OLLAMA_BASE_URL: The base URL must begin with http:// or https://."));
}

TEST(OnUnsupported, IsWarnUnlessItIsReject) {
  World world;
  EXPECT_FALSE(good(world)->reject_unsupported);
  world.yaml = "on_unsupported: reject\n";
  EXPECT_TRUE(good(world)->reject_unsupported);
  world.environment = {{"AI_PROXY_ON_UNSUPPORTED", "Warn"}};
  EXPECT_FALSE(good(world)->reject_unsupported);
  world.yaml.clear();
  world.environment = {{"AI_PROXY_ON_UNSUPPORTED", " reject "}};
  EXPECT_TRUE(good(world)->reject_unsupported);
}

TEST(OnUnsupported, FaultsNameTheWords) {
  World world;
  world.yaml = "server: {}\non_unsupported: rejct\n";
  EXPECT_THAT(world.faults(), ElementsAre("config.yaml:2:1: on_unsupported: must be one of warn, reject, not "
                                          "\"rejct\". Did you mean \"reject\"?"));
  world.yaml.clear();
  world.environment = {{"AI_PROXY_ON_UNSUPPORTED", "yes"}};
  EXPECT_THAT(world.faults(), ElementsAre(HasSubstr("AI_PROXY_ON_UNSUPPORTED: must be one of warn, reject")));
}

}  // namespace
}  // namespace ai_proxy::config
