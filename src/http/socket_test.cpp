// What the other side does is done before the loop looks, so that the loop is told of all of it at once.
#include "http/socket.h"

#include <gtest/gtest.h>

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace ai_proxy::http {
namespace {

using namespace std::chrono_literals;

class SocketTest : public testing::Test {
 protected:
  SocketTest() {
    asio::basic_socket_acceptor<tcp, Executor> acceptor(executor_, {asio::ip::address_v4::loopback(), 0});
    Socket::tell_rest(acceptor);
    other_.connect(acceptor.local_endpoint());
    socket_.emplace(acceptor.accept());
    // Readable for the first time means nothing yet.
    EXPECT_TRUE(becomes_readable());
    EXPECT_EQ(read(), "would block");
  }

  void send(std::string_view text) { asio::write(other_, asio::buffer(text)); }
  void reset() {
    other_.set_option(asio::socket_base::linger(true, 0));
    other_.close();
  }
  bool becomes_readable(std::chrono::milliseconds time = 2s) {
    bool told = false;
    socket_->async_readable([&told](const error_code& fault) { told = !fault; });
    io_.restart();
    for (const auto end = Clock::now() + time; !told && Clock::now() < end;) io_.run_one_until(end);
    if (!told) {
      socket_->cancel();
      io_.restart();
      io_.run();
    }
    return told;
  }
  std::string read(std::size_t room = 100) {
    std::string text(room, '\0');
    error_code fault;
    text.resize(socket_->read_now(text.data(), room, fault));
    if (fault == asio::error::would_block) return "would block";
    if (fault == asio::error::eof) return "end";
    return fault ? "fault" : text;
  }

  asio::io_context io_{1};
  Executor executor_ = io_.get_executor();
  asio::basic_stream_socket<tcp, Executor> other_{executor_};
  std::optional<Socket> socket_;
};

TEST_F(SocketTest, IsToldOnlyOfWhatComes) {
  EXPECT_TRUE(socket_->drained());
  EXPECT_FALSE(becomes_readable(50ms));
  send("abc");
  EXPECT_TRUE(becomes_readable());
  EXPECT_EQ(read(), "abc");
  EXPECT_TRUE(socket_->drained());
  send("d");
  EXPECT_EQ(read(), "would block");  // it was not waited for
  EXPECT_TRUE(becomes_readable());
  EXPECT_EQ(read(), "d");
}

TEST_F(SocketTest, KnowsWhatAReadLeaves) {
  send("abcdef");
  EXPECT_TRUE(becomes_readable());
  EXPECT_EQ(read(4), "abcd");
  EXPECT_FALSE(socket_->drained());
  EXPECT_TRUE(becomes_readable());
  EXPECT_EQ(read(4), "ef");
  EXPECT_TRUE(socket_->drained());
}

TEST_F(SocketTest, HearsOfAnEndThatCameWithTheBytes) {
  send("abc");
  other_.shutdown(Socket::shutdown_send);
  EXPECT_TRUE(becomes_readable());
  EXPECT_EQ(read(), "abc");
  EXPECT_TRUE(becomes_readable());
  EXPECT_EQ(read(), "end");
}

TEST_F(SocketTest, HearsOfAResetThatCameWithTheBytes) {
  send("abc");
  reset();
  EXPECT_TRUE(becomes_readable());
  EXPECT_EQ(read(2), "ab");
  EXPECT_TRUE(becomes_readable());
  EXPECT_EQ(read(2), "c");
  EXPECT_TRUE(becomes_readable());
  EXPECT_EQ(read(), "fault");
}

TEST_F(SocketTest, HearsOfAResetBehindBytesThatItHasRead) {
  send("abc");
  EXPECT_TRUE(becomes_readable());
  EXPECT_EQ(read(), "abc");
  reset();
  EXPECT_TRUE(becomes_readable());
  EXPECT_EQ(read(), "fault");
}

TEST_F(SocketTest, LooksAgainWhereItIsTold) {
  send("abc");
  EXPECT_EQ(read(), "would block");
  socket_->look_again();
  EXPECT_EQ(read(), "abc");
  EXPECT_FALSE(becomes_readable(50ms));
}

TEST_F(SocketTest, MayGoWhileSomebodyWaits) {
  std::optional<error_code> told;
  socket_->async_readable([&told](const error_code& fault) { told = fault; });
  socket_.reset();
  io_.restart();
  io_.run();
  EXPECT_EQ(told, asio::error::operation_aborted);
}

TEST(SocketEnd, TheLoopMayGoWhileSomebodyWaits) {
  const auto kept = std::make_shared<int>(1);
  {
    asio::io_context io(1);
    asio::basic_socket_acceptor<tcp, Executor> acceptor(io.get_executor(),
                                                        {asio::ip::address_v4::loopback(), 0});
    asio::basic_stream_socket<tcp, Executor> other(io.get_executor());
    other.connect(acceptor.local_endpoint());
    // The handler owns the socket, as a session's does.
    const auto socket = std::make_shared<Socket>(acceptor.accept());
    socket->async_readable([socket, kept](const error_code&) { FAIL() << "called without a loop"; });
  }
  EXPECT_EQ(kept.use_count(), 1);
}

}  // namespace
}  // namespace ai_proxy::http
