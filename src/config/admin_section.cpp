// The listener for those who run the gateway.
#include <utility>

#include "config/sections.h"
#include "config/units.h"

namespace ai_proxy::config {
namespace {

struct Place {
  std::string host;
  std::uint16_t port = 0;
};

// "127.0.0.1:9090", "[::1]:9090", or a port of this machine: "9090".
Parsed<Place> parse_place(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  const std::string_view host_text = colon == std::string_view::npos ? "127.0.0.1" : text.substr(0, colon);
  const auto port = parse_count(colon == std::string_view::npos ? text : text.substr(colon + 1), 0, 65535);
  const auto host = parse_host(host_text);
  const bool bare_ipv6 = host_text.contains(':') && !host_text.contains(']');
  if (host && port && !bare_ipv6) return Place{*host, static_cast<std::uint16_t>(*port)};
  return std::unexpected("must be an address and a port, such as 127.0.0.1:9090 or [::1]:9090, not " +
                         shown(text) + ".");
}

}  // namespace

void read_admin(Reading& reading) {
  Section admin = reading.root.section("admin");
  AdminSettings& settings = reading.settings.admin;
  Place place;
  reading.assign_both(place, admin, "listen", "AI_PROXY_ADMIN_LISTEN", parse_place);
  settings.host = std::move(place.host);
  settings.port = place.port;
  reading.assign_both(settings.allow_anonymous, admin, "allow_anonymous", "AI_PROXY_ADMIN_ALLOW_ANONYMOUS",
                      parse_truth);

  if (!settings.host.empty() && !is_loopback(settings.host) && !settings.allow_anonymous) {
    const auto variable = reading.environment.variable("AI_PROXY_ADMIN_LISTEN");
    reading.faults.add(
        variable ? variable->place : admin.place("listen"),
        shown(settings.host) +
            " is open to others, and who reads metrics needs no key. Listen on 127.0.0.1, or say "
            "that this is meant: AI_PROXY_ADMIN_ALLOW_ANONYMOUS=true (admin.allow_anonymous).");
  }
  admin.finish();
}

}  // namespace ai_proxy::config
