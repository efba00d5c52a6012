#include "base/money.h"

#include <algorithm>

namespace ai_proxy {

std::string format_usd(PicoUsd amount) {
  constexpr int kDecimals = 12;
  constexpr std::size_t kDecimalsMin = 6;
  const bool negative = amount < 0;
  auto rest = static_cast<unsigned __int128>(negative ? -amount : amount);
  std::string digits;
  for (int i = 0; i <= kDecimals || rest > 0; ++i) {
    digits.push_back(static_cast<char>('0' + static_cast<int>(rest % 10)));
    rest /= 10;
  }
  std::ranges::reverse(digits);
  digits.insert(digits.size() - kDecimals, 1, '.');
  const std::size_t shortest = digits.size() - kDecimals + kDecimalsMin;
  while (digits.size() > shortest && digits.back() == '0') digits.pop_back();
  if (negative) digits.insert(digits.begin(), '-');
  return digits;
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
