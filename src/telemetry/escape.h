// Text from outside made harmless for a log line: no control character, line break, terminal escape or mark
// that reorders text survives as itself (reliability.md S-53, S-91).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace ai_proxy::telemetry {

enum class Quoting : std::uint8_t {
  json,   // inside a JSON string: quotation marks and backslashes are escaped too
  plain,  // for people: those two stay as they are
  label,  // inside the value of a metric's label: as json, but what could disturb becomes U+FFFD
};

// Appends at most `bytes_max` bytes of `text` (then an ellipsis), escaped. Invalid UTF-8 becomes U+FFFD; what
// could disturb a line becomes \n, \t or \u....
void append_escaped(std::string& line, std::string_view text, std::size_t bytes_max, Quoting quoting);

// Nothing in it would be escaped.
bool is_plain(std::string_view text);

}  // namespace ai_proxy::telemetry
