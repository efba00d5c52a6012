#include "base/secret.h"

#include <openssl/crypto.h>

#include <array>
#include <utility>

namespace ai_proxy {

Secret::Secret(std::string text) : text_(std::move(text)) {}

Secret::~Secret() {
  if (!text_.empty()) OPENSSL_cleanse(text_.data(), text_.size());
}

Secret::Secret(Secret&& other) noexcept : text_(std::move(other.text_)) {
  other.text_.clear();
}

Secret& Secret::operator=(Secret&& other) noexcept {
  std::swap(text_, other.text_);
  return *this;
}

bool Secret::matches(std::string_view other) const {
  return other.size() == text_.size() && CRYPTO_memcmp(other.data(), text_.data(), text_.size()) == 0;
}

namespace {

constexpr std::string_view kRedacted = "[redacted]";

constexpr bool is_key_character(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_' ||
         c == '*' || c == '.';
}

// Long, and of digits, small and capital letters, as no ordinary word is.
bool looks_random(std::string_view text) {
  constexpr std::size_t kLong = 20;
  bool digit = false, small = false, capital = false;
  for (const char c : text) {
    digit |= c >= '0' && c <= '9';
    small |= c >= 'a' && c <= 'z';
    capital |= c >= 'A' && c <= 'Z';
  }
  return text.size() >= kLong && digit && small && capital;
}

}  // namespace

std::string redact(std::string text, const Secret& secret) {
  // A very short secret would tear up ordinary words.
  if (secret.reveal().size() < 4) return text;
  for (std::size_t at = 0; (at = text.find(secret.reveal(), at)) != std::string::npos;
       at += kRedacted.size()) {
    text.replace(at, secret.reveal().size(), kRedacted);
  }
  return text;
}

std::string redact_keys(std::string text) {
  constexpr std::array<std::string_view, 4> kMarks{"sk-", "sk_", "Bearer ", "key-"};
  for (const std::string_view mark : kMarks) {
    for (std::size_t at = 0; (at = text.find(mark, at)) != std::string::npos;) {
      std::size_t end = at + mark.size();
      while (end < text.size() && is_key_character(text[end])) ++end;
      // "sk-" inside an ordinary word ("task-list") or without a body is no key.
      const std::string_view body = std::string_view(text).substr(at + mark.size(), end - at - mark.size());
      const bool inside_word = at > 0 && is_key_character(text[at - 1]);
      if (inside_word ? !looks_random(body) : body.size() < 4) {
        at = end;
        continue;
      }
      text.replace(at, end - at, kRedacted);
      at += kRedacted.size();
    }
  }
  return text;
}

}  // namespace ai_proxy
