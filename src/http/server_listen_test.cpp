#include <gtest/gtest.h>

#include <string>

#include "http/server.h"

namespace ai_proxy::http {
namespace {

TEST(ServerListen, SharesAPortOnlyWhenAsked) {
  asio::io_context io(1);
  ServerCounters counters;
  const Handler none = [](Request&, ResponseWriter&) -> Task<void> { co_return; };
  Server first(io, {}, none, counters), second(io, {}, none, counters), third(io, {}, none, counters);
  const auto port = first.listen("127.0.0.1", 0, true);
  ASSERT_TRUE(port);
  EXPECT_TRUE(second.listen("127.0.0.1", *port, true));
  const auto taken = third.listen("127.0.0.1", *port, false);
  ASSERT_FALSE(taken);
  EXPECT_NE(taken.error().message.find("127.0.0.1"), std::string::npos);
  EXPECT_FALSE(third.listen("nonsense", 0, false));
  EXPECT_TRUE(third.listen("::1", 0, false));
}

}  // namespace
}  // namespace ai_proxy::http
