#include "gateway/via.h"

#include <gtest/gtest.h>

namespace ai_proxy::gateway {
namespace {

const std::string kOwn = "ai-proxy-0123456789ab", kOther = "ai-proxy-vvvvvvvvvvvv";

http::Headers via(std::string_view value) {
  http::Headers headers;
  headers.add("Host", "localhost");
  headers.add("Via", value);
  return headers;
}
std::string line(const http::Headers& headers) {
  std::string lines;
  append_via(lines, headers, kOwn);
  return lines;
}

TEST(Via, EachProcessHasAName) {
  const std::string name = new_gateway_name();
  EXPECT_NE(name, new_gateway_name());
  EXPECT_TRUE(has_come_back(via("1.1 " + name), name));
}

TEST(Via, KnowsItself) {
  EXPECT_FALSE(has_come_back({}, kOwn));
  EXPECT_FALSE(has_come_back(via("1.1 " + kOther), kOwn));
  EXPECT_TRUE(has_come_back(via("1.1 " + kOwn), kOwn));
  EXPECT_TRUE(has_come_back(via("1.1 " + kOther + ",\t1.1 " + kOwn + " , 1.0 squid"), kOwn));
  EXPECT_FALSE(has_come_back(via("1.1 " + kOwn + "c, 1.1 x" + kOwn), kOwn));
}

TEST(Via, KnowsMoreGatewaysThanAnybodyHas) {
  std::string seven = "1.1 " + kOther;
  for (int i = 1; i < 7; ++i) seven += ", 1.1 " + kOther;
  EXPECT_FALSE(has_come_back(via(seven), kOwn));
  EXPECT_TRUE(has_come_back(via(seven + ",1.1 " + kOther), kOwn));
}

TEST(Via, TellsOfGatewaysAndOfNobodyElse) {
  EXPECT_EQ(line({}), "via: 1.1 " + kOwn + "\r\n");
  EXPECT_EQ(line(via("1.1 proxy.intern.example, 1.1 " + kOther + ",, 2 " + kOther)),
            "via: 1.1 " + kOther + ", 1.1 " + kOwn + "\r\n");
}

}  // namespace
}  // namespace ai_proxy::gateway
