// See sealed.h.
#include "dialects/openai_responses/sealed.h"

namespace ai_proxy::dialects::openai_responses {
namespace {

constexpr std::string_view kSigned = "signed.";
constexpr std::string_view kRedacted = "redacted.";

}  // namespace

// A Fernet token of this century: version byte 0x80, then a 64-bit time whose upper half is 0. All that were
// recorded begin so.
bool is_openai_sealed(std::string_view encrypted_content) {
  return encrypted_content.starts_with("gAAAA");
}

std::string sealed_signature(std::string_view signature) {
  if (is_openai_sealed(signature)) return std::string(signature);
  return std::string(kSigned).append(signature);
}

std::string sealed_redacted(std::string_view data) {
  if (is_openai_sealed(data)) return std::string(data);
  return std::string(kRedacted).append(data);
}

std::optional<chat::ThinkingPart> unsealed(std::string_view encrypted_content, std::string_view text) {
  chat::ThinkingPart part;
  if (encrypted_content.starts_with(kSigned)) {
    part.text = text;
    part.signature = encrypted_content.substr(kSigned.size());
    return part;
  }
  if (encrypted_content.starts_with(kRedacted)) {
    part.redacted_data = encrypted_content.substr(kRedacted.size());
    return part;
  }
  return std::nullopt;
}

}  // namespace ai_proxy::dialects::openai_responses
