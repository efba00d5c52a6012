#include "http/client_counts.h"

#include <algorithm>
#include <cstdint>

namespace ai_proxy::http {
namespace {

using boost::asio::ip::address;

// Who has one IPv6 address has 2^64 of them: a client is its /64.
address client_of(const address& peer) {
  if (!peer.is_v6()) return peer;
  const boost::asio::ip::address_v6 v6 = peer.to_v6();
  if (v6.is_v4_mapped()) return make_address_v4(boost::asio::ip::v4_mapped, v6);
  auto bytes = v6.to_bytes();
  std::fill(bytes.begin() + 8, bytes.end(), std::uint8_t{0});
  return boost::asio::ip::address_v6(bytes);
}

}  // namespace

std::optional<ClientCounts::Place> ClientCounts::enter(const address& peer, std::size_t max) {
  const address client = client_of(peer);
  const std::lock_guard lock(mutex_);
  std::size_t& count = counts_[client];
  if (count >= max) return std::nullopt;
  ++count;
  return std::make_optional<Place>(*this, client);
}

void ClientCounts::leave(const address& client) {
  const std::lock_guard lock(mutex_);
  const auto found = counts_.find(client);
  if (found != counts_.end() && --found->second == 0) counts_.erase(found);
}

}  // namespace ai_proxy::http
