// The .env file: one KEY=VALUE a line.
//
//   # a comment            export KEY=value      KEY = value # a comment after a blank
//   KEY='as it stands'     KEY="with \n \r \t \" \\ \$ escapes"      KEY=
//
// CRLF line ends and a byte order mark are taken. Nothing is expanded, and no value goes over several lines.
// When a name stands twice, the last one holds.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/faults.h"

namespace ai_proxy::config {

struct Assignment {
  std::string name;
  std::string value;
  std::size_t line = 0;
};

// Broken lines go to `faults` (".env:3: …"), the others are returned. No message repeats what a line holds:
// it may be a key that slipped.
std::vector<Assignment> parse_dotenv(std::string_view text, Faults& faults);

}  // namespace ai_proxy::config
