#include "http/address_filter.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <initializer_list>
#include <span>

namespace ai_proxy::http {
namespace {

using boost::asio::ip::address_v6;

struct Block4 {
  std::uint32_t first;
  unsigned bits;
};

constexpr std::uint32_t v4(unsigned a, unsigned b, unsigned c, unsigned d) {
  return a << 24U | b << 16U | c << 8U | d;
}

constexpr std::array kInternal4 = std::to_array<Block4>({
    {v4(0, 0, 0, 0), 8},         // "this network"; 0.0.0.0 connects to this machine
    {v4(10, 0, 0, 0), 8},        // private
    {v4(100, 64, 0, 0), 10},     // shared (CGNAT); Alibaba's metadata service is in it
    {v4(127, 0, 0, 0), 8},       // loopback
    {v4(168, 63, 129, 16), 32},  // Azure's platform service
    {v4(169, 254, 0, 0), 16},    // link-local; the metadata service of most clouds
    {v4(172, 16, 0, 0), 12},     // private
    {v4(192, 0, 0, 0), 24},      // protocol assignments; Oracle's metadata service
    {v4(192, 168, 0, 0), 16},    // private
    {v4(224, 0, 0, 0), 4},       // multicast
    {v4(240, 0, 0, 0), 4},       // reserved, broadcast
});

bool is_internal4(std::uint32_t address) {
  return std::ranges::any_of(
      kInternal4, [&](const Block4& block) { return (address ^ block.first) >> (32U - block.bits) == 0; });
}

std::uint32_t v4_at(const address_v6::bytes_type& bytes, std::size_t at) {
  return v4(bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]);
}

bool is_internal6(const address_v6& address) {
  const address_v6::bytes_type bytes = address.to_bytes();
  const auto begins_with = [&](std::initializer_list<unsigned char> prefix) {
    return std::ranges::equal(prefix, std::span(bytes).first(prefix.size()));
  };
  if (begins_with({0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff})) return is_internal4(v4_at(bytes, 12));
  // ::, ::1, and IPv4 in the form that nobody uses any more.
  if (begins_with({0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0})) return true;
  if (begins_with({0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0})) return is_internal4(v4_at(bytes, 12));
  if (begins_with({0, 0x64, 0xff, 0x9b, 0, 1})) return true;            // NAT64 of a network's own
  if (begins_with({0x20, 0x02})) return is_internal4(v4_at(bytes, 2));  // 6to4
  if ((bytes[0] & 0xfeU) == 0xfcU) return true;                         // unique local
  if (bytes[0] == 0xfe && bytes[1] >= 0x80) return true;                // link-local, site-local
  return bytes[0] == 0xff;                                              // multicast
}

}  // namespace

bool is_internal(const boost::asio::ip::address& address) {
  return address.is_v4() ? is_internal4(address.to_v4().to_uint()) : is_internal6(address.to_v6());
}

}  // namespace ai_proxy::http
