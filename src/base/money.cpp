#include "base/money.h"

#include <algorithm>
#include <cstdint>

namespace ai_proxy {

std::string format_usd(PicoUsd amount) {
  constexpr int kDecimals = 12;
  constexpr int kDecimalsMin = 6;
  // From the right: decimals, point, dollars. 2^127 has 39 digits.
  char text[48];
  char* const end = text + sizeof text;
  char* begin = end;
  const bool negative = amount < 0;
  auto rest = static_cast<unsigned __int128>(negative ? -amount : amount);
  // Dividing 64 bits costs a fraction of dividing 128, and the decimals always fit.
  auto decimals = static_cast<std::uint64_t>(rest % static_cast<unsigned __int128>(kPicoPerUsd));
  rest /= static_cast<unsigned __int128>(kPicoPerUsd);
  for (int i = 0; i < kDecimals; ++i, decimals /= 10) *--begin = static_cast<char>('0' + decimals % 10);
  char* const decimals_begin = begin;
  *--begin = '.';
  for (; rest > UINT64_MAX; rest /= 10) *--begin = static_cast<char>('0' + static_cast<int>(rest % 10));
  auto dollars = static_cast<std::uint64_t>(rest);
  do *--begin = static_cast<char>('0' + dollars % 10);
  while ((dollars /= 10) > 0);
  if (negative) *--begin = '-';
  char* last = end;
  while (last > decimals_begin + kDecimalsMin && last[-1] == '0') --last;
  return std::string(begin, last);
}

std::optional<PicoUsd> parse_decimal(std::string_view text, int decimals_max) {
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  PicoUsd value = 0;
  int decimals = -1;  // -1: the point has not come yet
  bool any = false;
  for (const char c : text) {
    if (c == '.' && decimals < 0 && any) {
      decimals = 0;
      continue;
    }
    if (c < '0' || c > '9' || value > kPicoPerUsd * kPicoPerUsd) return std::nullopt;
    if (decimals >= 0 && ++decimals > decimals_max) return std::nullopt;
    value = value * 10 + (c - '0');
    any = true;
  }
  if (!any || text.ends_with('.')) return std::nullopt;
  for (int i = std::max(decimals, 0); i < decimals_max; ++i) value *= 10;
  return negative ? -value : value;
}

}  // namespace ai_proxy
