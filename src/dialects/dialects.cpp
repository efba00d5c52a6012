#include "dialects/dialects.h"

#include <array>

namespace ai_proxy::dialects {

bool asks_beyond_a_reply(const json::Value& call) {
  if (call["n"].integer_or(1) > 1 || call["top_logprobs"].integer_or(0) > 0) return true;
  if (call["logprobs"].boolean() == true) return true;
  for (const json::Value wish : call["include"]) {
    if (wish.string_or("").find("logprobs") != std::string_view::npos) return true;
  }
  return false;
}

const Dialect* find_dialect(std::string_view name) {
  static constexpr std::array kAll{&kOpenAiChat,         &kAnthropicMessages, &kMistralChat,
                                   &kOpenAiResponses,    &kOpenAiEmbeddings,  &kMistralEmbeddings,
                                   &kAnthropicTokenCount};
  for (const Dialect* dialect : kAll) {
    if (dialect->name == name) return dialect;
  }
  return nullptr;
}

}  // namespace ai_proxy::dialects
