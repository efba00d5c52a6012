#include "base/json_scalar.h"

#include <charconv>
#include <cstddef>
#include <cstdint>

namespace ai_proxy::json {
namespace {

constexpr bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

void append_utf8(std::string& out, std::uint32_t code) {
  const auto byte = [&out](std::uint32_t bits) { out.push_back(static_cast<char>(bits)); };
  if (code < 0x80) return byte(code);
  if (code < 0x800) {
    byte(0xc0 | (code >> 6));
  } else {
    if (code < 0x10000) {
      byte(0xe0 | (code >> 12));
    } else {
      byte(0xf0 | (code >> 18));
      byte(0x80 | ((code >> 12) & 0x3f));
    }
    byte(0x80 | ((code >> 6) & 0x3f));
  }
  byte(0x80 | (code & 0x3f));
}

// The four digits of \u.
std::optional<std::uint32_t> code_unit(std::string_view digits) {
  if (digits.size() < 4) return std::nullopt;
  std::uint32_t code = 0;
  const char* end = digits.data() + 4;
  const auto [stopped, fault] = std::from_chars(digits.data(), end, code, 16);
  if (fault != std::errc() || stopped != end) return std::nullopt;
  return code;
}

// The character whose \u escape `text` goes on with, behind its "\u"; it goes from the text.
std::optional<std::uint32_t> take_code_point(std::string_view& text) {
  std::optional<std::uint32_t> code = code_unit(text);
  if (!code) return std::nullopt;
  text.remove_prefix(4);
  if (*code < 0xd800 || *code > 0xdfff) return code;
  if (*code > 0xdbff || !text.starts_with("\\u")) return std::nullopt;
  const std::optional<std::uint32_t> low = code_unit(text.substr(2));
  if (!low || *low < 0xdc00 || *low > 0xdfff) return std::nullopt;
  text.remove_prefix(6);
  return 0x10000 + ((*code - 0xd800) << 10) + (*low - 0xdc00);
}

}  // namespace

bool is_number_text(std::string_view text) {
  std::size_t i = 0;
  const auto digits = [&] {
    const std::size_t start = i;
    while (i < text.size() && is_digit(text[i])) ++i;
    return i > start;
  };
  if (i < text.size() && text[i] == '-') ++i;
  if (i < text.size() && text[i] == '0') {
    ++i;
  } else if (!digits()) {
    return false;
  }
  if (i < text.size() && text[i] == '.') {
    ++i;
    if (!digits()) return false;
  }
  if (i < text.size() && (text[i] == 'e' || text[i] == 'E')) {
    ++i;
    if (i < text.size() && (text[i] == '+' || text[i] == '-')) ++i;
    if (!digits()) return false;
  }
  return i == text.size();
}

std::optional<std::string> unescape(std::string_view text) {
  constexpr std::string_view kNames = "\"\\/bfnrt", kMeanings = "\"\\/\b\f\n\r\t";
  std::string out;
  out.reserve(text.size());
  for (std::size_t escape = 0; (escape = text.find('\\')) != std::string_view::npos;) {
    out.append(text.substr(0, escape));
    text.remove_prefix(escape + 1);
    if (text.empty()) return std::nullopt;
    const char name = text.front();
    text.remove_prefix(1);
    if (name == 'u') {
      const std::optional<std::uint32_t> code = take_code_point(text);
      if (!code) return std::nullopt;
      append_utf8(out, *code);
    } else {
      const std::size_t at = kNames.find(name);
      if (at == std::string_view::npos) return std::nullopt;
      out.push_back(kMeanings[at]);
    }
  }
  out.append(text);
  return out;
}

}  // namespace ai_proxy::json
