#include "http/client_counts.h"

#include <gtest/gtest.h>

#include <boost/asio/ip/address.hpp>

namespace ai_proxy::http {
namespace {

namespace asio = boost::asio;

TEST(ClientCounts, TakeTheHalfOfAnIpv6AddressThatIsAssigned) {
  ClientCounts counts;
  const auto place = counts.enter(asio::ip::make_address("2001:db8::1"), 1);
  EXPECT_TRUE(place);
  EXPECT_FALSE(counts.enter(asio::ip::make_address("2001:db8::2"), 1));
  EXPECT_TRUE(counts.enter(asio::ip::make_address("2001:db8:0:1::1"), 1));
  const auto mapped = counts.enter(asio::ip::make_address("::ffff:192.0.2.1"), 1);
  EXPECT_FALSE(counts.enter(asio::ip::make_address("192.0.2.1"), 1));
}

}  // namespace
}  // namespace ai_proxy::http
