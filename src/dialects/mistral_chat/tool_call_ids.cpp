#include "dialects/mistral_chat/tool_call_ids.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <variant>
#include <vector>

namespace ai_proxy::dialects::mistral_chat {
namespace {

constexpr std::size_t kLength = 9;
constexpr std::string_view kDigits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

bool fits(std::string_view id) {
  return id.size() == kLength && id.find_first_not_of(kDigits) == std::string_view::npos;
}

// Nine base62 digits (53 bits) of a SHA-256; `probe` gives further choices.
std::string hashed(std::string_view id, std::uint32_t probe) {
  std::string text(id);
  for (std::uint32_t rest = probe; rest != 0; rest >>= 8U) text.push_back(static_cast<char>(rest & 0xFFU));
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  EVP_Digest(text.data(), text.size(), digest.data(), nullptr, EVP_sha256(), nullptr);
  std::uint64_t number = 0;
  for (std::size_t i = 0; i < 8; ++i) number = (number << 8U) | digest[i];
  std::string result;
  for (std::size_t i = 0; i < kLength; ++i, number /= kDigits.size())
    result.push_back(kDigits[number % kDigits.size()]);
  return result;
}

std::vector<std::string_view> ids_in(const chat::Request& request) {
  std::vector<std::string_view> ids;
  for (const chat::Message& message : request.messages) {
    for (const chat::Part& part : message.parts) {
      if (const auto* call = std::get_if<chat::ToolCallPart>(&part.kind)) ids.push_back(call->id);
      if (const auto* result = std::get_if<chat::ToolResultPart>(&part.kind))
        ids.push_back(result->tool_call_id);
    }
  }
  return ids;
}

}  // namespace

std::string nine_character_id(std::string_view id) {
  return fits(id) ? std::string(id) : hashed(id, 0);
}

// Ids that fit take their places first, so that none of them has to give way to a mapped one.
ToolCallIds::ToolCallIds(const chat::Request& request) {
  const std::vector<std::string_view> ids = ids_in(request);
  for (const std::string_view id : ids) {
    if (!fits(id)) continue;
    sent_by_id_.emplace(id, id);
    id_by_sent_.emplace(id, id);
  }
  for (const std::string_view id : ids) add(id);
}

void ToolCallIds::add(std::string_view id) {
  if (sent_by_id_.contains(id)) return;
  for (std::uint32_t probe = 0;; ++probe) {
    std::string candidate = hashed(id, probe);
    if (!id_by_sent_.emplace(candidate, id).second) continue;
    sent_by_id_.emplace(id, std::move(candidate));
    return;
  }
}

std::string_view ToolCallIds::of(std::string_view id) const {
  const auto at = sent_by_id_.find(id);
  return at == sent_by_id_.end() ? id : std::string_view(at->second);
}

}  // namespace ai_proxy::dialects::mistral_chat
