// API keys and header lines from the configuration: what may stand in a request's head, and nothing else. No
// error repeats any of it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/secret.h"
#include "config/faults.h"

namespace ai_proxy::config {

// One key, or several with commas or line breaks between. Trimmed; visible ASCII only. None means: not set
// (an empty text, or the placeholder of .env.example).
Parsed<std::vector<Secret>> parse_keys(std::string_view text);

// "x-team: blue" as "x-team: blue\r\n". Refused are lines that AI Proxy writes itself and those that belong
// to one connection.
Parsed<std::string> header_line(std::string_view name, std::string_view value);

}  // namespace ai_proxy::config
