// Cache keys: SHA-256 by OpenSSL.
#include <openssl/evp.h>

#include <cstdlib>
#include <memory>

#include "cache/cache.h"

namespace ai_proxy::cache {
namespace {

// To be raised whenever what is hashed, or what a body means, changes.
constexpr std::string_view kVersion = "ai-proxy cache key 1";

struct Free {
  void operator()(EVP_MD* digest) const { EVP_MD_free(digest); }
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};

class Hash {
 public:
  Hash() { check(EVP_DigestInit_ex2(context(), algorithm(), nullptr)); }

  // The length goes first, so that no text can pass from one part into the next.
  void add(std::string_view part) {
    std::array<std::uint8_t, 8> length{};
    for (std::size_t i = 0; i < length.size(); ++i) {
      length[i] = static_cast<std::uint8_t>(static_cast<std::uint64_t>(part.size()) >> (8 * i));
    }
    check(EVP_DigestUpdate(context(), length.data(), length.size()));
    check(EVP_DigestUpdate(context(), part.data(), part.size()));
  }
  std::array<std::uint8_t, 32> finish() {
    std::array<std::uint8_t, 32> digest{};
    check(EVP_DigestFinal_ex(context(), digest.data(), nullptr));
    return digest;
  }

 private:
  // Fetching is slow: once for the process. A context is reused by its thread.
  static const EVP_MD* algorithm() {
    static const std::unique_ptr<EVP_MD, Free> fetched(EVP_MD_fetch(nullptr, "SHA256", nullptr));
    return fetched.get();
  }
  static EVP_MD_CTX* context() {
    thread_local const std::unique_ptr<EVP_MD_CTX, Free> own(EVP_MD_CTX_new());
    return own.get();
  }
  // SHA-256 in memory fails only where OpenSSL itself is unusable; a key that is not a hash must never be
  // used.
  static void check(int result) {
    if (result != 1) std::abort();
  }
};

}  // namespace

Key make_key(const KeyParts& parts) {
  Hash hash;
  hash.add(kVersion);
  hash.add(parts.tenant);
  hash.add(parts.provider);
  hash.add(parts.origin);
  hash.add(parts.model);
  hash.add(parts.fields);
  hash.add(parts.body);
  return Key{hash.finish()};
}

std::string Key::hex() const {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  text.reserve(2 * digest.size());
  for (const std::uint8_t byte : digest) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 0x0F];
  }
  return text;
}

}  // namespace ai_proxy::cache
