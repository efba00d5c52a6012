// What one model accepts, as far as a request must be shaped by it. Filled by providers/ from the catalogue
// and the capability table; read by the dialects when they render a request.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace ai_proxy::chat {

enum class SystemRole : std::uint8_t {
  system,
  developer,  // o1, o3, GPT-5 and later
  user,       // o1-mini takes neither: the text goes into the first user message
};

enum class ThinkingStyle : std::uint8_t {
  none,      // the model does not think
  budget,    // Anthropic up to 4.6: {type: enabled, budget_tokens}
  adaptive,  // Anthropic 4.6 and later: {type: adaptive} + effort
  effort,    // OpenAI, Mistral: reasoning_effort
};

struct ModelTraits {
  // Whom warnings name, where it is not the company whose dialect is spoken; else empty.
  std::string_view provider;

  std::int64_t max_output_tokens = 0;  // 0 = unknown or no separate limit
  std::int64_t context_tokens = 0;     // 0 = unknown

  SystemRole system_role = SystemRole::system;
  ThinkingStyle thinking = ThinkingStyle::none;
  // Effort words the model takes, e.g. {"low","medium","high"}; empty = none known, pass on what was said.
  std::vector<std::string_view> efforts;
  // Effort in force when the request says nothing, as far as samplers depend on it ("none", "medium"); empty
  // = n/a.
  std::string_view default_effort;

  bool samplers = true;                  // temperature, top_p, penalties, logprobs at all
  bool samplers_without_effort = false;  // only while the effort is "none" (GPT-5.1 and later)
  bool temperature_with_top_p = true;    // both at once (not Anthropic from 4.1 on)
  bool temperature_only_one = false;     // Anthropic after 4.6: only 1 is accepted
  bool top_k = false;
  bool stop = true;
  bool penalties = true;
  bool prefill = true;            // a trailing assistant message may be continued
  bool tools_with_effort = true;  // OpenAI gpt-5.6 and later on chat: tools need effort none
  bool json_schema = true;        // native structured output
  bool images = true;
  bool parallel_tool_calls = true;
  bool max_completion_tokens = true;  // the ceiling's newer name; false: it is called max_tokens
  bool stream_options = true;         // a stream may be asked for its usage
};

}  // namespace ai_proxy::chat
