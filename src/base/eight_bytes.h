// Eight bytes of a text looked at in one step.
#pragma once

#include <cstdint>
#include <cstring>

namespace ai_proxy {

// In whatever order this machine has them.
inline std::uint64_t eight_bytes(const char* text) {
  std::uint64_t word = 0;
  std::memcpy(&word, text, sizeof word);
  return word;
}

constexpr std::uint64_t repeated(std::uint64_t byte) {
  return byte * 0x0101010101010101u;
}

inline constexpr std::uint64_t kTopBits = repeated(0x80);

// The top bit of a byte is set where that byte of `word` is the first zero. Beyond it others may be set too,
// so that "none" is exact, and so is the lowest one.
constexpr std::uint64_t zero_bytes(std::uint64_t word) {
  return (word - repeated(1)) & ~word & kTopBits;
}

}  // namespace ai_proxy
