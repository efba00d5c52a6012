// Names people use for models that the provider itself does not take, and what it takes instead.
// Source: wire.md 1.1 (recorded traffic and model lists up to 2026-08-19). Only names that are known to be
// refused stand here; everything else goes out as it came, so that a model of tomorrow works today.
#include <algorithm>
#include <array>
#include <span>

#include "providers/provider.h"

namespace ai_proxy::providers {
namespace {

struct Renamed {
  std::string_view written;
  std::string_view wire;
};

constexpr std::array kOpenAi = std::to_array<Renamed>({
    {"chatgpt-4o", "chatgpt-4o-latest"},
    {"codex-mini", "codex-mini-latest"},
    {"gpt-5-chat", "gpt-5-chat-latest"},
    {"gpt-5.1-chat", "gpt-5.1-chat-latest"},
    {"gpt-5.2-chat", "gpt-5.2-chat-latest"},
    {"gpt-5.3-chat", "gpt-5.3-chat-latest"},
});

// Anthropic's own aliases end in -0 or -latest, or carry the date; people leave that out, or write dots.
constexpr std::array kAnthropic = std::to_array<Renamed>({
    {"claude-sonnet-4", "claude-sonnet-4-0"},
    {"claude-sonnet-4.0", "claude-sonnet-4-0"},
    {"claude-4-sonnet", "claude-sonnet-4-0"},
    {"claude-4-sonnet-20250514", "claude-sonnet-4-20250514"},
    {"claude-opus-4", "claude-opus-4-0"},
    {"claude-opus-4.0", "claude-opus-4-0"},
    {"claude-4-opus", "claude-opus-4-0"},
    {"claude-4-opus-20250514", "claude-opus-4-20250514"},
    {"claude-3-7-sonnet", "claude-3-7-sonnet-latest"},
    {"claude-3.7-sonnet", "claude-3-7-sonnet-latest"},
    {"claude-3-5-sonnet", "claude-3-5-sonnet-latest"},
    {"claude-3.5-sonnet", "claude-3-5-sonnet-latest"},
    {"claude-3-5-haiku", "claude-3-5-haiku-latest"},
    {"claude-3.5-haiku", "claude-3-5-haiku-latest"},
    {"claude-3-opus", "claude-3-opus-latest"},
    {"claude-3-sonnet", "claude-3-sonnet-20240229"},
    {"claude-3-haiku", "claude-3-haiku-20240307"},
    {"claude-opus-4.1", "claude-opus-4-1"},
    {"claude-opus-4.5", "claude-opus-4-5"},
    {"claude-opus-4.6", "claude-opus-4-6"},
    {"claude-opus-4.7", "claude-opus-4-7"},
    {"claude-opus-4.8", "claude-opus-4-8"},
    {"claude-opus-5.0", "claude-opus-5"},
    {"claude-opus-5.5", "claude-opus-5-5"},
    {"claude-sonnet-4.5", "claude-sonnet-4-5"},
    {"claude-sonnet-4.6", "claude-sonnet-4-6"},
    {"claude-sonnet-5.0", "claude-sonnet-5"},
    {"claude-sonnet-5.5", "claude-sonnet-5-5"},
    {"claude-haiku-4.5", "claude-haiku-4-5"},
    {"claude-haiku-5.5", "claude-haiku-5-5"},
    {"claude-fable-5.0", "claude-fable-5"},
    {"claude-fable-5.1", "claude-fable-5-1"},
    {"claude-fable-5.2", "claude-fable-5-2"},
    {"claude-mythos-5.0", "claude-mythos-5"},
    {"claude-mythos-5.1", "claude-mythos-5-1"},
});

// mistral-medium and pixtral-12b are taken as they are (recorded), so they are not here.
constexpr std::array kMistral = std::to_array<Renamed>({
    {"mistral-large", "mistral-large-latest"},
    {"mistral-small", "mistral-small-latest"},
    {"mistral-medium-3.5", "mistral-medium-3-5"},
    {"mistral-medium-3.1", "mistral-medium-2508"},
    {"mistral-nemo", "open-mistral-nemo"},
    {"mistral-nemo-2407", "open-mistral-nemo-2407"},
    {"mistral-7b", "open-mistral-7b"},
    {"mixtral-8x7b", "open-mixtral-8x7b"},
    {"mixtral-8x22b", "open-mixtral-8x22b"},
    {"mistral-saba", "mistral-saba-latest"},
    {"mistral-ocr", "mistral-ocr-latest"},
    {"mistral-moderation", "mistral-moderation-latest"},
    {"ministral-3b", "ministral-3b-latest"},
    {"ministral-8b", "ministral-8b-latest"},
    {"ministral-14b", "ministral-14b-latest"},
    {"magistral-small", "magistral-small-latest"},
    {"magistral-medium", "magistral-medium-latest"},
    {"pixtral-large", "pixtral-large-latest"},
    {"codestral", "codestral-latest"},
    {"devstral", "devstral-latest"},
    {"devstral-small", "devstral-small-latest"},
    {"devstral-medium", "devstral-medium-latest"},
    {"voxtral-small", "voxtral-small-latest"},
    {"voxtral-mini", "voxtral-mini-latest"},
    {"zai-glm", "zai-glm-latest"},
});

std::span<const Renamed> table_of(std::string_view catalog) {
  if (catalog == "openai") return kOpenAi;
  if (catalog == "anthropic") return kAnthropic;
  if (catalog == "mistral") return kMistral;
  return {};
}

}  // namespace

std::string_view wire_model(std::string_view provider_catalog, std::string_view model) {
  const auto table = table_of(provider_catalog);
  const auto row = std::ranges::find(table, model, &Renamed::written);
  return row == table.end() ? model : row->wire;
}

}  // namespace ai_proxy::providers
