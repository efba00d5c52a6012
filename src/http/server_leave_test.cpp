// How a server notices that its client has gone, or sends no more, and what it takes ahead meanwhile.
#include <algorithm>

#include "http/server_fixture.test.h"

namespace ai_proxy::http {
namespace {

TEST_F(ServerTest, LingersNoLongerThanItsClient) {
  limits_.linger_time = 10s;
  start();
  for (int i = 0; i < 5; ++i) {
    Client client(port_);
    client.send(get("/hello", "Connection: close\r\n"));
    EXPECT_TRUE(client.read_to_end());
  }
  EXPECT_TRUE(eventually([&] { return counters_.connections == 0; }));
}

TEST_F(ServerTest, NoticesAClientThatGoesAwayWithin100Milliseconds) {
  start();
  for (int i = 0; i < 3; ++i) {
    Client closes(port_);
    EXPECT_LT(time_to_notice(closes, [&] { closes.close(); }), 100ms);
    Client resets(port_);
    EXPECT_LT(time_to_notice(resets, [&] { resets.reset(); }), 100ms);
    Client half(port_);
    EXPECT_LT(time_to_notice(half, [&] { half.finish_sending(); }), 100ms);
  }
}

TEST_F(ServerTest, NoticesAnEndThatArrivesTogetherWithTheRequest) {
  start();
  Client client(port_);
  client.send(get("/address"));
  ASSERT_EQ(client.answer().status, 200);
  // The thread sleeps while both arrive: it sees them at once.
  std::promise<void> asleep, sent;
  asio::post(*io_, [&] {
    asleep.set_value();
    sent.get_future().wait();
  });
  asleep.get_future().wait();
  const auto before = Clock::now();
  client.send(get("/wait"));
  client.finish_sending();
  std::this_thread::sleep_for(20ms);
  sent.set_value();
  EXPECT_TRUE(eventually([&] { return cancelled_.load(); }));
  EXPECT_LT(cancelled_at_.load() - before, 120ms);
}

TEST_F(ServerTest, DoesNotTakeANextRequestForALeavingClient) {
  start();
  Client client(port_);
  client.send(get("/finish"));
  ASSERT_TRUE(eventually([&] { return waiting_.load(); }));
  client.send(get("/address"));
  std::this_thread::sleep_for(60ms);
  released_ = true;
  EXPECT_EQ(client.answer().body, "staying");
  EXPECT_EQ(client.answer().body, "127.0.0.1");
}

// Its pipeline is never empty while its requests wait: what has been answered must not be held on to.
TEST_F(ServerTest, BoundsWhatIsSentAheadDuringARequest) {
  limits_.head_bytes_max = 8192;
  start();
  Client client(port_);
  client.send(get("/finish"));
  ASSERT_TRUE(eventually([&] { return waiting_.load(); }));
  waiting_ = false;
  const std::string one = get("/pause", "X: " + std::string(1000, 'x') + "\r\n");
  std::string more;
  for (int i = 0; i < 200; ++i) more += one;
  more += get("/wait") + one + one;
  std::thread sender([&] { client.send(more); });
  std::this_thread::sleep_for(20ms);
  released_ = true;
  EXPECT_EQ(client.answer().body, "staying");
  for (int i = 0; i < 200; ++i) EXPECT_EQ(client.answer().body, "paused") << i;
  EXPECT_TRUE(eventually([&] { return waiting_.load(); }));
  sender.join();
  // Whoever holds 64 KiB would be ended by this.
  on_thread([&] { server_->shed(1); });
  client.close();
  EXPECT_TRUE(eventually([&] { return cancelled_.load(); }));
  EXPECT_EQ(reason_, Cancellation::Reason::client_gone);
}

TEST_F(ServerTest, MayAnswerAClientThatSendsNoMore) {
  limits_.allow_half_close = true;
  start();
  Client client(port_);
  client.send(get("/finish") + get("/address"));
  EXPECT_TRUE(eventually([&] { return waiting_.load(); }));
  client.finish_sending();
  released_ = true;
  EXPECT_EQ(client.answer().status, 200);
  EXPECT_EQ(client.answer().status, 200);
  EXPECT_TRUE(client.read_to_end());
  EXPECT_FALSE(client.was_reset());
}

TEST_F(ServerTest, NoticesAResetBehindAnEnd) {
  limits_.allow_half_close = true;
  start();
  Client client(port_);
  const auto time = time_to_notice(client, [&] {
    client.finish_sending();
    client.reset();
  });
  EXPECT_LT(time, 1s);
}

// As long as it reads, an end is told by reading. Then by looking.
TEST_F(ServerTest, NoticesWithin100MillisecondsThatOneHasGoneWhoSentMuchAhead) {
  limits_.head_bytes_max = 4096;
  start();
  std::string more;
  for (int i = 0; i < 200; ++i) more += get("/address");
  for (const bool resets : {false, true}) {
    std::chrono::milliseconds best = 1h;  // the machine may be busy
    for (int i = 0; i < 3; ++i) {
      Client client(port_);
      best = std::min(best, time_to_notice(client, [&] {
                        client.send(more);
                        std::this_thread::sleep_for(20ms);
                        resets ? client.reset() : client.close();
                      }));
    }
    EXPECT_LT(best, 20ms + 100ms);
  }
}

TEST_F(ServerTest, OfOneWhoSentMuchAheadAndMayHalfCloseAResetIsNoticed) {
  limits_.head_bytes_max = 4096;
  limits_.allow_half_close = true;
  start();
  std::string more;
  for (int i = 0; i < 200; ++i) more += get("/address");
  Client stays(port_);
  stays.send(get("/finish") + more);
  ASSERT_TRUE(eventually([&] { return waiting_.load(); }));
  stays.finish_sending();
  std::this_thread::sleep_for(150ms);
  released_ = true;
  EXPECT_EQ(stays.answer().body, "staying");
  for (int i = 0; i < 200; ++i) ASSERT_EQ(stays.answer().status, 200) << i;
  EXPECT_TRUE(stays.read_to_end());
  Client leaves(port_);
  EXPECT_LT(time_to_notice(leaves,
                           [&] {
                             leaves.send(more);
                             leaves.finish_sending();
                             std::this_thread::sleep_for(20ms);
                             leaves.reset();
                           }),
            120ms + 20ms);
}

}  // namespace
}  // namespace ai_proxy::http
