// The bytes of a configuration file before anyone reads meaning into them.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace ai_proxy::config {

inline constexpr std::size_t kFileBytesMax = 1024 * 1024;

// Where something stands in a file: both from 1, the column in bytes.
struct Position {
  std::size_t line = 1;
  std::size_t column = 1;
};

struct TextFault {
  Position at;
  std::string text;
};

// nullopt = well-formed UTF-8 without control characters other than tab and line breaks, and not too long. A
// zero byte or an end-of-text mark would otherwise cut the file short without a word.
std::optional<TextFault> find_text_fault(std::string_view text);

// Without the byte order mark that some editors put in front.
std::string_view without_byte_order_mark(std::string_view text);

}  // namespace ai_proxy::config
