#include "dialects/dialects.h"

#include <array>

namespace ai_proxy::dialects {

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
