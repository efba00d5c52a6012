// The target and the authority of a request. No I/O. Protocol source: RFC 9112, 3.2; RFC 3986, 3.2.2.
#pragma once

#include <string_view>

#include "http/request_fault.h"

namespace ai_proxy::http {

struct Target {
  std::string_view path;
  std::string_view query;
  std::string_view authority;  // of the absolute form; else empty
};

// Only visible ASCII may stand in a target, and of it not all.
RequestFault parse_target(std::string_view method, std::string_view text, Target& target);

// "localhost", "example.com:8080", "[::1]:80": no user name, no path, no list.
bool is_valid_host(std::string_view host);

}  // namespace ai_proxy::http
