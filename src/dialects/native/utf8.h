// Text as it may be shown: counting and judging characters, and JSON strings that are well-formed whatever
// the bytes were (Unicode 16, table 3-7; one U+FFFD per maximal subpart of an ill-formed sequence).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace ai_proxy::dialects::native {

// Requires: well-formed UTF-8, for these two.
std::size_t count_characters(std::string_view text);
// Control characters (C0, DEL, C1, line and paragraph separators) or bidirectional controls, which let a name
// look like another one.
bool holds_invisible(std::string_view text);

// Appends `text` as a JSON string, quotes included. Takes any bytes.
void append_json_string(std::string& out, std::string_view text);

}  // namespace ai_proxy::dialects::native
