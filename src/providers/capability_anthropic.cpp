// What Anthropic's models accept on /v1/messages, version 2023-06-01, generation by generation. Sources: GET
// /v1/models of 2026-08-02 (effort, thinking, structured output: recorded) and wire.md 3.2.
#include <array>

#include "providers/capability.h"

namespace ai_proxy::providers {
namespace {

using chat::ThinkingStyle;

// Up to Claude 3.5: no thinking, no schemas; Claude 4.0 and 3.7 think within a budget.
constexpr Capability generation_3(std::string_view family) {
  return {.family = family, .top_k = true, .penalties = false, .json_schema = false};
}

constexpr Capability generation_4_0(std::string_view family) {
  Capability row = generation_3(family);
  row.thinking = ThinkingStyle::budget;
  return row;
}

// Opus 4.1, Sonnet 4.5, Haiku 4.5: temperature or top_p, not both; schemas.
constexpr Capability generation_4_5(std::string_view family) {
  Capability row = generation_4_0(family);
  row.temperature_with_top_p = false;
  row.json_schema = true;
  return row;
}

// Opus 4.6 and Sonnet 4.6: adaptive thinking, no prefill.
constexpr Capability generation_4_6(std::string_view family) {
  Capability row = generation_4_5(family);
  row.thinking = ThinkingStyle::adaptive;
  row.efforts = "low medium high max";
  row.prefill = false;
  return row;
}

// Everything after: temperature 1 only, no top_k; xhigh.
constexpr Capability generation_5(std::string_view family) {
  Capability row = generation_4_6(family);
  row.efforts = "low medium high xhigh max";
  row.temperature_only_one = true;
  row.top_k = false;
  return row;
}

constexpr Capability text_only(Capability row) {
  row.images = false;
  return row;
}

// Opus 4.5 came with effort, but with budgeted thinking still.
constexpr Capability opus_4_5() {
  Capability row = generation_4_5("claude-opus-4-5");
  row.efforts = "low medium high";
  return row;
}

constexpr std::array kRows = std::to_array<Capability>({
    text_only(generation_3("claude-2*")),
    text_only(generation_3("claude-instant")),
    generation_3("claude-3"),
    generation_4_0("claude-3-7-sonnet"),
    // Spelt out, so that no later claude-opus-4-N is taken for 4.0.
    generation_4_0("claude-sonnet-4!"),
    generation_4_0("claude-sonnet-4-0"),
    generation_4_0("claude-sonnet-4-2025*"),
    generation_4_0("claude-opus-4!"),
    generation_4_0("claude-opus-4-0"),
    generation_4_0("claude-opus-4-2025*"),
    generation_4_5("claude-opus-4-1"),
    generation_4_5("claude-sonnet-4-5"),
    generation_4_5("claude-haiku-4-5"),
    opus_4_5(),
    generation_4_6("claude-opus-4-6"),
    generation_4_6("claude-sonnet-4-6"),
    generation_5("claude-opus-4-7"),
    generation_5("claude-opus-4-8"),
    // Five and whatever comes after it, of every line.
    generation_5("claude-opus-*"),
    generation_5("claude-sonnet-*"),
    generation_5("claude-haiku-*"),
    generation_5("claude-fable-*"),
    generation_5("claude-mythos-*"),
});

}  // namespace

const std::span<const Capability> kAnthropicCapabilities = kRows;

}  // namespace ai_proxy::providers
