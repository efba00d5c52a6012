// From a model's name to what it accepts: its row of the capability table, and its ceilings from the
// catalogue.
#include <optional>

#include "dialects/dialects.h"
#include "providers/capability.h"
#include "providers/provider.h"

namespace ai_proxy::providers {
namespace {

std::span<const Capability> table_of(std::string_view catalog) {
  if (catalog == "openai") return kOpenAiCapabilities;
  if (catalog == "anthropic") return kAnthropicCapabilities;
  if (catalog == "mistral") return kMistralCapabilities;
  return {};
}

// Characters of the family that the model's name shares; 0 = no match. The rules stand in capability.h.
std::size_t match_length(std::string_view family, std::string_view model) {
  const char mark = family.back();
  const std::string_view name = mark == '*' || mark == '!' ? family.substr(0, family.size() - 1) : family;
  if (!model.starts_with(name)) return 0;
  if (mark == '*') return name.size();
  if (model.size() == name.size()) return name.size() + 1;  // the very name beats a prefix of equal length
  return mark != '!' && model[name.size()] == '-' ? name.size() : 0;
}

const Capability* find_row(std::span<const Capability> table, std::string_view model) {
  const Capability* best = nullptr;
  std::size_t longest = 0;
  for (const Capability& row : table) {
    const std::size_t length = match_length(row.family, model);
    if (length > longest) {
      longest = length;
      best = &row;
    }
  }
  return best;
}

// "ft:gpt-4o-mini-2024-07-18:org::id" is as good as its base.
std::string_view base_of_fine_tuned(std::string_view model) {
  if (!model.starts_with("ft:")) return model;
  model.remove_prefix(3);
  return model.substr(0, model.find(':'));
}

Capability permissive(std::string_view catalog) {
  Capability row;
  if (catalog == "anthropic") {
    row.thinking = chat::ThinkingStyle::adaptive;
    row.penalties = false;
  } else {
    row.thinking = chat::ThinkingStyle::effort;
  }
  row.top_k = catalog != "openai" && catalog != "mistral";
  return row;
}

std::vector<std::string_view> words(std::string_view text) {
  std::vector<std::string_view> result;
  while (!text.empty()) {
    const std::size_t end = text.find(' ');
    result.push_back(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return result;
}

chat::ModelTraits traits_of(const Capability& row) {
  return {.provider = {},
          .system_role = row.system_role,
          .thinking = row.thinking,
          .efforts = words(row.efforts),
          .default_effort = row.default_effort,
          .samplers = row.samplers,
          .samplers_without_effort = row.samplers_without_effort,
          .temperature_with_top_p = row.temperature_with_top_p,
          .temperature_only_one = row.temperature_only_one,
          .top_k = row.top_k,
          .stop = row.stop,
          .penalties = row.penalties,
          .prefill = row.prefill,
          .tools_with_effort = row.tools_with_effort,
          .json_schema = row.json_schema,
          .images = row.images,
          .parallel_tool_calls = row.parallel_tool_calls};
}

}  // namespace

chat::ModelTraits model_traits(std::string_view provider_catalog, std::string_view model,
                               const pricing::Catalog& catalog) {
  const auto table = table_of(provider_catalog);
  const pricing::Model* known = catalog.find(provider_catalog, model);
  const Capability* row = find_row(table, base_of_fine_tuned(model));
  // A name that says nothing by itself may be the catalogue's alias of one that does.
  if (row == nullptr && known != nullptr) row = find_row(table, base_of_fine_tuned(known->id));

  chat::ModelTraits traits = traits_of(row != nullptr ? *row : permissive(provider_catalog));
  if (known == nullptr) return traits;
  traits.context_tokens = known->context_tokens;
  traits.max_output_tokens = known->max_output_tokens;
  // Mistral has no ceiling of its own on most answers: prompt and answer share the context (wire.md 1.3).
  if (provider_catalog == "mistral" && traits.max_output_tokens >= traits.context_tokens)
    traits.max_output_tokens = 0;
  return traits;
}

chat::ModelTraits model_traits(const Provider& provider, std::string_view model,
                               const pricing::Catalog& catalog) {
  chat::ModelTraits traits = model_traits(provider.catalog, model, catalog);
  const Quirks& quirks = provider.quirks;
  if (!quirks.developer_role && traits.system_role == chat::SystemRole::developer)
    traits.system_role = chat::SystemRole::system;
  traits.max_completion_tokens = quirks.max_completion_tokens;
  traits.stream_options = quirks.stream_options;
  traits.parallel_tool_calls = traits.parallel_tool_calls && quirks.parallel_tool_calls;
  traits.json_schema = traits.json_schema && quirks.json_schema;
  // What a catalogue says of its own company's models does not hold for others that speak its dialect.
  if (provider.dialect != &dialects::kAnthropicMessages) traits.top_k = quirks.top_k;
  if (provider.dialect == &dialects::kOpenAiChat && provider.name != "openai")
    traits.provider = provider.name;
  return traits;
}

}  // namespace ai_proxy::providers
