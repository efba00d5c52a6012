// An absolute http or https URL, as far as a gateway needs it: where to connect, how, and which path prefix
// to send.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"

namespace ai_proxy::http {

struct Proxy;

struct Origin {
  bool tls = false;
  std::string host;  // lower case; IPv6 without brackets
  std::uint16_t port = 0;
  std::string path_prefix;  // "" or "/proxy/openai": no trailing slash

  bool tls_verify = true;  // false: whoever answers is believed
  bool internal = false;   // its name may mean an address inside (http/address_filter.h)
  std::shared_ptr<const Proxy> proxy = nullptr;  // on the way to it; null: none

  // For the Host header: "api.openai.com", "127.0.0.1:9000", "[::1]:80".
  std::string authority() const;
  bool operator==(const Origin&) const = default;
};

// "https://api.openai.com", "http://127.0.0.1:9000/", "https://host/base/v1/". A trailing slash, and a
// trailing /v1 are dropped: all spellings of a base URL mean the same. User names, queries and fragments are
// refused.
Result<Origin> parse_base_url(std::string_view url);

}  // namespace ai_proxy::http
