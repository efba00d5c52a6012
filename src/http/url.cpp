// The subset of RFC 3986 that a base URL needs. No message repeats the URL: it may hold a password by
// mistake.
#include "http/url.h"

#include <arpa/inet.h>

#include <algorithm>
#include <optional>

#include "base/ascii.h"

namespace ai_proxy::http {
namespace {

bool is_path_character(char c) {
  return c > ' ' && c < 0x7f && std::string_view("\"<>\\^`{|}").find(c) == std::string_view::npos;
}

bool is_host_character(char c) {
  const char lower = ascii_lower(c);
  return (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
}

std::optional<std::string_view> fault_of_name(std::string_view name) {
  if (name.empty()) return "has no host name";
  if (name.size() > 253) return "has a host name of more than 253 characters";
  if (!std::ranges::all_of(name, is_host_character)) {
    return "has a host name with a character that is not a letter, digit, '-', '.' or '_'";
  }
  if (name.front() == '.' || name.back() == '.' || name.contains("..")) {
    return "has a host name with an empty part";
  }
  return std::nullopt;
}

bool is_ipv6(const std::string& text) {
  in6_addr address;  // a zero byte would end the text before its end
  return !text.contains('\0') && inet_pton(AF_INET6, text.c_str(), &address) == 1;
}

Error fault(std::string_view what) {
  return bad_request(std::string("The base URL ").append(what) + ".");
}

// "[::1]:80", "host", "host:80" -> origin.host, origin.port.
std::optional<std::string_view> read_authority(std::string_view authority, Origin& origin) {
  if (authority.contains('@')) return "must not hold a user name or password";
  std::string_view rest;
  if (authority.starts_with('[')) {
    const std::size_t end = authority.find(']');
    if (end == std::string_view::npos) return "has an IPv6 address without the closing ']'";
    origin.host = ascii_lowered(authority.substr(1, end - 1));
    if (!is_ipv6(origin.host)) return "has brackets around something that is no IPv6 address";
    rest = authority.substr(end + 1);
    if (!rest.empty() && rest.front() != ':') return "has text between the IPv6 address and the port";
  } else {
    const std::size_t colon = authority.find(':');
    const std::string_view name = authority.substr(0, colon);
    if (colon != std::string_view::npos) rest = authority.substr(colon);
    if (rest.find(':', 1) != std::string_view::npos) return "has an IPv6 address without brackets";
    if (const auto wrong = fault_of_name(name)) return wrong;
    origin.host = ascii_lowered(name);
  }
  origin.port = origin.tls ? 443 : 80;
  if (rest.size() > 1) {  // "host:" is the default port, RFC 3986 section 3.2.3
    const auto port = parse_integer<std::uint16_t>(rest.substr(1));
    if (!port || *port == 0) return "has a port that is not a number from 1 to 65535";
    origin.port = *port;
  }
  return std::nullopt;
}

}  // namespace

std::string Origin::authority() const {
  std::string text;
  const bool ipv6 = host.contains(':');
  if (ipv6) text += '[';
  text += host;
  if (ipv6) text += ']';
  if (port != (tls ? 443 : 80)) {
    text += ':';
    append_integer(text, port);
  }
  return text;
}

Result<Origin> parse_base_url(std::string_view url) {
  const std::size_t colon = url.find("://");
  if (colon == std::string_view::npos) return std::unexpected(fault("must begin with http:// or https://"));
  const std::string_view scheme = url.substr(0, colon);
  Origin origin;
  origin.tls = ascii_iequals(scheme, "https");
  if (!origin.tls && !ascii_iequals(scheme, "http")) {
    return std::unexpected(fault("must begin with http:// or https://"));
  }
  std::string_view rest = url.substr(colon + 3);
  if (rest.contains('?')) return std::unexpected(fault("must not hold a query ('?')"));
  if (rest.contains('#')) return std::unexpected(fault("must not hold a fragment ('#')"));

  const std::string_view authority = rest.substr(0, rest.find('/'));
  if (const auto wrong = read_authority(authority, origin)) return std::unexpected(fault(*wrong));

  std::string_view path = rest.substr(authority.size());
  if (!std::ranges::all_of(path, is_path_character)) {
    return std::unexpected(
        fault("has a path with a blank or another character that must be percent-encoded"));
  }
  const auto drop_slashes = [&path] {
    while (path.ends_with('/')) path.remove_suffix(1);
  };
  drop_slashes();
  if (path.ends_with("/v1")) path.remove_suffix(3);
  drop_slashes();
  origin.path_prefix = path;
  return origin;
}

}  // namespace ai_proxy::http
