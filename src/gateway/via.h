// Whether a request has been here before: each call to a provider names the gateways it has come through in
// its Via field (RFC 9110, 7.6.3). A base URL or an alias may lead back here, also by way of another gateway.
#pragma once

#include <string>
#include <string_view>

#include "http/headers.h"

namespace ai_proxy::gateway {

// Of this process, and no other: what others know it by. Nothing of the machine is in it.
std::string new_gateway_name();

// Names us, or more gateways than anybody puts one behind the other.
bool has_come_back(const http::Headers& headers, std::string_view own_name);

// "via: …\r\n": the gateways of this kind that the request has come through, and ourselves. Of other proxies
// nothing is told: what they are is not ours to tell.
void append_via(std::string& lines, const http::Headers& headers, std::string_view own_name);

}  // namespace ai_proxy::gateway
