// Finds the bracketed directives of a question. Brackets that hold none stay text.
#include "simulator/directives.h"

#include <algorithm>
#include <array>

#include "base/ascii.h"
#include "base/json.h"

namespace ai_proxy::simulator {
namespace {

constexpr std::array<std::string_view, 10> kWords{"call", "think", "say",  "json",  "length",
                                                  "stop", "error", "slow", "break", "cut"};
constexpr int kSlowMsMax = 600'000;

// Where the bracket that opens `text` is closed; brackets inside and JSON strings are counted.
std::size_t end_of_bracket(std::string_view text) {
  int depth = 0;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted && c == '\\') {
      ++i;
    } else if (c == '"') {
      quoted = !quoted;
    } else if (!quoted && c == '[') {
      ++depth;
    } else if (!quoted && c == ']' && --depth == 0) {
      return i;
    }
  }
  return std::string_view::npos;
}

// False: the words are no directive after all.
bool apply(Directives& found, std::string_view word, std::string_view argument) {
  if (word == "call") {
    const std::size_t space = std::min(argument.find(' '), argument.size());
    const std::string_view json = ascii_trim(argument.substr(space));
    if (space == 0 || (!json.empty() && !json::valid(json))) return false;
    found.calls.push_back({std::string(argument.substr(0, space)), std::string(json)});
  } else if (word == "think") {
    found.thinking = argument;
  } else if (word == "say") {
    found.say = argument;
  } else if (word == "stop") {
    found.stop_word = argument;
  } else if (word == "error" || word == "slow") {
    const auto number = parse_integer<int>(argument);
    if (!number || *number < 0 || *number > kSlowMsMax) return false;
    if (word == "slow") found.slow = std::chrono::milliseconds(*number);
    if (word == "error") found.error_status = *number;
  } else {
    found.json |= word == "json";
    found.length |= word == "length";
    found.breaks |= word == "break";
    found.cuts |= word == "cut";
  }
  return true;
}

}  // namespace

Directives read_directives(std::string_view text) {
  Directives found;
  while (!text.empty()) {
    const std::size_t open = std::min(text.find('['), text.size());
    found.rest.append(text.substr(0, open));
    text.remove_prefix(open);
    if (text.empty()) break;
    if (const std::size_t close = end_of_bracket(text); close != std::string_view::npos) {
      const std::string_view inside = text.substr(1, close - 1);
      const std::size_t space = std::min(inside.find(' '), inside.size());
      const std::string_view word = inside.substr(0, space);
      if (std::ranges::find(kWords, word) != kWords.end() &&
          apply(found, word, ascii_trim(inside.substr(space)))) {
        text.remove_prefix(close + 1);
        continue;
      }
    }
    found.rest.append(text.substr(0, 1));
    text.remove_prefix(1);
  }
  found.rest = ascii_trim(found.rest);
  return found;
}

}  // namespace ai_proxy::simulator
