// Dates in header fields: "Sun, 06 Nov 1994 08:49:37 GMT". Protocol source: RFC 9110, 5.6.7.
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

namespace ai_proxy::http {

// The preferred form only; nullopt for anything else, the two obsolete forms included.
std::optional<std::chrono::sys_seconds> parse_date(std::string_view text);

}  // namespace ai_proxy::http
