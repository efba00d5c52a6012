// One row of the capability table: a family of models and what its members accept. The rows stand in
// capability_openai.cpp, capability_anthropic.cpp and capability_mistral.cpp; traits.cpp looks them up.
//
// How a row's `family` matches a model's name:
//   "gpt-5"           that name, and that name followed by "-": gpt-5, gpt-5-2025-08-07, gpt-5-mini; not
//   gpt-5.1 "gpt-5.*"         every name that begins with what stands before the star: gpt-5.7, gpt-5.9-nova
//   "claude-opus-4!"  that name alone
// The longest family that matches wins, whatever the order of the rows.
#pragma once

#include <span>
#include <string_view>

#include "chat/model_traits.h"

namespace ai_proxy::providers {

// As chat::ModelTraits, which explains the members, without what comes from the price catalogue. The defaults
// are the most permissive; a row names what is different.
struct Capability {
  std::string_view family = {};
  chat::SystemRole system_role = chat::SystemRole::system;
  chat::ThinkingStyle thinking = chat::ThinkingStyle::none;
  std::string_view efforts = {};  // words with a blank between: "low medium high"
  std::string_view default_effort = {};
  bool samplers = true;
  bool samplers_without_effort = false;
  bool temperature_with_top_p = true;
  bool temperature_only_one = false;
  bool top_k = false;
  bool stop = true;
  bool penalties = true;
  bool prefill = true;
  bool tools_with_effort = true;
  bool json_schema = true;
  bool images = true;
  bool parallel_tool_calls = true;
};

extern const std::span<const Capability> kOpenAiCapabilities;
extern const std::span<const Capability> kAnthropicCapabilities;
extern const std::span<const Capability> kMistralCapabilities;

}  // namespace ai_proxy::providers
