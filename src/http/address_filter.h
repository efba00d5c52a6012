// Is an address one of the internet's, or of some inside: this machine, its network, its cloud? A provider's
// name that leads inside would send prompts and keys to whoever answers there, or fetch what only insiders
// may. Sources: IANA's special-purpose address registries (RFC 6890), and the metadata services of the
// clouds.
#pragma once

#include <boost/asio/ip/address.hpp>

namespace ai_proxy::http {

// Loopback, unspecified, link-local, private, shared (CGNAT), unique local, multicast, reserved, or a
// metadata service; also when it is an IPv4 address inside an IPv6 one (mapped, NAT64, 6to4).
bool is_internal(const boost::asio::ip::address& address);

}  // namespace ai_proxy::http
