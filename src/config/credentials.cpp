#include "config/credentials.h"

#include <algorithm>
#include <array>

#include "base/ascii.h"

namespace ai_proxy::config {
namespace {

constexpr std::size_t kKeyLengthMax = 4096;
constexpr std::size_t kKeysMax = 32;
constexpr std::size_t kHeaderValueMax = 8192;

bool is_visible_ascii(char c) {
  return c > 0x20 && c < 0x7f;
}

// RFC 9110 section 5.6.2.
bool is_token_character(char c) {
  const char lower = ascii_lower(c);
  return (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') ||
         std::string_view("!#$%&'*+-.^_`|~").contains(c);
}

constexpr std::array<std::string_view, 20> kReserved{"accept",
                                                     "accept-encoding",
                                                     "api-key",
                                                     "authorization",
                                                     "connection",
                                                     "content-encoding",
                                                     "content-length",
                                                     "content-type",
                                                     "cookie",
                                                     "expect",
                                                     "host",
                                                     "keep-alive",
                                                     "proxy-authorization",
                                                     "proxy-connection",
                                                     "te",
                                                     "trailer",
                                                     "transfer-encoding",
                                                     "upgrade",
                                                     "user-agent",
                                                     "x-api-key"};

}  // namespace

namespace {

Parsed<std::string> parse_key(std::string_view text) {
  const std::string_view key = ascii_trim(text);
  // The example files of AI Proxy and of its predecessor say your_openai_api_key_here.
  if (key.starts_with("your_") && key.ends_with("_here")) return std::string();
  if (key.size() > kKeyLengthMax) return std::unexpected("the key is longer than 4096 characters.");
  if (key.starts_with('$') || key.starts_with("os.environ")) {
    return std::unexpected(
        "the key looks like a reference to a variable; name the variable with api_key_env.");
  }
  if (key.starts_with('"') || key.starts_with('\'')) {
    return std::unexpected("the key begins with a quote that would be sent with it; leave the quotes out.");
  }
  if (!std::ranges::all_of(key, is_visible_ascii)) {
    return std::unexpected("the key must not hold blanks, control characters or anything but ASCII.");
  }
  return std::string(key);
}

}  // namespace

Parsed<std::vector<Secret>> parse_keys(std::string_view text) {
  std::vector<Secret> keys;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find_first_of(",\n"), text.size());
    auto key = parse_key(text.substr(0, end));
    if (!key) return std::unexpected(std::move(key.error()));
    if (!key->empty()) {
      const auto twice = [&](const Secret& other) { return other.matches(*key); };
      if (std::ranges::any_of(keys, twice)) return std::unexpected("the same key stands here twice.");
      if (keys.size() == kKeysMax) return std::unexpected("there are more than 32 keys here.");
      keys.emplace_back(std::move(*key));
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return keys;
}

Parsed<std::string> header_line(std::string_view name, std::string_view value) {
  const std::string lower = ascii_lowered(name);
  if (name.empty() || name.size() > 256 || !std::ranges::all_of(name, is_token_character)) {
    return std::unexpected("is no name of a header field.");
  }
  if (lower == "authorization" || lower == "x-api-key" || lower == "api-key") {
    return std::unexpected("the key belongs in api_key, api_key_env or api_key_file.");
  }
  if (std::ranges::find(kReserved, lower) != kReserved.end()) {
    return std::unexpected("this header field is written by AI Proxy and cannot be set.");
  }
  if (value.size() > kHeaderValueMax) return std::unexpected("the value is longer than 8192 characters.");
  const bool clean = std::ranges::all_of(value, [](char c) { return c == ' ' || is_visible_ascii(c); });
  if (!clean)
    return std::unexpected("the value must not hold line breaks, control characters or anything but ASCII.");
  return lower + ": " + std::string(ascii_trim(value)) + "\r\n";
}

}  // namespace ai_proxy::config
