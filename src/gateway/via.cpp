#include "gateway/via.h"

#include <algorithm>
#include <cstddef>

#include "base/ascii.h"
#include "base/ids.h"

namespace ai_proxy::gateway {
namespace {

constexpr std::string_view kPrefix = "ai-proxy-";
constexpr std::string_view kProtocol = "1.1 ";
constexpr std::size_t kNameCharacters = 12;
constexpr std::size_t kGatewaysMax = 8;

bool is_gateway_name(std::string_view name) {
  return name.size() == kPrefix.size() + kNameCharacters && name.starts_with(kPrefix) &&
         std::ranges::all_of(name.substr(kPrefix.size()),
                             [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'v'); });
}

// Calls `each(name)` for every gateway of this kind that a Via field names.
template <class Each>
void for_each_gateway(const http::Headers& headers, Each each) {
  for (const http::Field& field : headers) {
    if (!ascii_iequals(field.name, "via")) continue;
    std::string_view rest = field.value;
    while (!rest.empty()) {
      const std::size_t comma = std::min(rest.find(','), rest.size());
      std::string_view entry = ascii_trim(rest.substr(0, comma));
      rest.remove_prefix(std::min(comma + 1, rest.size()));
      if (!entry.starts_with(kProtocol)) continue;
      entry.remove_prefix(kProtocol.size());
      if (is_gateway_name(entry)) each(entry);
    }
  }
}

}  // namespace

std::string new_gateway_name() {
  constexpr std::size_t kIdPrefix = 4;  // "req_"
  return std::string(kPrefix).append(new_request_id(), kIdPrefix, kNameCharacters);
}

bool has_come_back(const http::Headers& headers, std::string_view own_name) {
  bool found = false;
  std::size_t gateways = 0;
  for_each_gateway(headers, [&](std::string_view name) {
    found = found || name == own_name;
    ++gateways;
  });
  return found || gateways >= kGatewaysMax;
}

void append_via(std::string& lines, const http::Headers& headers, std::string_view own_name) {
  lines.append("via: ");
  for_each_gateway(headers,
                   [&](std::string_view name) { lines.append(kProtocol).append(name).append(", "); });
  lines.append(kProtocol).append(own_name).append("\r\n");
}

}  // namespace ai_proxy::gateway
