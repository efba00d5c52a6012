#include "base/ids.h"

#include <algorithm>
#include <random>

namespace ai_proxy {

std::string new_request_id() {
  // Seeded from the system once per thread; the ids need to be unlikely to meet, not secret.
  thread_local std::mt19937_64 generator{[] {
    std::random_device device;
    std::seed_seq seed{device(), device(), device(), device()};
    return std::mt19937_64(seed);
  }()};
  constexpr char kAlphabet[] = "0123456789abcdefghijklmnopqrstuv";
  constexpr std::size_t kPerWord = 12;  // characters of 5 bits
  constexpr std::string_view kPrefix = "req_";
  std::string id(kPrefix.size() + 2 * kPerWord, '\0');
  char* out = std::ranges::copy(kPrefix, id.data()).out;
  for (int word = 0; word < 2; ++word) {
    std::uint64_t bits = generator();
    for (std::size_t i = 0; i < kPerWord; ++i, bits >>= 5) *out++ = kAlphabet[bits & 31];
  }
  return id;
}

bool sane_request_id(std::string_view id) {
  return !id.empty() && id.size() <= 128 && std::ranges::all_of(id, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' ||
           c == '_' || c == ':' || c == '-';
  });
}

}  // namespace ai_proxy
