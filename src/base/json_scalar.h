// Scalars of JSON, as RFC 8259 writes them.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace ai_proxy::json {

// [-] int [frac] [exp], all of the text.
bool is_number_text(std::string_view text);

// What stands between the quotes, with its escapes resolved, as UTF-8. nullopt: an escape that there is not,
// or half of a surrogate pair.
std::optional<std::string> unescape(std::string_view text);

}  // namespace ai_proxy::json
