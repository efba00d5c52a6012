// Tool-call ids of other providers that OpenAI finds too long (request_pen.h). Recorded:
// "messages[2].tool_calls[0].id: string too long. Expected a string with maximum length 40".
#include <openssl/evp.h>

#include <array>

#include "dialects/chat_completions/request_pen.h"

namespace ai_proxy::dialects::chat_completions {

std::string_view CallIds::of(std::string_view id) {
  if (id.size() <= length_max_) return id;
  constexpr std::size_t kHashBytes = 16;
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  EVP_Digest(id.data(), id.size(), digest.data(), nullptr, EVP_sha256(), nullptr);
  made_.assign("call_");
  for (std::size_t i = 0; i < kHashBytes; ++i) {
    made_.push_back(kDigits[digest[i] >> 4U]);
    made_.push_back(kDigits[digest[i] & 15U]);
  }
  return made_;
}

}  // namespace ai_proxy::dialects::chat_completions
