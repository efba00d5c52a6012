// Escaping for log lines. The characters that are escaped: C0, DEL, C1 (U+009B is an escape to some
// terminals), line and paragraph separators, bidirectional marks (Unicode UAX #9), invisible and tag
// characters.
#include "telemetry/escape.h"

#include <array>

#include "base/eight_bytes.h"

namespace ai_proxy::telemetry {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";
constexpr std::string_view kEllipsis = "\xE2\x80\xA6";
constexpr std::string_view kDigits = "0123456789abcdef";

// Bytes that may be copied without a look: printable ASCII but for quotation mark and backslash.
constexpr std::array<bool, 256> plain_bytes() {
  std::array<bool, 256> plain{};
  for (std::size_t byte = 0x20; byte < 0x7f; ++byte) plain[byte] = byte != '"' && byte != '\\';
  return plain;
}
constexpr std::array<bool, 256> kPlain = plain_bytes();

// How many bytes `text` begins with that are plain: eight at a time, while they are.
std::size_t plain_run(std::string_view text) {
  std::size_t run = 0;
  for (; run + 8 <= text.size(); run += 8) {
    const std::uint64_t word = eight_bytes(text.data() + run);
    const std::uint64_t outside_ascii = ((word - repeated(0x20)) | word) & kTopBits;
    if ((outside_ascii | zero_bytes(word ^ repeated(0x7f)) | zero_bytes(word ^ repeated('"')) |
         zero_bytes(word ^ repeated('\\'))) != 0) {
      break;
    }
  }
  while (run < text.size() && kPlain[static_cast<unsigned char>(text[run])]) ++run;
  return run;
}

struct Character {
  char32_t code = 0;
  std::size_t length = 0;  // 0: not UTF-8
};

// The character at the start of `text`, strictly (no overlong form, no surrogate, nothing beyond U+10FFFF).
Character decode(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  std::size_t length = 0;
  char32_t code = 0;
  char32_t smallest = 0;
  if (first < 0x80) return {first, 1};
  if (first >= 0xC2 && first <= 0xDF) {
    length = 2, code = first & 0x1Fu, smallest = 0x80;
  } else if ((first & 0xF0) == 0xE0) {
    length = 3, code = first & 0x0Fu, smallest = 0x800;
  } else if (first >= 0xF0 && first <= 0xF4) {
    length = 4, code = first & 0x07u, smallest = 0x10000;
  }
  if (length == 0 || text.size() < length) return {};
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return {};
    code = (code << 6) | (byte(i) & 0x3Fu);
  }
  if (code < smallest || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) return {};
  return {code, length};
}

bool disturbs(char32_t code) {
  if (code < 0x20 || (code >= 0x7F && code <= 0x9F)) return true;
  if (code == 0xAD || code == 0x61C || code == 0x180E || code == 0xFEFF) return true;
  if (code >= 0x200B && code <= 0x200F) return true;
  if (code >= 0x2028 && code <= 0x202E) return true;
  if (code >= 0x2060 && code <= 0x206F) return true;
  return (code >= 0xFFF9 && code <= 0xFFFB) || (code >= 0xE0000 && code <= 0xE0FFF);
}

void append_unit(std::string& line, std::uint32_t unit) {
  line += "\\u";
  for (int shift = 12; shift >= 0; shift -= 4) line += kDigits[(unit >> shift) & 0xFu];
}

void append_code(std::string& line, char32_t code) {
  switch (code) {
    case '\n':
      line += "\\n";
      return;
    case '\r':
      line += "\\r";
      return;
    case '\t':
      line += "\\t";
      return;
    default:
      break;
  }
  if (code < 0x10000) return append_unit(line, code);
  append_unit(line, 0xD800 + ((code - 0x10000) >> 10));
  append_unit(line, 0xDC00 + ((code - 0x10000) & 0x3FF));
}

// The longest start of `text` of at most `bytes_max` bytes that does not cut a character.
std::string_view cut(std::string_view text, std::size_t bytes_max) {
  std::size_t end = bytes_max;
  while (end > 0 && bytes_max - end < 4 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, end);
}

}  // namespace

bool is_plain(std::string_view text) {
  return plain_run(text) == text.size();
}

void append_escaped(std::string& line, std::string_view text, std::size_t bytes_max, Quoting quoting) {
  const bool whole = text.size() <= bytes_max;
  if (!whole) text = cut(text, bytes_max);
  while (!text.empty()) {
    const std::size_t run = plain_run(text);
    line.append(text.substr(0, run));
    text.remove_prefix(run);
    if (text.empty()) break;

    const Character character = decode(text);
    if (character.length == 0) {
      line += kReplacement;
      text.remove_prefix(1);
      continue;
    }
    if (character.code == '"' || character.code == '\\') {
      if (quoting != Quoting::plain) line += '\\';
      line += static_cast<char>(character.code);
    } else if (disturbs(character.code)) {
      if (quoting == Quoting::label) {
        line += kReplacement;
      } else {
        append_code(line, character.code);
      }
    } else {
      line.append(text.substr(0, character.length));
    }
    text.remove_prefix(character.length);
  }
  if (!whole) line += kEllipsis;
}

}  // namespace ai_proxy::telemetry
