// What the real providers refuse, and in which words: the strict mode of the simulated ones. Pure. Sources:
// wire.md 2 to 4; the 2,700 recorded requests that were answered with 200 pass (strict_test.cpp).
#pragma once

#include <algorithm>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/json.h"
#include "simulator/refusal.h"

namespace ai_proxy::simulator {

enum class Endpoint : std::uint8_t { chat, responses, count_tokens, embeddings };

// A request as strict mode looks at it.
struct Call {
  Flavour flavour = Flavour::openai;
  Endpoint endpoint = Endpoint::chat;  // Anthropic's messages too
  std::string_view authorization;      // header fields; empty when absent
  std::string_view x_api_key;
  std::string_view anthropic_version;
  std::string_view anthropic_beta;
  json::Value body;
};

// What all judges need.
inline bool is_one_of(std::string_view word, std::span<const std::string_view> words) {
  return std::ranges::find(words, word) != words.end();
}
bool is_word(std::string_view text);  // letters, digits, _ and - only
std::string shown(double number);

// nullopt: the provider would answer it.
std::optional<Refusal> judge(const Call& call);

// A key that holds the word "invalid" or "wrong" is not known.
std::optional<Refusal> judge_key(const Call& call);

std::optional<Refusal> judge_openai_chat(const json::Value& body);
std::optional<Refusal> judge_openai_messages(const json::Value& messages);
std::optional<Refusal> judge_openai_responses(const json::Value& body);
std::optional<Refusal> judge_openai_embeddings(const json::Value& body);
std::optional<Refusal> judge_anthropic(const Call& call);
std::optional<Refusal> judge_anthropic_messages(const json::Value& body);
std::optional<Refusal> judge_mistral_chat(const json::Value& body);
std::optional<Refusal> judge_mistral_messages(const json::Value& body);
std::optional<Refusal> judge_mistral_embeddings(const json::Value& body);

}  // namespace ai_proxy::simulator
