#include "config/dotenv.h"

#include <algorithm>

#include "base/ascii.h"
#include "config/text.h"

namespace ai_proxy::config {
namespace {

bool is_name(std::string_view text) {
  const auto letter = [](char c) { return (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z') || c == '_'; };
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  return !text.empty() && letter(text.front()) &&
         std::ranges::all_of(text, [&](char c) { return letter(c) || digit(c); });
}

bool is_comment(std::string_view rest) {
  rest = ascii_trim(rest);
  return rest.empty() || rest.front() == '#';
}

Parsed<std::string> single_quoted(std::string_view text) {
  const std::size_t end = text.find('\'', 1);
  if (end == std::string_view::npos) return std::unexpected("the closing ' is missing.");
  if (!is_comment(text.substr(end + 1))) return std::unexpected("there is text after the closing '.");
  return std::string(text.substr(1, end - 1));
}

Parsed<std::string> double_quoted(std::string_view text) {
  std::string value;
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '"') {
      if (!is_comment(text.substr(i + 1))) return std::unexpected("there is text after the closing \".");
      return value;
    }
    if (text[i] != '\\') {
      value.push_back(text[i]);
      continue;
    }
    const char escaped = ++i < text.size() ? text[i] : '\0';
    switch (escaped) {
      case 'n':
        value.push_back('\n');
        break;
      case 'r':
        value.push_back('\r');
        break;
      case 't':
        value.push_back('\t');
        break;
      case '"':
      case '\\':
      case '$':
        value.push_back(escaped);
        break;
      default:
        return std::unexpected("an escape in \"…\" must be one of \\n \\r \\t \\\" \\\\ \\$.");
    }
  }
  return std::unexpected("the closing \" is missing.");
}

std::string bare(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool after_blank = i == 0 || text[i - 1] == ' ' || text[i - 1] == '\t';
    if (text[i] == '#' && after_blank) return std::string(ascii_trim(text.substr(0, i)));
  }
  return std::string(ascii_trim(text));
}

Parsed<Assignment> parse_line(std::string_view line) {
  for (const std::string_view prefix : {"export ", "export\t"}) {
    if (line.starts_with(prefix)) line = ascii_trim(line.substr(prefix.size()));
  }
  const std::size_t equals = line.find('=');
  const std::string_view name = ascii_trim(line.substr(0, equals));
  if (equals == std::string_view::npos || !is_name(name)) {
    return std::unexpected("the line must be NAME=VALUE, with a name of letters, digits and '_'.");
  }
  const std::string_view text = ascii_trim(line.substr(equals + 1));
  Parsed<std::string> value = text.starts_with('\'')  ? single_quoted(text)
                              : text.starts_with('"') ? double_quoted(text)
                                                      : Parsed<std::string>(bare(text));
  if (!value) return std::unexpected(std::string(name) + ": " + value.error());
  return Assignment{.name = std::string(name), .value = std::move(*value)};
}

std::string place_of(std::size_t line) {
  std::string place = ".env:";
  append_integer(place, line);
  return place;
}

}  // namespace

std::vector<Assignment> parse_dotenv(std::string_view text, Faults& faults) {
  if (const auto fault = find_text_fault(text)) {
    faults.add(place_of(fault->at.line), fault->text);
    return {};
  }
  text = without_byte_order_mark(text);
  std::vector<Assignment> assignments;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = ascii_trim(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (is_comment(line)) continue;
    auto assignment = parse_line(line);
    if (!assignment) {
      faults.add(place_of(number), assignment.error());
      continue;
    }
    assignment->line = number;
    assignments.push_back(std::move(*assignment));
  }
  return assignments;
}

}  // namespace ai_proxy::config
