// Cache keys.
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "cache/cache.h"
#include "cache/sha256.h"

namespace ai_proxy::cache {
namespace {

// To be raised whenever what is hashed, or what a body means, changes.
constexpr std::string_view kVersion = "ai-proxy cache key 2";

// The length goes first, so that no text can pass from one part into the next.
void add(Sha256& hash, std::string_view part) {
  std::array<char, 8> length{};
  for (std::size_t i = 0; i < length.size(); ++i) {
    length[i] = static_cast<char>(static_cast<std::uint64_t>(part.size()) >> (8 * i));
  }
  hash.add({length.data(), length.size()});
  hash.add(part);
}

}  // namespace

Key make_key(const KeyParts& parts) {
  Sha256 hash;
  add(hash, kVersion);
  add(hash, parts.tenant);
  add(hash, parts.provider);
  add(hash, parts.origin);
  add(hash, parts.model);
  add(hash, parts.fields);
  add(hash, parts.body);
  return Key{hash.finish()};
}

std::string Key::hex() const {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text(2 * digest.size(), '0');
  for (std::size_t i = 0; i < digest.size(); ++i) {
    text[2 * i] = kDigits[digest[i] >> 4];
    text[2 * i + 1] = kDigits[digest[i] & 0x0F];
  }
  return text;
}

}  // namespace ai_proxy::cache
