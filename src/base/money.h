// Money as an integer count of pico-dollars (1e-12 USD): exact for every price in the catalogue, token by
// token. No floating point anywhere near it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace ai_proxy {

__extension__ typedef __int128 PicoUsd;  // 128 bits: hostile token counts overflow 64

inline constexpr PicoUsd kPicoPerUsd = 1'000'000'000'000;

// "0.000275": plain decimal USD, exact, at least 6 decimals, no exponent, no trailing zeros beyond the sixth.
std::string format_usd(PicoUsd amount);

// Parses a plain decimal ("2.5", "0.30", "-1") into units of 10^-decimals_max; nullopt when the text is no
// plain decimal or has more decimals than that. parse_decimal("2.5", 6) == 2'500'000.
std::optional<PicoUsd> parse_decimal(std::string_view text, int decimals_max);

}  // namespace ai_proxy
