// API keys and header lines from the configuration: what may stand in a request's head, and nothing else. No
// error repeats any of it.
#pragma once

#include <string>
#include <string_view>

#include "config/faults.h"

namespace ai_proxy::config {

// Trimmed; visible ASCII only. An empty result means: not set (an empty text, or the placeholder of
// .env.example).
Parsed<std::string> parse_key(std::string_view text);

// "x-team: blue" as "x-team: blue\r\n". Refused are lines that AI Proxy writes itself and those that belong
// to one connection.
Parsed<std::string> header_line(std::string_view name, std::string_view value);

}  // namespace ai_proxy::config
