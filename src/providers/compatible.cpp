// The table of OpenAI-compatible providers. Sources: each provider's API reference and the errors its users
// reported (November 2026). A quirk stands here when the provider refuses or does not know what OpenAI's own
// models take; where we are not sure, the older and more widely known form is used.
#include "providers/compatible.h"

#include <algorithm>
#include <array>
#include <utility>

#include "dialects/dialects.h"

namespace ai_proxy::providers {
namespace {

// Takes what OpenAI's models take, except for the role that only OpenAI has.
constexpr Quirks kNoDeveloper{.developer_role = false};
// Knows the older names only.
constexpr Quirks kOlder{.max_completion_tokens = false, .developer_role = false};
// The same for those that run open models and take their samplers.
constexpr Quirks kNoDeveloperTopK{.developer_role = false, .top_k = true};
constexpr Quirks kOlderTopK{.max_completion_tokens = false, .developer_role = false, .top_k = true};

constexpr std::array kRows = std::to_array<CompatibleProvider>({
    {.name = "groq",
     .base_url = "https://api.groq.com/openai",
     .key_variable = "GROQ_API_KEY",
     .quirks = kNoDeveloper,
     .responses = true},
    // Refuses the role ("unknown variant `developer`") and json_schema ("This response_format type is
    // unavailable now").
    {.name = "deepseek",
     .base_url = "https://api.deepseek.com",
     .key_variable = "DEEPSEEK_API_KEY",
     .quirks = {.max_completion_tokens = false, .developer_role = false, .json_schema = false}},
    {.name = "xai",
     .base_url = "https://api.x.ai",
     .key_variable = "XAI_API_KEY",
     .quirks = kNoDeveloper,
     .responses = true},
    {.name = "together",
     .base_url = "https://api.together.xyz",
     .key_variable = "TOGETHER_API_KEY",
     .quirks = kOlderTopK,
     .embeddings = true},
    {.name = "fireworks",
     .base_url = "https://api.fireworks.ai/inference",
     .key_variable = "FIREWORKS_API_KEY",
     .quirks = kOlderTopK,
     .responses = true,
     .embeddings = true},
    {.name = "openrouter",
     .base_url = "https://openrouter.ai/api",
     .key_variable = "OPENROUTER_API_KEY",
     .quirks = kNoDeveloperTopK,
     .responses = true,
     .embeddings = true},
    // Sends usage with every chunk, unasked; has no tools to call in parallel.
    {.name = "perplexity",
     .base_url = "https://api.perplexity.ai",
     .key_variable = "PERPLEXITY_API_KEY",
     .version_path = "",
     .quirks = {.stream_options = false,
                .max_completion_tokens = false,
                .developer_role = false,
                .parallel_tool_calls = false}},
    // parallel_tool_calls: 400.
    {.name = "cerebras",
     .base_url = "https://api.cerebras.ai",
     .key_variable = "CEREBRAS_API_KEY",
     .quirks = {.developer_role = false, .parallel_tool_calls = false}},
    {.name = "moonshot",
     .base_url = "https://api.moonshot.ai",
     .key_variable = "MOONSHOT_API_KEY",
     .quirks = kOlder},
    // OpenAI's own models under names of one's own; the v1 API needs no api-version.
    {.name = "azure",
     .base_url = "",
     .key_variable = "AZURE_OPENAI_API_KEY",
     .auth = AuthStyle::api_key,
     .responses = true,
     .embeddings = true},
    // "Please use a valid role": 400.
    {.name = "gemini",
     .base_url = "https://generativelanguage.googleapis.com",
     .key_variable = "GEMINI_API_KEY",
     .version_path = "/v1beta/openai",
     .quirks = kNoDeveloper,
     .embeddings = true},
    // On one's own machine. Whether they have a Responses API depends on their age: it is not relied on.
    // Ollama has top_k only in its own API (ollama#11325).
    {.name = "ollama",
     .base_url = "http://127.0.0.1:11434",
     .key_variable = "",
     .auth = AuthStyle::none,
     .quirks = kOlder,
     .embeddings = true},
    {.name = "vllm",
     .base_url = "http://127.0.0.1:8000",
     .key_variable = "",
     .auth = AuthStyle::none,
     .quirks = kNoDeveloperTopK,
     .embeddings = true},
    {.name = "llamacpp",
     .base_url = "http://127.0.0.1:8080",
     .key_variable = "",
     .auth = AuthStyle::none,
     .quirks = kOlderTopK,
     .embeddings = true},
    {.name = "lmstudio",
     .base_url = "http://127.0.0.1:1234",
     .key_variable = "",
     .auth = AuthStyle::none,
     .quirks = kOlderTopK,
     .embeddings = true},
});

// Azure's hosts: RESOURCE.openai.azure.com, RESOURCE.services.ai.azure.com,
// RESOURCE.cognitiveservices.azure.com.
constexpr std::string_view kAzureHosts = ".azure.com";
constexpr std::string_view kAzurePath = "/openai";

}  // namespace

std::span<const CompatibleProvider> compatible_providers() {
  return kRows;
}

const CompatibleProvider* find_compatible(std::string_view name) {
  const auto row = std::ranges::find(kRows, name, &CompatibleProvider::name);
  return row == kRows.end() ? nullptr : &*row;
}

std::string variable_prefix(std::string_view provider_name) {
  std::string prefix;
  for (const char c : provider_name) {
    const bool is_lower = c >= 'a' && c <= 'z';
    const bool is_digit = c >= '0' && c <= '9';
    prefix.push_back(is_lower ? static_cast<char>(c - 'a' + 'A') : is_digit ? c : '_');
  }
  return prefix;
}

Error not_active(const CompatibleProvider& row) {
  std::string variables(row.key_variable);
  if (variables.empty() || row.base_url.empty())
    variables.append(variables.empty() ? "" : " and ").append(variable_prefix(row.name)).append("_BASE_URL");
  Error error = not_configured(row.name, variables);
  error.message = "The provider \"";
  error.message.append(row.name).append("\" is not configured. Set ").append(variables);
  error.message.append(" and restart.");
  return error;
}

Provider make_provider(const CompatibleProvider& row) {
  Provider provider;
  provider.name = row.name;
  provider.dialect = &dialects::kOpenAiChat;
  if (auto origin = http::parse_base_url(row.base_url)) provider.origin = std::move(*origin);
  provider.version_path = row.version_path;
  provider.auth = row.auth;
  provider.key_variable = row.key_variable;
  provider.quirks = row.quirks;
  provider.responses = row.responses;
  provider.embeddings = row.embeddings ? &dialects::kOpenAiEmbeddings : nullptr;
  return provider;
}

void drop_version(http::Origin& origin, std::string_view version_path) {
  if (version_path == "/v1") return;  // is off already; another one before it is meant
  // /v1beta/openai, then /v1beta.
  for (std::string_view version = version_path; !version.empty();
       version = version.substr(0, version.rfind('/'))) {
    if (!origin.path_prefix.ends_with(version)) continue;
    origin.path_prefix.resize(origin.path_prefix.size() - version.size());
    return;
  }
}

void complete_path(http::Origin& origin, const CompatibleProvider& row) {
  if (!origin.path_prefix.empty()) return;
  if (row.auth == AuthStyle::api_key) {
    if (origin.host.ends_with(kAzureHosts)) origin.path_prefix = kAzurePath;
    return;
  }
  const auto own = http::parse_base_url(row.base_url);
  if (own && own->host == origin.host) origin.path_prefix = own->path_prefix;
}

}  // namespace ai_proxy::providers
