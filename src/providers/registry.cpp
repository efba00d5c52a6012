// The three providers we know without being told, and the header lines their requests carry.
// Sources: wire.md 2.1, 3.1, 4.1 (state of 2026-11-23).
#include <array>
#include <utility>

#include "dialects/dialects.h"
#include "providers/provider.h"

namespace ai_proxy::providers {
namespace {

// The version stands in CMakeLists.txt; registry_test.cpp sees to it that the two agree.
constexpr std::string_view kUserAgent = "ai-proxy/0.1.0";

Provider built_in(std::string_view name, const dialects::Dialect& dialect, std::string_view host,
                  AuthStyle auth, std::string_view key_variable) {
  Provider provider;
  provider.name = name;
  provider.dialect = &dialect;
  provider.origin = {.tls = true, .host = std::string(host), .port = 443, .path_prefix = {}};
  provider.auth = auth;
  provider.key_variable = key_variable;
  provider.catalog = name;
  return provider;
}

bool is_region(std::string_view word) {
  return word.size() == 2 && word[0] >= 'a' && word[0] <= 'z' && word[1] >= 'a' && word[1] <= 'z';
}

}  // namespace

const dialects::Dialect* Provider::speaks(std::string_view dialect_name) const {
  if (dialect != nullptr && dialect->name == dialect_name) return dialect;
  if (embeddings != nullptr && embeddings->name == dialect_name) return embeddings;
  if (responses && dialects::kOpenAiResponses.name == dialect_name) return &dialects::kOpenAiResponses;
  const bool counts = dialect == &dialects::kAnthropicMessages;
  if (counts && dialects::kAnthropicTokenCount.name == dialect_name) return &dialects::kAnthropicTokenCount;
  return nullptr;
}

const dialects::Dialect* Provider::counterpart(std::string_view door_dialect) const {
  const bool asks_for_embeddings =
      door_dialect == dialects::kOpenAiEmbeddings.name || door_dialect == dialects::kMistralEmbeddings.name;
  return asks_for_embeddings ? embeddings : dialect;
}

std::string Provider::path_of(std::string_view dialect_path) const {
  constexpr std::string_view kVersion = "/v1";
  if (!dialect_path.starts_with("/v1/")) return std::string(dialect_path);
  std::string path = version_path;
  return path.append(dialect_path.substr(kVersion.size()));
}

bool Provider::takes_as_is(std::string_view door_dialect, const json::Value& body) const {
  if (door_dialect != dialects::kOpenAiChat.name || quirks == Quirks{}) return true;
  if (!quirks.stream_options && body["stream"].boolean() == true) return false;
  if (!quirks.max_completion_tokens && body["max_completion_tokens"].has_value()) return false;
  if (!quirks.parallel_tool_calls && body["parallel_tool_calls"].has_value()) return false;
  if (!quirks.json_schema && body["response_format"]["type"].string_or("") == "json_schema") return false;
  if (quirks.developer_role) return true;
  for (const json::Value message : body["messages"]) {
    if (message["role"].string_or("") == "developer") return false;
  }
  return true;
}

std::string Provider::request_fields(bool stream, const Secret& key) const {
  std::string lines;
  lines.reserve(256 + key.reveal().size() + fields.size());
  switch (auth) {
    case AuthStyle::bearer:
      if (!key.empty()) lines.append("authorization: Bearer ").append(key.reveal()).append("\r\n");
      break;
    case AuthStyle::x_api_key:
      if (!key.empty()) lines.append("x-api-key: ").append(key.reveal()).append("\r\n");
      break;
    case AuthStyle::api_key:
      if (!key.empty()) lines.append("api-key: ").append(key.reveal()).append("\r\n");
      break;
    case AuthStyle::none:
      break;
  }
  lines.append(fields);
  lines.append("content-type: application/json\r\n");
  // An error comes as JSON even when a stream was asked for.
  lines.append(stream ? "accept: text/event-stream, application/json\r\n" : "accept: application/json\r\n");
  // What we relay must be readable: no compression between the provider and us.
  lines.append("accept-encoding: identity\r\n");
  lines.append("user-agent: ").append(kUserAgent).append("\r\n");
  return lines;
}

std::string region_of(std::string_view host) {
  // Around the two letters: eu.api.openai.com (data residency), api.eu.mistral.ai.
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 2> kShapes{
      {{"", ".api.openai.com"}, {"api.", ".mistral.ai"}}};
  for (const auto& [before, after] : kShapes) {
    if (!host.starts_with(before) || !host.ends_with(after)) continue;
    if (host.size() != before.size() + 2 + after.size()) continue;
    const std::string_view word = host.substr(before.size(), 2);
    if (is_region(word)) return std::string(word);
  }
  return {};
}

std::vector<Provider> built_in_providers() {
  std::vector<Provider> providers;
  providers.push_back(
      built_in("openai", dialects::kOpenAiChat, "api.openai.com", AuthStyle::bearer, "OPENAI_API_KEY"));
  providers.back().responses = true;
  providers.back().embeddings = &dialects::kOpenAiEmbeddings;
  providers.push_back(built_in("anthropic", dialects::kAnthropicMessages, "api.anthropic.com",
                               AuthStyle::x_api_key, "ANTHROPIC_API_KEY"));
  // 2026-10-21 exists too, but it refuses temperature, top_p and top_k; a gateway that honours them stays
  // here.
  providers.back().fields = "anthropic-version: 2023-06-01\r\n";
  providers.push_back(
      built_in("mistral", dialects::kMistralChat, "api.mistral.ai", AuthStyle::bearer, "MISTRAL_API_KEY"));
  providers.back().embeddings = &dialects::kMistralEmbeddings;
  return providers;
}

}  // namespace ai_proxy::providers
