// For the fuzz targets (*_fuzz.cpp): reading decisions out of an input, cutting it into pieces, and ending
// the run where a promise is broken. Nothing here is random: the same input does the same again.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>

namespace ai_proxy::fuzzing {

// A broken promise ends the program; libFuzzer then keeps the input that led there.
inline void require(bool promise, std::string_view what, std::string_view shown = {}) {
  if (promise) return;
  std::fprintf(stderr, "broken promise: %.*s\n%.*s\n", static_cast<int>(what.size()), what.data(),
               static_cast<int>(std::min<std::size_t>(shown.size(), 4000)), shown.data());
  std::abort();
}

// Taken from the front: what decides comes first, the bytes under test are the rest.
class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size) : rest_(reinterpret_cast<const char*>(data), size) {}

  // 0 when nothing is left.
  std::uint8_t byte() {
    const std::string_view one = take(1);
    return one.empty() ? std::uint8_t{0} : static_cast<std::uint8_t>(one.front());
  }
  template <class Element, std::size_t Count>
  const Element& one_of(const std::array<Element, Count>& elements) {
    return elements[byte() % Count];
  }
  // Up to `mark`, which is taken too; everything, when there is none.
  std::string_view until(char mark) {
    const std::string_view text = take(std::min(rest_.find(mark), rest_.size()));
    take(1);
    return text;
  }
  std::string_view take(std::size_t count) {
    const std::string_view taken = rest_.substr(0, count);
    rest_.remove_prefix(taken.size());
    return taken;
  }
  std::string_view rest() const { return rest_; }

 private:
  std::string_view rest_;
};

// Bytes in memory that is exactly as large: reading behind them, and views kept for too long, are found.
class Block {
 public:
  explicit Block(std::string_view bytes) : size_(bytes.size()), bytes_(new char[bytes.size()]) {
    std::ranges::copy(bytes, bytes_.get());
  }
  std::string_view view() const { return {bytes_.get(), size_}; }
  std::span<char> span() { return {bytes_.get(), size_}; }

 private:
  std::size_t size_;
  std::unique_ptr<char[]> bytes_;
};

enum class Cut : std::uint8_t { nowhere, anywhere, everywhere };

// How long the next piece is: short ones mostly, a long one now and then.
class Lengths {
 public:
  Lengths(std::string_view bytes, Cut cut) : cut_(cut) {
    for (const char c : bytes) state_ = (state_ ^ static_cast<unsigned char>(c)) * 0x100000001B3;  // FNV-1a
  }
  std::size_t next() {
    if (cut_ == Cut::nowhere) return SIZE_MAX;
    if (cut_ == Cut::everywhere) return 1;
    state_ ^= state_ << 13;  // xorshift (Marsaglia 2003)
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    constexpr std::size_t kMost[] = {2, 8, 32, 512};
    return 1 + (state_ >> 8) % kMost[state_ % 4];
  }

 private:
  Cut cut_;
  std::uint64_t state_ = 0xCBF29CE484222325;
};

// Calls `feed(Block&)` for one piece after the other; false from it stops.
template <class Feed>
void feed_pieces(std::string_view bytes, Cut cut, Feed feed) {
  Lengths lengths(bytes, cut);
  while (!bytes.empty()) {
    Block piece(bytes.substr(0, lengths.next()));
    bytes.remove_prefix(piece.view().size());
    if (!feed(piece)) return;
  }
}

// `run(Cut)` -> what came of the bytes: the same, however they were cut.
template <class Run>
auto same_for_every_cut(std::string_view bytes, Run run) {
  constexpr std::size_t kSlowBytesMax = 512;
  auto whole = run(Cut::nowhere);
  require(run(Cut::anywhere) == whole, "pieces give what the whole gives");
  if (bytes.size() <= kSlowBytesMax)
    require(run(Cut::everywhere) == whole, "single bytes give what the whole gives");
  return whole;
}

}  // namespace ai_proxy::fuzzing
