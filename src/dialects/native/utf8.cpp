// See utf8.h.
#include "dialects/native/utf8.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

namespace ai_proxy::dialects::native {
namespace {

constexpr unsigned char byte_at(std::string_view text, std::size_t i) {
  return static_cast<unsigned char>(text[i]);
}

constexpr bool is_continuation(unsigned char byte) {
  return (byte & 0xC0) == 0x80;
}

struct Sequence {
  std::size_t length = 1;  // bytes to take: the character, or the ill-formed part
  bool good = false;
};

// The sequence that starts with a byte above 0x7F at `i`.
Sequence sequence_at(std::string_view text, std::size_t i) {
  const unsigned char lead = byte_at(text, i);
  std::size_t wanted = 0;
  unsigned char low =
      0x80;  // bounds of the second byte: they keep out overlong forms, surrogates, > U+10FFFF
  unsigned char high = 0xBF;
  if (lead >= 0xC2 && lead <= 0xDF) {
    wanted = 2;
  } else if (lead >= 0xE0 && lead <= 0xEF) {
    wanted = 3;
    if (lead == 0xE0) low = 0xA0;
    if (lead == 0xED) high = 0x9F;
  } else if (lead >= 0xF0 && lead <= 0xF4) {
    wanted = 4;
    if (lead == 0xF0) low = 0x90;
    if (lead == 0xF4) high = 0x8F;
  } else {
    return {};
  }
  std::size_t length = 1;
  while (length < wanted && i + length < text.size()) {
    const unsigned char byte = byte_at(text, i + length);
    if (byte < low || byte > high) break;
    low = 0x80;
    high = 0xBF;
    ++length;
  }
  return {length, length == wanted};
}

constexpr auto kPlain = [] {
  std::array<bool, 256> plain{};
  for (std::size_t c = 0x20; c < 0x80; ++c) plain[c] = c != '"' && c != '\\';
  return plain;
}();

// How many of the next bytes, eight at a time, can be copied as they are. A byte of a word is found by
// arithmetic on all eight at once ("determine if a word has a byte …", Anderson's bit twiddling hacks); too
// many borrows may only stop it early.
std::size_t plain_words(std::string_view text, std::size_t i) {
  constexpr std::uint64_t kOnes = 0x0101010101010101;
  constexpr std::uint64_t kHighs = 0x8080808080808080;
  const std::size_t start = i;
  for (std::uint64_t word = 0; i + sizeof word <= text.size(); i += sizeof word) {
    std::memcpy(&word, text.data() + i, sizeof word);
    const std::uint64_t quotes = word ^ (kOnes * '"');
    const std::uint64_t backslashes = word ^ (kOnes * '\\');
    const std::uint64_t special = (word - kOnes * 0x20) | (quotes - kOnes) | (backslashes - kOnes) | word;
    if ((special & kHighs) != 0) break;
  }
  return i - start;
}

void append_escape(std::string& out, char c) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  switch (c) {
    case '"':
      out.append("\\\"");
      return;
    case '\\':
      out.append("\\\\");
      return;
    case '\n':
      out.append("\\n");
      return;
    case '\r':
      out.append("\\r");
      return;
    case '\t':
      out.append("\\t");
      return;
    default:
      out.append("\\u00");
      out.push_back(kDigits[static_cast<unsigned char>(c) >> 4]);
      out.push_back(kDigits[static_cast<unsigned char>(c) & 0xF]);
  }
}

bool is_invisible(std::uint32_t code) {
  return code < 0x20 || (code >= 0x7F && code < 0xA0) || code == 0x061C || code == 0x200E || code == 0x200F ||
         (code >= 0x2028 && code <= 0x202E) || (code >= 0x2066 && code <= 0x2069);
}

}  // namespace

std::size_t count_characters(std::string_view text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return !is_continuation(static_cast<unsigned char>(c)); }));
}

bool holds_invisible(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const unsigned char lead = byte_at(text, i);
    std::uint32_t code = lead < 0x80   ? lead
                         : lead < 0xE0 ? lead & 0x1F
                         : lead < 0xF0 ? lead & 0x0F
                                       : lead & 0x07;
    for (++i; i < text.size() && is_continuation(byte_at(text, i)); ++i)
      code = code << 6 | (byte_at(text, i) & 0x3F);
    if (is_invisible(code)) return true;
  }
  return false;
}

void append_json_string(std::string& out, std::string_view text) {
  out.push_back('"');
  std::size_t start = 0;  // of the run that can be copied as it is
  std::size_t i = 0;
  const auto flush = [&] { out.append(text.substr(start, i - start)); };
  while (i < text.size()) {
    const unsigned char byte = byte_at(text, i);
    if (kPlain[byte]) {
      const std::size_t plain = plain_words(text, i);
      i += plain > 0 ? plain : 1;
    } else if (byte < 0x80) {
      flush();
      append_escape(out, text[i]);
      start = ++i;
    } else if (const Sequence sequence = sequence_at(text, i); sequence.good) {
      i += sequence.length;
    } else {
      flush();
      out.append("\xEF\xBF\xBD");
      start = i += sequence.length;
    }
  }
  flush();
  out.push_back('"');
}

}  // namespace ai_proxy::dialects::native
