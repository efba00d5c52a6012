#include "http/proxy.h"

#include <arpa/inet.h>
#include <openssl/evp.h>

#include <array>
#include <optional>
#include <span>
#include <utility>

#include "base/ascii.h"
#include "http/server.h"
#include "http/url.h"

namespace ai_proxy::http {
namespace {

constexpr std::string_view kScheme = "http://";
constexpr std::size_t kCredentialBytesMax = 1024;

Error fault(std::string_view what) {
  return bad_request(std::string("The proxy's URL ").append(what) + ".");
}

std::string base64(std::string_view text) {
  std::string encoded((text.size() + 2) / 3 * 4 + 1, '\0');
  const int length =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(encoded.data()),
                      reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
  encoded.resize(static_cast<std::size_t>(length));
  return encoded;
}

// "user:password" -> "Basic …". RFC 7617: the user's name holds no colon, so a decoded one there is refused.
std::optional<std::string_view> read_credentials(std::string_view text, Proxy& proxy) {
  if (text.size() > kCredentialBytesMax) return "has a user name and password of more than 1024 characters";
  const std::size_t colon = std::min(text.find(':'), text.size());
  const std::string user = percent_decoded(text.substr(0, colon));
  const Secret password(percent_decoded(text.substr(std::min(colon + 1, text.size()))));
  if (user.contains(':')) return "has a user name with a ':' in it";
  proxy.authorization = Secret("Basic " + base64(user + ":" + password.reveal()));
  return std::nullopt;
}

// An address as bytes, 4 or 16 of them; none when `text` is no address.
struct AddressBytes {
  explicit AddressBytes(std::string_view text) {
    const std::string copy(text);
    if (inet_pton(AF_INET, copy.c_str(), bytes.data()) == 1) {
      size = 4;
    } else if (inet_pton(AF_INET6, copy.c_str(), bytes.data()) == 1) {
      size = 16;
    }
  }
  std::array<unsigned char, 16> bytes{};
  std::size_t size = 0;
};

bool same_prefix(const AddressBytes& a, const AddressBytes& b, std::size_t bits) {
  if (a.size != b.size || bits > 8 * a.size) return false;
  const std::size_t whole = bits / 8;
  if (!std::equal(a.bytes.begin(), a.bytes.begin() + static_cast<std::ptrdiff_t>(whole), b.bytes.begin()))
    return false;
  const std::size_t rest = bits % 8;
  return rest == 0 || (a.bytes[whole] ^ b.bytes[whole]) >> (8 - rest) == 0;
}

bool names_address(std::string_view entry, const AddressBytes& address) {
  const std::size_t slash = std::min(entry.find('/'), entry.size());
  std::string_view text = entry.substr(0, slash);
  if (text.starts_with('[') && text.ends_with(']')) text = text.substr(1, text.size() - 2);
  const AddressBytes named(text);
  if (named.size == 0) return false;
  std::size_t bits = 8 * named.size;
  if (slash < entry.size()) {
    const auto length = parse_integer<std::size_t>(entry.substr(slash + 1));
    if (!length) return false;
    bits = *length;
  }
  return same_prefix(named, address, bits);
}

bool names_host(std::string_view entry, std::string_view host) {
  if (entry.ends_with('.')) entry.remove_suffix(1);
  if (entry.starts_with('.')) entry.remove_prefix(1);
  if (entry.empty() || host.size() < entry.size()) return false;
  if (!ascii_iequals(host.substr(host.size() - entry.size()), entry)) return false;
  return host.size() == entry.size() || host[host.size() - entry.size() - 1] == '.';
}

}  // namespace

bool Proxy::same_as(const Proxy& other) const {
  return port == other.port && host == other.host && authorization.matches(other.authorization.reveal());
}

Result<Proxy> parse_proxy_url(std::string_view url) {
  if (const std::size_t end = url.find("://"); end != std::string_view::npos) {
    if (!ascii_iequals(url.substr(0, end + 3), kScheme))
      return std::unexpected(fault("must begin with http://: other kinds of proxy are not spoken here"));
    url.remove_prefix(end + 3);
  }
  Proxy proxy;
  // The last '@': one in an unencoded password is a common slip that still has one meaning only.
  if (const std::size_t at = url.rfind('@'); at != std::string_view::npos) {
    if (const auto wrong = read_credentials(url.substr(0, at), proxy)) return std::unexpected(fault(*wrong));
    url.remove_prefix(at + 1);
  }
  if (url.ends_with('/')) url.remove_suffix(1);
  if (url.find_first_of("/?#") != std::string_view::npos)
    return std::unexpected(fault("must end with host and port"));
  const std::size_t colon = url.rfind(':');
  if (colon == std::string_view::npos || colon + 1 == url.size() || url.ends_with(']'))
    return std::unexpected(fault("must name the port, as in http://proxy.example:3128"));
  // The rules for host and port are those of every URL we take.
  auto origin = parse_base_url(std::string(kScheme).append(url));
  if (!origin) {
    constexpr std::string_view kSubject = "The base URL ";
    return std::unexpected(bad_request("The proxy's URL " + origin.error().message.substr(kSubject.size())));
  }
  proxy.host = std::move(origin->host);
  proxy.port = origin->port;
  return proxy;
}

bool without_proxy(std::string_view no_proxy, std::string_view host) {
  if (ascii_trim(no_proxy) == "*") return true;
  const AddressBytes address(host);
  constexpr std::string_view kBetween = ", \t";
  while (!no_proxy.empty()) {
    const std::size_t end = std::min(no_proxy.find_first_of(kBetween), no_proxy.size());
    const std::string_view entry = no_proxy.substr(0, end);
    no_proxy.remove_prefix(std::min(end + 1, no_proxy.size()));
    if (address.size > 0 ? names_address(entry, address) : names_host(entry, host)) return true;
  }
  return false;
}

}  // namespace ai_proxy::http
