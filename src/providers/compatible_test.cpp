#include "providers/compatible.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "dialects/dialects.h"

namespace ai_proxy::providers {
namespace {

const CompatibleProvider& row_of(std::string_view name) {
  const CompatibleProvider* row = find_compatible(name);
  EXPECT_NE(row, nullptr) << name;
  return row == nullptr ? compatible_providers().front() : *row;
}

// Where a call of the row's chat goes, with this base URL.
std::string chat_url(std::string_view name, std::string_view base_url) {
  const CompatibleProvider& row = row_of(name);
  const Provider provider = make_provider(row);
  auto origin = http::parse_base_url(base_url);
  EXPECT_TRUE(origin) << base_url;
  if (!origin) return {};
  drop_version(*origin, provider.version_path);
  complete_path(*origin, row);
  return origin->authority() + origin->path_prefix + provider.path_of(dialects::kOpenAiChat.path);
}

bool takes(const Provider& provider, std::string_view body, std::string_view door = "openai_chat") {
  json::Document document;
  EXPECT_FALSE(document.parse(body)) << body;
  return provider.takes_as_is(door, document.root());
}

TEST(CompatibleProviders, HaveNamesOfTheirOwnAndAddressesThatCanBeRead) {
  std::set<std::string_view> names{"openai", "anthropic", "mistral"};
  for (const CompatibleProvider& row : compatible_providers()) {
    EXPECT_TRUE(names.insert(row.name).second) << row.name;
    EXPECT_EQ(find_compatible(row.name), &row);
    const Provider provider = make_provider(row);
    EXPECT_EQ(provider.origin.host.empty(), row.name == "azure") << row.name;
    EXPECT_EQ(provider.configured(), row.key_variable.empty()) << row.name;
    EXPECT_EQ(provider.catalog, "") << row.name;
    EXPECT_EQ(provider.dialect, &dialects::kOpenAiChat);
  }
  EXPECT_EQ(find_compatible("openai"), nullptr);
  EXPECT_EQ(find_compatible(""), nullptr);
}

TEST(CompatibleProviders, AreCalledWhereTheirReferencesSay) {
  const auto own_url = [](std::string_view name) { return chat_url(name, row_of(name).base_url); };
  EXPECT_EQ(own_url("groq"), "api.groq.com/openai/v1/chat/completions");
  EXPECT_EQ(own_url("deepseek"), "api.deepseek.com/v1/chat/completions");
  EXPECT_EQ(own_url("xai"), "api.x.ai/v1/chat/completions");
  EXPECT_EQ(own_url("together"), "api.together.xyz/v1/chat/completions");
  EXPECT_EQ(own_url("fireworks"), "api.fireworks.ai/inference/v1/chat/completions");
  EXPECT_EQ(own_url("openrouter"), "openrouter.ai/api/v1/chat/completions");
  EXPECT_EQ(own_url("perplexity"), "api.perplexity.ai/chat/completions");
  EXPECT_EQ(own_url("cerebras"), "api.cerebras.ai/v1/chat/completions");
  EXPECT_EQ(own_url("gemini"), "generativelanguage.googleapis.com/v1beta/openai/chat/completions");
  EXPECT_EQ(own_url("ollama"), "127.0.0.1:11434/v1/chat/completions");
  EXPECT_EQ(own_url("vllm"), "127.0.0.1:8000/v1/chat/completions");
  EXPECT_EQ(own_url("llamacpp"), "127.0.0.1:8080/v1/chat/completions");
  EXPECT_EQ(own_url("lmstudio"), "127.0.0.1:1234/v1/chat/completions");
}

TEST(CompatibleProviders, AreTheSameHoweverTheirBaseUrlIsSpelled) {
  for (const char* url :
       {"https://generativelanguage.googleapis.com", "https://generativelanguage.googleapis.com/v1beta",
        "https://generativelanguage.googleapis.com/v1beta/openai/",
        "https://generativelanguage.googleapis.com/v1"}) {
    EXPECT_EQ(chat_url("gemini", url), "generativelanguage.googleapis.com/v1beta/openai/chat/completions");
  }
  for (const char* url : {"https://me.openai.azure.com", "https://me.openai.azure.com/openai",
                          "https://me.openai.azure.com/openai/v1/", "https://me.openai.azure.com/v1"}) {
    EXPECT_EQ(chat_url("azure", url), "me.openai.azure.com/openai/v1/chat/completions");
  }
  for (const char* url : {"https://api.groq.com", "https://api.groq.com/openai/v1"}) {
    EXPECT_EQ(chat_url("groq", url), "api.groq.com/openai/v1/chat/completions");
  }
  // A host of one's own has the path one gave it.
  EXPECT_EQ(chat_url("groq", "http://127.0.0.1:9000"), "127.0.0.1:9000/v1/chat/completions");
  EXPECT_EQ(chat_url("azure", "http://127.0.0.1:9000/x"), "127.0.0.1:9000/x/v1/chat/completions");
  EXPECT_EQ(chat_url("gemini", "http://127.0.0.1:9000/relay/v1beta/openai"),
            "127.0.0.1:9000/relay/v1beta/openai/chat/completions");
  EXPECT_EQ(chat_url("groq", "http://127.0.0.1:9000/v1/v1"), "127.0.0.1:9000/v1/v1/chat/completions");
  EXPECT_EQ(chat_url("perplexity", "https://api.perplexity.ai/v1"), "api.perplexity.ai/chat/completions");
}

TEST(PathOf, ReplacesTheLeadingVersionAlone) {
  Provider provider;
  EXPECT_EQ(provider.path_of("/v1/chat/completions"), "/v1/chat/completions");
  provider.version_path = "/api/v3";
  EXPECT_EQ(provider.path_of("/v1/embeddings"), "/api/v3/embeddings");
  EXPECT_EQ(provider.path_of("/v10/x"), "/v10/x");
  EXPECT_EQ(provider.path_of("/other/v1/x"), "/other/v1/x");
  provider.version_path = "";
  EXPECT_EQ(provider.path_of("/v1/chat/completions"), "/chat/completions");
}

TEST(Azure, GetsItsKeyInItsOwnHeaderField) {
  Provider azure = make_provider(row_of("azure"));
  azure.keys.emplace_back("secret-1");
  const std::string lines = azure.request_fields(false, azure.keys.front());
  EXPECT_TRUE(lines.starts_with("api-key: secret-1\r\n")) << lines;
  EXPECT_EQ(lines.find("authorization"), std::string::npos);
}

TEST(TakesAsIs, IsFalseForWhatTheProviderWouldRefuse) {
  Provider provider = make_provider(row_of("perplexity"));
  provider.quirks.json_schema = false;
  EXPECT_TRUE(takes(provider, R"({"model":"m","messages":[{"role":"system"}],"max_tokens":5})"));
  EXPECT_TRUE(
      takes(provider, R"({"stream":false,"max_completion_tokens":null,"response_format":{"type":"text"}})"));
  EXPECT_FALSE(takes(provider, R"({"max_completion_tokens":5})"));
  EXPECT_FALSE(takes(provider, R"({"stream":true})"));
  EXPECT_FALSE(takes(provider, R"({"parallel_tool_calls":false})"));
  EXPECT_FALSE(takes(provider, R"({"response_format":{"type":"json_schema"}})"));
  EXPECT_FALSE(takes(provider, R"({"messages":[{"role":"user"},{"role":"developer"}]})"));
  // What makes no sense is for the provider to refuse.
  EXPECT_TRUE(takes(provider, R"({"messages":7,"response_format":[],"stream":"yes"})"));
  EXPECT_TRUE(takes(provider, "[]"));
  // Only the chat dialect has these quirks.
  EXPECT_TRUE(takes(provider, R"({"stream":true,"parallel_tool_calls":true})", "openai_responses"));
  provider.quirks = {};
  EXPECT_TRUE(
      takes(provider, R"({"max_completion_tokens":5,"messages":[{"role":"developer"}],"stream":true})"));
}

TEST(ModelTraits, OfAProviderCarryItsQuirks) {
  const auto catalog = pricing::Catalog::built_in();
  Provider provider = make_provider(row_of("perplexity"));
  provider.quirks.json_schema = false;
  provider.catalog = "openai";
  EXPECT_EQ(model_traits("openai", "o3", *catalog).system_role, chat::SystemRole::developer);
  const chat::ModelTraits traits = model_traits(provider, "o3", *catalog);
  EXPECT_EQ(traits.system_role, chat::SystemRole::system);
  EXPECT_FALSE(traits.max_completion_tokens);
  EXPECT_FALSE(traits.stream_options);
  EXPECT_FALSE(traits.parallel_tool_calls);
  EXPECT_FALSE(traits.json_schema);
  const chat::ModelTraits plain = model_traits(built_in_providers()[0], "o3", *catalog);
  EXPECT_EQ(plain.system_role, chat::SystemRole::developer);
  EXPECT_TRUE(plain.max_completion_tokens);
  EXPECT_TRUE(plain.stream_options);
}

TEST(ModelTraits, OfACompatibleProviderHaveTopKOnlyByItsQuirk) {
  const auto catalog = pricing::Catalog::built_in();
  EXPECT_TRUE(model_traits(make_provider(row_of("vllm")), "m", *catalog).top_k);
  EXPECT_FALSE(model_traits(make_provider(row_of("groq")), "m", *catalog).top_k);
  Provider vllm = make_provider(row_of("vllm"));
  vllm.catalog = "openai";
  EXPECT_TRUE(model_traits(vllm, "gpt-oss-120b", *catalog).top_k);
  EXPECT_FALSE(model_traits(built_in_providers()[0], "gpt-4o", *catalog).top_k);
  EXPECT_TRUE(model_traits(built_in_providers()[1], "claude-sonnet-4-5", *catalog).top_k);
}

TEST(ModelTraits, NameTheProviderThatIsNotOpenAi) {
  const auto catalog = pricing::Catalog::built_in();
  const Provider groq = make_provider(row_of("groq"));
  EXPECT_EQ(model_traits(groq, "m", *catalog).provider, "groq");
  EXPECT_EQ(model_traits(built_in_providers()[0], "gpt-4o", *catalog).provider, "");
  chat::Request request;
  request.sampling.top_k = "5";
  chat::Warnings warnings;
  EXPECT_TRUE(groq.dialect->render_request(request, "m", model_traits(groq, "m", *catalog), warnings));
  EXPECT_EQ(warnings.list(), std::vector<std::string>{"top_k: groq has no such parameter; it was left out."});
}

TEST(NotActive, NamesTheVariablesThatMakeARowActive) {
  EXPECT_EQ(not_active(row_of("groq")).message,
            "The provider \"groq\" is not configured. Set GROQ_API_KEY and restart.");
  EXPECT_EQ(not_active(row_of("ollama")).message,
            "The provider \"ollama\" is not configured. Set OLLAMA_BASE_URL and restart.");
  EXPECT_EQ(
      not_active(row_of("azure")).message,
      "The provider \"azure\" is not configured. Set AZURE_OPENAI_API_KEY and AZURE_BASE_URL and restart.");
  EXPECT_EQ(not_active(row_of("groq")).code, ErrorCode::provider_not_configured);
}

TEST(DeepSeek, GetsABodyItTakes) {
  const auto catalog = pricing::Catalog::built_in();
  const Provider provider = make_provider(row_of("deepseek"));
  chat::Request request;
  request.stream = true;
  request.max_tokens = 7;
  chat::Message hello;
  hello.role = chat::Role::user;
  hello.parts.emplace_back().kind = chat::TextPart{"Hi"};
  request.messages.push_back(hello);
  chat::Warnings warnings;
  const auto body = provider.dialect->render_request(
      request, "deepseek-chat", model_traits(provider, "deepseek-chat", *catalog), warnings);
  ASSERT_TRUE(body);
  EXPECT_NE(body->find(R"("max_tokens":7)"), std::string::npos) << *body;
  EXPECT_EQ(body->find("max_completion_tokens"), std::string::npos) << *body;
  EXPECT_NE(body->find(R"("stream_options":{"include_usage":true})"), std::string::npos) << *body;
  EXPECT_TRUE(warnings.empty());
}

}  // namespace
}  // namespace ai_proxy::providers
