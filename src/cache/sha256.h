// SHA-256 by OpenSSL, of texts one after the other. A thread has one under way at a time.
#pragma once

#include <openssl/evp.h>

#include <array>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>
#include <string_view>

namespace ai_proxy::cache {

class Sha256 {
 public:
  // Throws std::bad_alloc.
  Sha256() {
    if (EVP_DigestInit_ex2(context(), algorithm(), nullptr) != 1) throw std::bad_alloc();
  }

  void add(std::string_view text) { check(EVP_DigestUpdate(context(), text.data(), text.size())); }
  std::array<std::uint8_t, 32> finish() {
    std::array<std::uint8_t, 32> digest{};
    check(EVP_DigestFinal_ex(context(), digest.data(), nullptr));
    return digest;
  }

 private:
  struct Free {
    void operator()(EVP_MD* digest) const { EVP_MD_free(digest); }
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  };
  template <class Object>
  static Object* made(Object* object) {
    if (object == nullptr) throw std::bad_alloc();
    return object;
  }
  // Fetching is slow: once for the process. A context is reused by its thread.
  static const EVP_MD* algorithm() {
    static const std::unique_ptr<EVP_MD, Free> fetched(made(EVP_MD_fetch(nullptr, "SHA256", nullptr)));
    return fetched.get();
  }
  static EVP_MD_CTX* context() {
    thread_local const std::unique_ptr<EVP_MD_CTX, Free> own(made(EVP_MD_CTX_new()));
    return own.get();
  }
  // Once begun it fails only where OpenSSL itself is unusable; a key that is not a hash must never be used.
  static void check(int result) {
    if (result != 1) std::abort();
  }
};

}  // namespace ai_proxy::cache
