#include "http/server_fixture.test.h"

namespace ai_proxy::http {
namespace {

TEST_F(ServerTest, AnswersAndKeepsTheConnection) {
  start();
  Client client(port_);
  for (int i = 0; i < 3; ++i) {
    client.send(post("/echo?n=1", "hello"));
    const auto answer = client.answer();
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.body, "hello");
    EXPECT_TRUE(answer.head.starts_with("HTTP/1.1 200 OK\r\nDate: ")) << answer.head;
    EXPECT_NE(answer.head.find("x-query: n=1\r\n"), std::string::npos);
    EXPECT_EQ(answer.head.find("Connection:"), std::string::npos);
  }
  EXPECT_EQ(counters_.connections, 1u);
  client.send(get("/address", "Connection: close\r\n"));
  const auto last = client.answer();
  EXPECT_EQ(last.body, "127.0.0.1");
  EXPECT_NE(last.head.find("Connection: close\r\n"), std::string::npos);
  EXPECT_TRUE(client.read_to_end(1s));
  EXPECT_TRUE(padded_);
}

TEST_F(ServerTest, AnswersAHundredPipelinedRequestsInOrder) {
  start();
  Client client(port_);
  std::string requests;
  for (int i = 0; i < 100; ++i) requests += post("/echo", "body " + std::to_string(i));
  client.send(requests);
  for (int i = 0; i < 100; ++i) ASSERT_EQ(client.answer().body, "body " + std::to_string(i));
}

TEST_F(ServerTest, TakesRequestsThatComeByteByByte) {
  start();
  Client client(port_);
  for (const char c : post("/echo", "slow") + get("/address")) client.send({&c, 1});
  EXPECT_EQ(client.answer().body, "slow");
  EXPECT_EQ(client.answer().body, "127.0.0.1");
}

TEST_F(ServerTest, InvitesABodyThatIsExpected) {
  start();
  Client client(port_);
  client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n");
  ASSERT_TRUE(client.read_to("\r\n\r\n"));
  EXPECT_EQ(client.received, "HTTP/1.1 100 Continue\r\n\r\n");
  client.received.clear();
  client.send("body");
  EXPECT_EQ(client.answer().body, "body");
  // Not asked for when the body comes at once, nor when it would be refused.
  client.send(post("/echo", "here", "Expect: 100-continue\r\n"));
  EXPECT_EQ(client.answer().body, "here");
  client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\nExpect: 100-continue\r\n\r\n");
  expect_fault(client, 413, "body_too_large");
}

TEST_F(ServerTest, TakesChunkedAndLargeBodies) {
  start();
  Client client(port_);
  client.send("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel");
  client.send("lo\r\n6;x=y\r\n world\r\n0\r\n\r\n");
  EXPECT_EQ(client.answer().body, "hello world");

  std::string large(5'000'000, 'b');
  for (std::size_t i = 0; i < large.size(); i += 1000) large[i] = static_cast<char>('a' + i / 1000 % 26);
  std::thread sender([&] { client.send(post("/echo", large) + get("/address")); });
  EXPECT_TRUE(client.answer().body == large);
  EXPECT_EQ(client.answer().body, "127.0.0.1");
  sender.join();

  std::string chunked = "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (std::size_t i = 0; i < large.size(); i += 50'000)
    chunked += "c350\r\n" + large.substr(i, 50'000) + "\r\n";
  std::thread chunk_sender([&] { client.send(chunked + "0\r\n\r\n" + get("/address")); });
  EXPECT_TRUE(client.answer().body == large);
  EXPECT_EQ(client.answer().body, "127.0.0.1");
  chunk_sender.join();
  EXPECT_TRUE(padded_);
}

TEST_F(ServerTest, RefusesWithTheRightStatusAndCloses) {
  limits_.body_bytes_max = 1000;
  start();
  const std::map<std::string, std::pair<int, std::string_view>> cases = {
      {"GET / HTTP/1.1\r\n\r\n", {400, "malformed_request"}},
      {"\x16\x03\x01", {400, "malformed_request"}},
      {post("/echo", std::string(1001, 'x')), {413, "body_too_large"}},
      {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n", {413, "body_too_large"}},
      {get("/" + std::string(9000, 'a')), {414, "target_too_long"}},
      {get("/", "Expect: magic\r\n"), {417, "expectation_failed"}},
      {get("/", "X: " + std::string(40'000, 'x')), {431, "head_too_large"}},
      {"BREW / HTTP/1.1\r\nHost: a\r\n\r\n", {501, "method_not_implemented"}},
      {get("/", "Transfer-Encoding: gzip\r\n"), {501, "transfer_coding_not_implemented"}},
      {"GET / HTTP/3.0\r\nHost: a\r\n\r\n", {505, "http_version_not_supported"}},
  };
  for (const auto& [request, expected] : cases) {
    SCOPED_TRACE(request.substr(0, 60));
    Client client(port_);
    client.send(request);
    expect_fault(client, expected.first, expected.second);
  }
  EXPECT_EQ(handled_, 0);
}

TEST_F(ServerTest, AnswersWhatCameBeforeAFaultAndNothingAfterIt) {
  start();
  Client client(port_);
  client.send(post("/echo", "good") + "BROKEN\r\n\r\n" + post("/echo", "smuggled"));
  EXPECT_EQ(client.answer().body, "good");
  expect_fault(client, 400, "malformed_request");
  EXPECT_EQ(client.received, "");
  EXPECT_EQ(handled_, 1);
}

TEST_F(ServerTest, LetsARefusalArriveWhileTheClientStillSends) {
  start();
  Client client(port_);
  std::thread sender([&] {
    client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 20000000\r\n\r\n");
    client.send(std::string(20'000'000, 'x'));
    client.finish_sending();
  });
  EXPECT_EQ(client.answer().status, 413);
  sender.join();
}

TEST_F(ServerTest, GivesTheWholeHeadATimeAndNotEachByte) {
  limits_.head_time = 150ms;
  start();
  Client client(port_);
  const auto before = Clock::now();
  client.send("GET / HTTP/1.1\r\n");
  while (Clock::now() - before < 5s && !client.read_until([&] { return !client.received.empty(); }, 20ms))
    client.send("X: y\r\n");
  EXPECT_GE(Clock::now() - before, 150ms);
  EXPECT_LT(Clock::now() - before, 400ms);
  EXPECT_EQ(client.answer().status, 408);
}

TEST_F(ServerTest, GivesABodyATime) {
  limits_.body_time = 100ms;
  start();
  Client client(port_);
  client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf");
  expect_fault(client, 408, "request_timeout");
  EXPECT_EQ(handled_, 0);
}

TEST(BodyRate, IsJudgedAfterFiveSecondsByItsMean) {
  const ServerLimits limits;
  EXPECT_FALSE(is_body_late(0, 4999ms, limits));
  EXPECT_TRUE(is_body_late(5119, 5000ms, limits));
  EXPECT_FALSE(is_body_late(5120, 5000ms, limits));
  EXPECT_FALSE(is_body_late(100'000, 59s, limits));
  EXPECT_TRUE(is_body_late(100'000'000, 60s, limits));
}

TEST_F(ServerTest, ClosesIdleConnectionsSilently) {
  limits_.idle_time = 100ms;
  start();
  Client fresh(port_);
  Client used(port_);
  used.send(get("/address") + "\r\n");  // an empty line is no request
  EXPECT_EQ(used.answer().status, 200);
  EXPECT_TRUE(fresh.read_to_end(1s));
  EXPECT_TRUE(used.read_to_end(1s));
  EXPECT_EQ(fresh.received + used.received, "");
}

TEST_F(ServerTest, ServesHttp10) {
  start();
  Client closes(port_);
  closes.send("GET /address HTTP/1.0\r\n\r\n");
  EXPECT_TRUE(closes.read_to_end(1s));
  EXPECT_NE(closes.received.find("Connection: close\r\n"), std::string::npos);
  EXPECT_TRUE(closes.received.ends_with("\r\n\r\n127.0.0.1"));

  Client stays(port_);
  for (int i = 0; i < 2; ++i) {
    stays.send("GET /address HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    EXPECT_NE(stays.answer().head.find("Connection: keep-alive\r\n"), std::string::npos);
  }
  stays.send("GET /stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_TRUE(stays.read_to_end(1s));
  EXPECT_EQ(stays.received.find("Transfer-Encoding"), std::string::npos);
  EXPECT_NE(stays.received.find("Connection: close\r\n"), std::string::npos);
  EXPECT_TRUE(stays.received.ends_with("\r\n\r\ndata: 1\n\ndata: 2\n\n" + std::string(100'000, 'L')));

  // Without chunks only a reset tells a broken answer from a whole one.
  Client broken(port_);
  broken.send("GET /abort HTTP/1.0\r\n\r\n");
  EXPECT_TRUE(broken.read_to_end(1s));
  EXPECT_TRUE(broken.was_reset());
}

TEST_F(ServerTest, AnswersHeadWithoutABody) {
  start();
  Client client(port_);
  client.send(
      "HEAD /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabcHEAD /stream HTTP/1.1\r\nHost: "
      "a\r\n\r\n" +
      get("/address"));
  ASSERT_TRUE(client.read_to("127.0.0.1"));
  EXPECT_NE(client.received.find("Content-Length: 3\r\n\r\nHTTP/1.1 200"), std::string::npos)
      << client.received;
  EXPECT_NE(client.received.find("Transfer-Encoding: chunked\r\n\r\nHTTP/1.1 200"), std::string::npos)
      << client.received;
}

TEST_F(ServerTest, StreamsInChunks) {
  start();
  Client client(port_);
  client.send(get("/stream") + get("/address"));
  ASSERT_TRUE(client.read_to("127.0.0.1"));
  const std::string& text = client.received;
  EXPECT_NE(
      text.find(
          "x-a: b\r\nTransfer-Encoding: chunked\r\n\r\n9\r\ndata: 1\n\n\r\n9\r\ndata: 2\n\n\r\n186a0\r\nL"),
      std::string::npos);
  EXPECT_NE(text.find("L\r\n0\r\n\r\nHTTP/1.1 200 OK"), std::string::npos);
}

TEST_F(ServerTest, FillsTheSilenceOfAStream) {
  start();
  Client client(port_);
  client.send(get("/quiet") + get("/address"));
  ASSERT_TRUE(client.read_to("127.0.0.1"));
  EXPECT_NE(client.received.find("9\r\ndata: 1\n\n\r\n7\r\n: ping\n\r\n9\r\ndata: 2\n\n\r\n0\r\n\r\n"),
            std::string::npos)
      << client.received;
}

TEST_F(ServerTest, OwedBytesGoBeforeAllOthers) {
  start();
  Client client(port_);
  client.send(get("/owing") + get("/address"));
  ASSERT_TRUE(client.read_to("127.0.0.1"));
  EXPECT_NE(client.received.find("o\r\n3\r\nend\r\n0\r\n\r\n"), std::string::npos);
  EXPECT_EQ(client.received.find(": ping"), std::string::npos);
}

TEST_F(ServerTest, AnswersWithoutABodyWhereThereIsNone) {
  start();
  Client client(port_);
  client.send(get("/empty") + get("/address"));
  const auto answer = client.answer();
  EXPECT_EQ(answer.status, 204);
  EXPECT_EQ(answer.head.find("Content-Length"), std::string::npos);
  EXPECT_EQ(client.answer().body, "127.0.0.1");
}

TEST_F(ServerTest, AnAbortedStreamHasNoLastChunk) {
  start();
  Client client(port_);
  client.send(get("/abort"));
  EXPECT_TRUE(client.read_to_end(1s));
  EXPECT_FALSE(client.was_reset());
  EXPECT_TRUE(client.received.ends_with("9\r\ndata: 1\n\n\r\n")) << client.received;
  EXPECT_TRUE(eventually([&] { return !late_write_; }));
}

TEST_F(ServerTest, SurvivesHandlersThatThrowOrForget) {
  start();
  for (const std::string_view path : {"/throw", "/forget"}) {
    Client client(port_);
    client.send(get(path));
    ASSERT_TRUE(client.read_to("\r\n\r\n"));
    EXPECT_EQ(client.received.find("secret"), std::string::npos);
    expect_fault(client, 500, "internal");
  }
  Client late(port_);
  late.send(get("/throw-late"));
  EXPECT_TRUE(late.read_to_end(1s));
  EXPECT_TRUE(late.received.ends_with("data: 1\n\n\r\n"));
  Client twice(port_);
  twice.send(get("/twice"));
  EXPECT_EQ(twice.answer().body, "first");
  EXPECT_TRUE(eventually([&] { return !late_write_; }));
}

TEST_F(ServerTest, WaitsForASlowReaderButNotForAStalledOne) {
  limits_.write_stall_time = 200ms;
  start();
  Client slow(port_, 16 * 1024);
  slow.send(get("/large"));
  std::this_thread::sleep_for(50ms);
  EXPECT_EQ(slow.answer().body.size(), 8'000'000u);

  Client stalled(port_, 16 * 1024);
  stalled.send(get("/flood"));
  EXPECT_TRUE(eventually([&] { return cancelled_.load(); }));
  EXPECT_TRUE(stalled.read_to_end());

  cancelled_ = false;
  limits_.write_stall_time = 1h;
  on_thread([&] { server_->set_limits(limits_); });
  Client leaves(port_, 16 * 1024);
  leaves.send(get("/flood"));
  std::this_thread::sleep_for(50ms);
  leaves.close();
  EXPECT_TRUE(eventually([&] { return cancelled_.load(); }, 200ms));
}

TEST_F(ServerTest, WaitsForASlowReaderWhoseBufferIsToppedUp) {
  limits_.write_stall_time = 500ms;
  start();
  Client slow(port_, 16 * 1024);
  slow.send(get("/always-owing"));
  for (const auto end = Clock::now() + 2000ms; Clock::now() < end; std::this_thread::sleep_for(20ms)) {
    const std::size_t before = slow.received.size();
    ASSERT_TRUE(slow.read_until([&] { return slow.received.size() > before; }));
  }
  EXPECT_FALSE(cancelled_);
  EXPECT_LT(slow.received.size(), 8'000'000u);
  // It stops reading, and what is topped up is no progress.
  EXPECT_TRUE(eventually([&] { return cancelled_.load(); }));
}

TEST_F(ServerTest, ClosesAConnectionThatIsWornOut) {
  limits_.requests_per_connection_max = 2;
  start();
  Client client(port_);
  client.send(get("/address"));
  EXPECT_EQ(client.answer().head.find("Connection: close"), std::string::npos);
  client.send(get("/address"));
  EXPECT_NE(client.answer().head.find("Connection: close"), std::string::npos);
  client.finish_sending();
  EXPECT_TRUE(client.read_to_end(1s));

  limits_.connection_age_max = 0ms;
  on_thread([&] { server_->set_limits(limits_); });
  Client old(port_);
  old.send(get("/address"));
  EXPECT_NE(old.answer().head.find("Connection: close"), std::string::npos);
}

TEST_F(ServerTest, AcceptsNoMoreThanTheMaximum) {
  limits_.connections_max = 2;
  start();
  Client first(port_), second(port_);
  for (Client* client : {&first, &second}) {
    client->send(get("/address"));
    EXPECT_EQ(client->answer().status, 200);
  }
  Client third(port_);
  third.send(get("/address"));
  expect_fault(third, 503, "overloaded");
  EXPECT_EQ(handled_, 2);
  first.close();
  EXPECT_TRUE(eventually([&] { return counters_.connections == 1u; }));
  Client fourth(port_);
  fourth.send(get("/address"));
  EXPECT_EQ(fourth.answer().status, 200);
}

TEST_F(ServerTest, AsksTheGateBeforeABodyAndOnConnectionsTooMany) {
  limits_.connections_max = 1;
  gate_ = [](std::string_view path, bool beyond_max) {
    return path == "/echo" || (beyond_max && path != "/address") ? kOverloaded : RequestFault{};
  };
  start();
  Client first(port_);
  first.send("POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n");
  expect_fault(first, 503, "overloaded");
  EXPECT_EQ(handled_, 0);
  first.close();
  EXPECT_TRUE(eventually([&] { return counters_.connections == 0u; }));
  Client in_place(port_), beyond(port_), beyond_too(port_);
  in_place.send(get("/address"));
  EXPECT_EQ(in_place.answer().status, 200);
  beyond.send(get("/empty"));
  expect_fault(beyond, 503, "overloaded");
  beyond_too.send(get("/address"));
  const Client::Answer answer = beyond_too.answer();
  EXPECT_EQ(answer.status, 200);
  EXPECT_NE(answer.head.find("Connection: close\r\n"), std::string::npos);
}

TEST_F(ServerTest, ResetsTheConnectionsOfAClientThatHasTooMany) {
  limits_.connections_per_client_max = 2;
  start();
  Client first(port_), second(port_);
  for (Client* client : {&first, &second}) {
    client->send(get("/address"));
    EXPECT_EQ(client->answer().status, 200);
  }
  Client third(port_);
  EXPECT_TRUE(third.read_to_end());
  EXPECT_TRUE(third.was_reset());
  EXPECT_EQ(counters_.connections_refused, 1u);
  first.close();
  EXPECT_TRUE(eventually([&] { return counters_.connections == 1u; }));
  Client fourth(port_);
  fourth.send(get("/address"));
  EXPECT_EQ(fourth.answer().status, 200);
}

TEST_F(ServerTest, ClosesConnectionsWhileMemoryIsShort) {
  start();
  Client client(port_);
  client.send(get("/address"));
  EXPECT_EQ(client.answer().head.find("Connection: close"), std::string::npos);
  counters_.pressure = Pressure::saving;
  client.send(get("/address"));
  EXPECT_NE(client.answer().head.find("Connection: close\r\n"), std::string::npos);
  EXPECT_TRUE(client.read_to_end());
}

TEST_F(ServerTest, ShedsWhatHoldsTheMost) {
  start();
  Client small(port_), reading(port_), large(port_);
  small.send("POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{");
  reading.send("POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 500000\r\n\r\n" +
               std::string(300'000, 'r'));
  EXPECT_TRUE(eventually([&] {
    on_thread([&] { server_->shed(1); });
    return reading.read_until([&] { return !reading.received.empty(); }, 1ms);
  }));
  expect_fault(reading, 503, "overloaded");
  large.send(post("/wait", std::string(200'000, 'l')));
  EXPECT_TRUE(eventually([&] { return waiting_.load(); }));
  on_thread([&] { server_->shed(1'000'000'000); });
  EXPECT_TRUE(eventually([&] { return cancelled_.load(); }));
  EXPECT_EQ(reason_, Cancellation::Reason::overloaded);
  small.send("}");
  EXPECT_EQ(small.answer().status, 200);
}

TEST_F(ServerTest, SurvivesRunningOutOfDescriptors) {
  start();
  {
    // UBSan looks at a class for the first time with a pipe, for which there will be no descriptor: that of
    // an end, too.
    Client first(port_);
    first.send(get("/address"));
    EXPECT_EQ(first.answer().status, 200);
  }
  EXPECT_TRUE(eventually([&] { return counters_.connections == 0; }));
  Client early(port_);
  early.send(get("/address"));
  EXPECT_EQ(early.answer().status, 200);

  // Every descriptor is taken, twice over: what another thread holds for a moment is taken when it is given
  // back.
  std::vector<int> taken;
  const auto take_all = [&] {
    for (int descriptor; (descriptor = ::dup(0)) >= 0;) taken.push_back(descriptor);
  };
  rlimit before{};
  ::getrlimit(RLIMIT_NOFILE, &before);
  rlimit tight = before;
  taken.push_back(::dup(0));
  tight.rlim_cur = static_cast<rlim_t>(taken.back() + 20);
  ::setrlimit(RLIMIT_NOFILE, &tight);
  take_all();
  std::this_thread::sleep_for(20ms);
  take_all();
  ::close(taken.back());
  taken.pop_back();
  Client late(port_);  // has the last one
  EXPECT_TRUE(late.connected());
  late.send(get("/address"));
  // Over a reserved descriptor. (No expect_fault(): a sanitizer needs a descriptor to look at what JSON is
  // made of.)
  const Client::Answer refused = late.answer();
  EXPECT_EQ(refused.status, 503);
  EXPECT_NE(refused.body.find(R"("code":"overloaded")"), std::string::npos) << refused.body;
  late.finish_sending();
  EXPECT_TRUE(late.read_to_end());
  early.send(get("/address"));
  EXPECT_EQ(early.answer().status, 200);
  ::setrlimit(RLIMIT_NOFILE, &before);
  for (const int descriptor : taken) ::close(descriptor);
  Client after(port_);
  after.send(get("/address"));
  EXPECT_EQ(after.answer().status, 200);
}

TEST_F(ServerTest, DrainsWithoutCuttingRunningRequests) {
  start();
  Client idle(port_), quick(port_), busy(port_), halfway(port_);
  idle.send(get("/address"));
  EXPECT_EQ(idle.answer().status, 200);
  busy.send(get("/finish"));
  halfway.send("GET /address HTTP/1.1\r\n");
  ASSERT_TRUE(eventually([&] { return waiting_.load() && counters_.connections == 4; }));
  EXPECT_EQ(counters_.requests_running, 1u);
  std::this_thread::sleep_for(20ms);
  on_thread([&] {
    server_->drain();
    quick.send(get("/address"));
  });
  EXPECT_NE(quick.answer().head.find("Connection: close"), std::string::npos);
  EXPECT_TRUE(idle.read_to_end(1s));
  Client late(port_);  // the port is open until stop_accepting()
  late.send(get("/address"));
  EXPECT_NE(late.answer().head.find("Connection: close"), std::string::npos);
  on_thread([&] { server_->stop_accepting(); });
  EXPECT_FALSE(Client(port_).connected());
  halfway.send("Host: a\r\n\r\n");
  EXPECT_NE(halfway.answer().head.find("Connection: close"), std::string::npos);
  released_ = true;
  const auto answer = busy.answer();
  EXPECT_EQ(answer.body, "closing");
  EXPECT_NE(answer.head.find("Connection: close"), std::string::npos);
}

TEST_F(ServerTest, DrainsIdleConnectionsInTheTimeItIsGiven) {
  start();
  Client idle(port_), late(port_);
  for (Client* client : {&idle, &late}) {
    client->send(get("/address"));
    EXPECT_EQ(client->answer().status, 200);
  }
  // The time is over before the thread can look at what has come meanwhile: that is no idle connection.
  on_thread([&] {
    server_->drain(50ms);
    std::this_thread::sleep_for(100ms);
    late.send(get("/address"));
  });
  EXPECT_EQ(late.answer().status, 200);
  EXPECT_TRUE(idle.read_to_end(1s));
}

TEST_F(ServerTest, DrainsWithPatienceWhereItIsAskedFor) {
  start();
  Client patient(port_);
  patient.send(get("/address"));
  EXPECT_EQ(patient.answer().status, 200);
  on_thread([&] { server_->drain(10s); });
  EXPECT_FALSE(patient.read_to_end(500ms));
  patient.send(get("/address"));
  EXPECT_NE(patient.answer().head.find("Connection: close"), std::string::npos);
}

TEST_F(ServerTest, LetsInWhoWaitsBeforeThePortCloses) {
  start();
  std::unique_ptr<Client> early;
  on_thread([&] {
    early = std::make_unique<Client>(port_);  // the server's thread is here: the kernel's queue has it
    server_->stop_accepting();
  });
  EXPECT_FALSE(Client(port_).connected());
  early->send(get("/address"));
  EXPECT_EQ(early->answer().status, 200);
}

TEST_F(ServerTest, CancelsAndClosesOnDemand) {
  start();
  Client client(port_);
  client.send(get("/wait"));
  ASSERT_TRUE(eventually([&] { return waiting_.load(); }));
  on_thread([&] { server_->cancel_all(); });
  ASSERT_TRUE(eventually([&] { return cancelled_.load(); }));
  EXPECT_EQ(reason_, Cancellation::Reason::draining);
  expect_fault(client, 500, "internal");  // this handler leaves without an answer

  Client other(port_);
  other.send(get("/address"));
  EXPECT_EQ(other.answer().status, 200);
  on_thread([&] { server_->close_all(); });
  EXPECT_TRUE(other.read_to_end(1s));
}

TEST_F(ServerTest, MayBeDestroyedWhileConnectionsLive) {
  start();
  Client idle(port_), busy(port_), streaming(port_), halfway(port_);
  idle.send(get("/address"));
  EXPECT_EQ(idle.answer().status, 200);
  busy.send(get("/wait"));
  streaming.send(get("/flood"));
  halfway.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nx");
  ASSERT_TRUE(eventually([&] { return handled_ == 3; }));
  stop();  // checks that nothing is left running
}

// The io_context never runs again: what waits in it is destroyed with it.
TEST_F(ServerTest, MayBeDestroyedAfterItsThreadHasStopped) {
  start();
  Client idle(port_), busy(port_), streaming(port_);
  idle.send(get("/address"));
  EXPECT_EQ(idle.answer().status, 200);
  busy.send(get("/wait"));
  streaming.send(get("/flood"));
  ASSERT_TRUE(eventually([&] { return handled_ == 3; }));
  io_->stop();
  thread_.join();
  server_.reset();
  EXPECT_EQ(counters_.connections, 0u);
  EXPECT_EQ(counters_.requests_running, 0u);
  io_.reset();
}

// Whoever kept the socket, or holds it too, goes on with the queue.
TEST(ServerListen, LeavesTheQueueOfASocketThatWasHandedOver) {
  const int kept = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(::bind(kept, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  asio::io_context io(1);
  ServerCounters counters;
  Server server(io, {}, [](Request&, ResponseWriter&) -> Task<void> { co_return; }, counters);
  const auto port = server.listen_on(::dup(kept));
  ASSERT_TRUE(port);
  Client waiting(*port);
  EXPECT_TRUE(waiting.connected());
  server.stop_accepting();
  io.poll();
  EXPECT_EQ(counters.connections, 0u);
  EXPECT_TRUE(Client(*port).connected());
  const int taken = ::accept(kept, nullptr, nullptr);
  EXPECT_GE(taken, 0);
  ::close(taken);
  ::close(kept);
  EXPECT_FALSE(server.listen_on(::open("/dev/null", O_RDONLY | O_CLOEXEC)));
}

}  // namespace
}  // namespace ai_proxy::http
