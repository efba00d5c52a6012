// Well-formed UTF-8 as Unicode defines it (table 3-7): no surrogates, no overlong forms, nothing above
// U+10FFFF.
#include "config/text.h"

namespace ai_proxy::config {
namespace {

// Length of the well-formed sequence at the front; 0 = there is none.
std::size_t sequence_length(std::string_view text) {
  const auto byte = [&](std::size_t i) -> unsigned {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u;
  };
  const auto in = [](unsigned value, unsigned low, unsigned high) { return value >= low && value <= high; };
  const unsigned lead = byte(0);
  if (lead < 0x80) return 1;
  const unsigned low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
  const unsigned high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
  if (!in(byte(1), low, high)) return 0;
  if (in(lead, 0xC2, 0xDF)) return 2;
  if (!in(byte(2), 0x80, 0xBF)) return 0;
  if (in(lead, 0xE0, 0xEF)) return 3;
  return in(lead, 0xF0, 0xF4) && in(byte(3), 0x80, 0xBF) ? 4 : 0;
}

bool is_forbidden_control(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return (byte < 0x20 && c != '\t' && c != '\n' && c != '\r') || byte == 0x7F;
}

}  // namespace

std::optional<TextFault> find_text_fault(std::string_view text) {
  if (text.size() > kFileBytesMax) return TextFault{{}, "the file is larger than 1 MiB."};
  std::size_t line = 1;
  std::size_t line_begin = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = sequence_length(text.substr(at, 4));
    const Position position{.line = line, .column = at - line_begin + 1};
    if (length == 0) return TextFault{position, "the file is not valid UTF-8."};
    if (is_forbidden_control(text[at])) return TextFault{position, "the file holds a control character."};
    at += length;
    if (text[at - length] == '\n') {
      ++line;
      line_begin = at;
    }
  }
  return std::nullopt;
}

std::string_view without_byte_order_mark(std::string_view text) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  return text;
}

}  // namespace ai_proxy::config
