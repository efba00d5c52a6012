#include "http/address_filter.h"

#include <gtest/gtest.h>

namespace ai_proxy::http {
namespace {

bool internal(const char* text) {
  return is_internal(boost::asio::ip::make_address(text));
}

TEST(AddressFilter, KnowsWhatIsInside) {
  for (const char* text : {"127.0.0.1",
                           "127.255.0.9",
                           "0.0.0.0",
                           "0.1.2.3",
                           "10.0.0.1",
                           "172.16.0.1",
                           "172.31.255.255",
                           "192.168.1.1",
                           "100.64.0.1",
                           "100.100.100.200",
                           "100.127.255.255",
                           "169.254.169.254",
                           "169.254.0.1",
                           "168.63.129.16",
                           "192.0.0.192",
                           "224.0.0.1",
                           "239.255.255.250",
                           "240.0.0.1",
                           "255.255.255.255",
                           "::",
                           "::1",
                           "::7f00:1",
                           "::ffff:127.0.0.1",
                           "::ffff:10.1.2.3",
                           "fe80::1",
                           "febf::1",
                           "fec0::1",
                           "fc00::1",
                           "fd00:ec2::254",
                           "ff02::1",
                           "64:ff9b::7f00:1",
                           "64:ff9b::a9fe:a9fe",
                           "64:ff9b:1::1",
                           "2002:7f00:1::1",
                           "2002:a00:1::1",
                           "::ffff:169.254.169.254"}) {
    EXPECT_TRUE(internal(text)) << text;
  }
}

TEST(AddressFilter, LetsTheInternetPass) {
  for (const char* text :
       {"1.1.1.1",          "8.8.8.8",         "9.255.255.255", "11.0.0.0",        "100.63.255.255",
        "100.128.0.0",      "126.255.255.255", "128.0.0.1",     "162.159.140.245", "168.63.129.17",
        "169.253.0.1",      "172.15.255.255",  "172.32.0.0",    "192.0.1.1",       "192.167.0.1",
        "192.169.0.1",      "223.255.255.255", "2606:4700::1",  "2a00::1",         "::ffff:8.8.8.8",
        "64:ff9b::808:808", "2002:808:808::1", "fbff::1"}) {
    EXPECT_FALSE(internal(text)) << text;
  }
}

}  // namespace
}  // namespace ai_proxy::http
