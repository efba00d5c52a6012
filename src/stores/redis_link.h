// The inside of Redis: the connection that is kept, the commands in flight on it, and the breaker.
#pragma once

#include <array>
#include <deque>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "http/asio.h"
#include "http/client_resolver.h"
#include "stores/breaker.h"
#include "stores/redis.h"
#include "stores/redis_protocol.h"
#include "stores/redis_stream.h"

namespace ai_proxy::stores {

using RedisValue = Result<std::optional<std::string>>;

// Where a get() waits. Its timer is both its deadline and, cancelled, its wake-up.
struct RedisWaiter {
  RedisWaiter(http::asio::io_context& io, http::Clock::time_point deadline) : timer(io, deadline) {}
  void complete(RedisValue value);

  http::Timer timer;
  bool done = false;
  RedisValue result;
};

struct RedisCommand {
  std::shared_ptr<RedisWaiter> waiter;  // null: nobody waits (SET)
  http::Clock::time_point deadline;
};

struct RedisConnection {
  RedisConnection(http::asio::io_context& io, http::HostResolver& resolver, std::shared_ptr<RedisTls> tls,
                  std::size_t reply_bytes_max)
      : stream(io, resolver, std::move(tls)), reader(reply_bytes_max), watchdog(io) {}

  RedisStream stream;
  RedisReader reader;
  http::Timer watchdog;  // while connecting: for the whole; then: for the oldest command in flight
  std::deque<RedisCommand> in_flight;  // replies come in this order
  std::string outgoing;                // not yet handed to the stream
  std::string writing;
  std::array<char, 16 * 1024> incoming;
  bool ready = false;
  bool closed = false;
  bool write_active = false;
  bool watchdog_armed = false;
  bool timed_out = false;
};

// Owned by its Redis and by the coroutines it spawned, which end soon after stop(). One thread.
class RedisLink : public std::enable_shared_from_this<RedisLink> {
 public:
  RedisLink(http::asio::io_context& io, RedisOptions options);
  ~RedisLink();

  // Keeps a connection from now on. Idempotent; where it ended for want of memory, it begins anew.
  void start();
  void stop();

  http::Task<RedisValue> get(std::string_view key);
  void set(std::string_view key, std::string_view value, std::chrono::seconds ttl);
  bool breaker_open() const { return breaker_.open(); }

 private:
  using Connection = std::shared_ptr<RedisConnection>;
  using Words = std::initializer_list<std::string_view>;

  // The one coroutine that keeps a connection.
  static http::Task<void> run(std::shared_ptr<RedisLink> self);
  http::Task<void> keep_connected();
  http::Task<std::string> establish(Connection connection);  // why it failed; empty: it did not
  http::Task<std::string> greet(Connection connection);
  http::Task<std::string> receive(Connection connection);  // why it ended
  http::Clock::duration pause() const;

  bool accepts(std::size_t bytes) const;
  bool submit(RedisCommand command, Words words);
  void send_waiting(const Connection& connection);
  void flush(const Connection& connection);
  static http::Task<void> write_out(std::shared_ptr<RedisLink> self, Connection connection);
  void finish(const RedisCommand& command, RedisReply& reply);
  void limit_connecting(const Connection& connection, std::chrono::milliseconds time);
  void watch(const Connection& connection);
  void expire(const std::shared_ptr<RedisWaiter>& waiter);

  void drop(Connection connection, std::string_view reason);  // by value: connection_ is reset inside
  void fail_waiting(std::string_view reason);
  void failed(std::string_view reason);
  void succeeded();
  void note_refusal(std::string_view word);

  struct Waiting {
    RedisCommand command;
    std::string bytes;
  };

  http::asio::io_context& io_;
  RedisOptions options_;
  std::string address_;  // for the log
  http::HostResolver resolver_;
  std::shared_ptr<RedisTls> tls_;
  Breaker breaker_;
  Connection connection_;        // null between attempts
  std::deque<Waiting> waiting_;  // for the connection to stand
  std::size_t waiting_bytes_ = 0;
  http::Timer retry_;
  http::Clock::time_point refusal_noted_{};
  bool running_ = false;
  bool stopping_ = false;
};

}  // namespace ai_proxy::stores
