// An HTTP proxy between us and the providers (HTTPS_PROXY and its kin), and which hosts are reached without
// it. Sources: RFC 9110 9.3.6 (CONNECT) and 11.7 (Proxy-Authorization); curl's manual on NO_PROXY.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/secret.h"

namespace ai_proxy::http {

struct Proxy {
  std::string host;  // as in Origin
  std::uint16_t port = 0;
  Secret authorization;  // the value of Proxy-Authorization, "Basic …"; empty: none is sent

  bool same_as(const Proxy& other) const;
};

// "http://[user:password@]host:port", also without "http://"; what is percent-encoded in user and password is
// decoded. Other schemes (https, socks5) are refused: we do not speak to such proxies. No message repeats the
// text.
Result<Proxy> parse_proxy_url(std::string_view url);

// Does `no_proxy` name this host? As curl reads it: entries between commas or blanks; a name means itself and
// everything below it, with or without a dot in front; an address may have a prefix length (10.0.0.0/8); a
// single "*" means all. `host` as in Origin.
bool without_proxy(std::string_view no_proxy, std::string_view host);

}  // namespace ai_proxy::http
