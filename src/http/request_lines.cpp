// Eight bytes at a time while they are harmless; a head has a special byte only at its line ends.
#include "http/request_lines.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>

namespace ai_proxy::http {
namespace {

constexpr std::uint64_t repeated(std::uint64_t byte) {
  return byte * 0x0101010101010101u;
}

bool is_special(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
}

// The first control character at or after `from`; text.size() when there is none.
std::size_t find_special(std::string_view text, std::size_t from) {
  if constexpr (std::endian::native == std::endian::little) {
    for (; from + 8 <= text.size(); from += 8) {
      std::uint64_t word;
      std::memcpy(&word, text.data() + from, sizeof word);
      const std::uint64_t low = (word - repeated(0x20)) & ~word;  // top bit set where a byte < 0x20
      const std::uint64_t del = word ^ repeated(0x7F);
      const std::uint64_t hits = (low | ((del - repeated(1)) & ~del)) & repeated(0x80);
      // A borrow may set bits above a true hit, never below: the lowest one is right.
      if (hits != 0) return from + static_cast<std::size_t>(std::countr_zero(hits)) / 8;
    }
  }
  while (from < text.size() && !is_special(text[from])) ++from;
  return from;
}

constexpr std::array<bool, 256> kTokenCharacters = [] {
  std::array<bool, 256> table{};
  for (unsigned c = '0'; c <= '9'; ++c) table[c] = true;
  for (unsigned c = 'a'; c <= 'z'; ++c) table[c] = true;
  for (unsigned c = 'A'; c <= 'Z'; ++c) table[c] = true;
  for (const char c : std::string_view("!#$%&'*+-.^_`|~")) table[static_cast<unsigned char>(c)] = true;
  return table;
}();

}  // namespace

LineScanner::Found LineScanner::scan(std::string_view text) {
  while (position_ < text.size()) {
    if (position_ == line_begin_ && (text[position_] == ' ' || text[position_] == '\t')) {
      return bad("A header line may not begin with a blank (folded lines are not accepted).");
    }
    position_ = find_special(text, position_);
    if (position_ == text.size()) return Found::more;
    if (text[position_] == '\t') {
      ++position_;
      continue;
    }
    if (text[position_] != '\r')
      return bad("The request's header holds a control character or a bare line feed.");
    if (position_ + 1 == text.size()) return Found::more;
    if (text[position_ + 1] != '\n')
      return bad("The request's header holds a carriage return without a line feed.");
    const bool empty = position_ == line_begin_;
    position_ += 2;
    line_begin_ = position_;
    if (empty) return Found::end;
    ++lines_;
  }
  return Found::more;
}

LineScanner::Found LineScanner::bad(std::string_view complaint) {
  complaint_ = complaint;
  return Found::bad;
}

bool is_token_character(char c) {
  return kTokenCharacters[static_cast<unsigned char>(c)];
}

bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_token_character);
}

}  // namespace ai_proxy::http
