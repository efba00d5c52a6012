// For how long an answer of the name server is good.
#include "http/client_resolver.h"

#include <gtest/gtest.h>

#include <boost/asio/executor_work_guard.hpp>

namespace ai_proxy::http {
namespace {

using std::chrono::seconds;

// What the system takes for a name, and resolves without asking anybody: 127.0.0.1.
const std::string kHost = "2130706433";

TEST(HostResolver, KeepsAGoodAddressForAnHour) {
  EXPECT_EQ(HostResolver::kFresh, seconds(30));
  EXPECT_EQ(HostResolver::kUsable, seconds(3600));

  asio::io_context io;
  const auto work = asio::make_work_guard(io);
  HostResolver resolver(io);
  EXPECT_EQ(resolver.known(kHost, HostResolver::kUsable), nullptr);
  Signal ended{Executor(io.get_executor())};
  const HostResolver::Question question(resolver, kHost, ended);
  while (!ended.raised() && io.run_one_for(seconds(20)) > 0) {
  }
  ASSERT_TRUE(ended.raised());
  const Addresses loopback{asio::ip::address_v4::loopback()};
  for (const Clock::duration age :
       {Clock::duration(HostResolver::kFresh), Clock::duration(HostResolver::kUsable)}) {
    const Addresses* known = resolver.known(kHost, age);
    ASSERT_NE(known, nullptr);
    EXPECT_EQ(*known, loopback);
  }
  // What is older than it may be is not told.
  EXPECT_EQ(resolver.known(kHost, Clock::duration(-1)), nullptr);
  // Another name's answer is none of this one's.
  EXPECT_EQ(resolver.known("2130706434", HostResolver::kUsable), nullptr);
}

}  // namespace
}  // namespace ai_proxy::http
