// Stricter than the RFCs where leniency would give one resource two spellings.
#include "http/request_target.h"

#include <algorithm>
#include <array>

#include "base/ascii.h"
#include "http/head_lines.h"

namespace ai_proxy::http {
namespace {

constexpr std::string_view kBadTarget = "The request target holds characters that must be percent-encoded.";

bool is_hex(char c) {
  return (c >= '0' && c <= '9') || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'f');
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// A set of characters, looked up by their codes.
using Characters = std::array<bool, 256>;
constexpr Characters but(Characters set, std::string_view text, bool contained) {
  for (const char c : text) set[static_cast<unsigned char>(c)] = contained;
  return set;
}
constexpr Characters kVisible = [] {
  Characters set{};
  for (unsigned c = 0x21; c < 0x7F; ++c) set[c] = true;
  return set;
}();
constexpr Characters kTargetCharacters = but(kVisible, "\"#<>\\", false);
constexpr Characters kHostCharacters = but(but(kTokenCharacters, "#^`|", false), "();=", true);

bool are_all(const Characters& set, std::string_view text) {
  return std::ranges::all_of(text, [&set](char c) { return set[static_cast<unsigned char>(c)]; });
}

// Escapes must be whole, and may not hide a control character (a NUL or a line end) in a path.
bool are_valid_escapes(std::string_view path) {
  for (std::size_t i = path.find('%'); i != std::string_view::npos; i = path.find('%', i + 1)) {
    if (i + 2 >= path.size() || !is_hex(path[i + 1]) || !is_hex(path[i + 2])) return false;
    if (path[i + 1] == '0' || path[i + 1] == '1') return false;
    if (path[i + 1] == '7' && ascii_lower(path[i + 2]) == 'f') return false;
  }
  return true;
}

bool strip_prefix_ignoring_case(std::string_view& text, std::string_view prefix) {
  if (!ascii_iequals(text.substr(0, prefix.size()), prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

}  // namespace

RequestFault parse_target(std::string_view method, std::string_view text, Target& target) {
  if (!are_all(kTargetCharacters, text)) return malformed(kBadTarget);
  target = {};
  if (text == "*") {
    // M-SEARCH is SSDP's, the only other method that is sent to no resource.
    if (method != "OPTIONS" && method != "M-SEARCH") return malformed("The target * is for OPTIONS only.");
    target.path = text;
    return {};
  }
  if (!text.starts_with('/')) {
    if (!strip_prefix_ignoring_case(text, "http://") && !strip_prefix_ignoring_case(text, "https://")) {
      return malformed("The request target must be a path that begins with /.");
    }
    const std::size_t end = std::min(text.find_first_of("/?"), text.size());
    target.authority = text.substr(0, end);
    text.remove_prefix(end);
    if (!is_valid_host(target.authority)) return malformed("The request target names no valid host.");
  }
  const std::size_t question = std::min(text.find('?'), text.size());
  target.path = question == 0 ? std::string_view("/") : text.substr(0, question);
  if (question < text.size()) target.query = text.substr(question + 1);
  if (!are_valid_escapes(target.path)) return malformed(kBadTarget);
  return {};
}

bool is_valid_host(std::string_view host) {
  std::string_view port;
  if (host.starts_with('[')) {
    const std::size_t close = host.find(']');
    if (close == std::string_view::npos || close < 3) return false;
    const std::string_view address = host.substr(1, close - 1);
    if (!std::all_of(address.begin(), address.end(),
                     [](char c) { return is_hex(c) || c == ':' || c == '.'; }))
      return false;
    port = host.substr(close + 1);
  } else {
    const std::size_t colon = std::min(host.find(':'), host.size());
    const std::string_view name = host.substr(0, colon);
    port = host.substr(colon);
    if (name.empty() || name.size() > 255 || !are_all(kHostCharacters, name)) return false;
  }
  if (port.empty()) return true;
  return port.size() <= 6 && port.front() == ':' && std::all_of(port.begin() + 1, port.end(), is_digit);
}

}  // namespace ai_proxy::http
