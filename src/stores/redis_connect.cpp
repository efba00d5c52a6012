// Keeping a connection: making it, greeting (AUTH, SELECT, PING), reading, and beginning again when it ends.
// While the breaker is open, a connection that greets well is the probe that half-opens it.
#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <new>

#include "stores/away_board.h"
#include "stores/redis_link.h"

namespace ai_proxy::stores {

namespace asio = http::asio;
using http::Clock;
using http::error_code;
using std::chrono::milliseconds;

namespace {

constexpr asio::as_tuple_t<asio::use_awaitable_t<http::Executor>> kAwait{};
constexpr milliseconds kFirstPause{50};
constexpr std::size_t kProtocolBytes = 64 * 1024;  // beside the value: framing, and replies not yet looked at
constexpr const char* kNotRedis = "does not speak Redis' protocol";

std::string address_of(const RedisOptions& options) {
  const bool v6 = options.host.find(':') != std::string::npos;
  return (v6 ? "[" + options.host + "]" : options.host) + ":" + std::to_string(options.port);
}

}  // namespace

RedisLink::RedisLink(asio::io_context& io, RedisOptions options)
    : io_(io),
      options_(std::move(options)),
      address_(address_of(options_)),
      resolver_(io),
      tls_(options_.tls ? std::make_shared<RedisTls>(options_.ca_file) : nullptr),
      breaker_(options_.failures_max),
      retry_(io) {}

RedisLink::~RedisLink() {
  if (breaker_.state() != Breaker::State::closed) AwayBoard::of_process().come_back(address_);
}

void RedisLink::start() {
  if (running_ || stopping_) return;
  http::Task<void> task = run(shared_from_this());
  running_ = true;  // what is begun sets it back when it ends
  asio::co_spawn(io_, std::move(task), asio::detached);
}

void RedisLink::stop() {
  stopping_ = true;
  if (const Connection connection = connection_) drop(connection, "stopped");
  fail_waiting("stopped");
  retry_.cancel();
}

http::Task<void> RedisLink::run(std::shared_ptr<RedisLink> self) {
  // However this ends: Asio destroys a coroutine whose operation finds no memory to begin. Who waits for a
  // reply waits for its deadline.
  struct End {
    ~End() {
      link.running_ = false;
      const Connection connection = std::exchange(link.connection_, nullptr);
      if (!connection) return;
      connection->closed = true;
      connection->stream.close();
      connection->watchdog.cancel();
    }
    RedisLink& link;
  } end{*self};
  try {
    co_await self->keep_connected();
  } catch (const std::bad_alloc&) {
    // The next command begins anew.
  }
}

http::Task<void> RedisLink::keep_connected() {
  while (!stopping_) {
    // The bundle may have been mended, or there was no memory to read it.
    if (tls_ && tls_->fault()) tls_ = std::make_shared<RedisTls>(options_.ca_file);
    const auto connection =
        std::make_shared<RedisConnection>(io_, resolver_, tls_, options_.value_bytes_max + kProtocolBytes);
    connection_ = connection;
    std::string reason = co_await establish(connection);
    const bool established = reason.empty();
    if (established) {
      breaker_.probe_succeeded();
      send_waiting(connection);
      reason = co_await receive(connection);
    }
    drop(connection, reason);
    if (!established) {
      failed(reason);
      fail_waiting(reason);
    }
    if (stopping_) break;
    if (!waiting_.empty() && !breaker_.open()) continue;
    fail_waiting(reason);
    retry_.expires_after(pause());
    co_await retry_.async_wait(kAwait);  // cut short by a command that wants a connection
  }
}

Clock::duration RedisLink::pause() const {
  if (breaker_.open()) return options_.probe_interval;
  const int doublings = std::min(breaker_.failures(), 10);
  return std::min<Clock::duration>(kFirstPause * (1 << doublings), options_.probe_interval);
}

// At most `time` from now until the next call, or until the connection is ready.
void RedisLink::limit_connecting(const Connection& connection, milliseconds time) {
  connection->watchdog.expires_after(time);
  connection->watchdog.async_wait([connection](error_code moved) {
    if (moved || connection->ready || connection->watchdog.expiry() > Clock::now()) return;
    connection->timed_out = true;
    connection->stream.close();
  });
}

http::Task<std::string> RedisLink::establish(Connection connection) {
  limit_connecting(connection, options_.connect_time);
  const error_code fault = co_await connection->stream.connect(options_.host, options_.port);
  if (connection->timed_out) co_return "timeout";
  if (connection->closed) co_return "closed";
  if (fault) co_return fault.message();
  // The greeting must be as quick as a command: a Redis that is alive but slow is no help.
  limit_connecting(connection, options_.operation_time);
  std::string reason = co_await greet(connection);
  if (connection->timed_out) co_return "timeout";
  if (connection->closed) co_return "closed";
  if (!reason.empty()) co_return reason;
  connection->ready = true;
  connection->watchdog.cancel();
  co_return std::string();
}

http::Task<std::string> RedisLink::greet(Connection connection) {
  std::string bytes;
  std::size_t expected = 1;
  bool built = true;
  if (!options_.user.empty()) {
    built = append_command(bytes, {"AUTH", options_.user, options_.password.reveal()});
    ++expected;
  } else if (!options_.password.empty()) {
    built = append_command(bytes, {"AUTH", options_.password.reveal()});
    ++expected;
  }
  if (options_.database != 0) {
    const std::string number = std::to_string(options_.database);
    built = append_command(bytes, {"SELECT", number}) && built;
    ++expected;
  }
  built = append_command(bytes, {"PING"}) && built;
  if (!built) co_return "out of memory";
  const Secret sent(std::move(bytes));  // wiped when it goes
  const error_code unsent = co_await connection->stream.write(sent.reveal());
  if (unsent) co_return unsent.message();

  RedisReply reply;
  while (expected > 0) {
    const auto read =
        co_await connection->stream.read_some(connection->incoming.data(), connection->incoming.size());
    if (read.fault) co_return read.fault == asio::error::eof ? "closed" : read.fault.message();
    connection->reader.feed({connection->incoming.data(), read.bytes});
    for (; expected > 0; --expected) {
      const auto next = connection->reader.next(reply);
      if (next == RedisReader::Next::incomplete) break;
      if (next == RedisReader::Next::garbage) co_return kNotRedis;
      if (reply.kind == RedisReply::Kind::error) co_return error_word(reply.text);
      if (reply.kind != RedisReply::Kind::status) co_return kNotRedis;
    }
  }
  co_return std::string();
}

http::Task<std::string> RedisLink::receive(Connection connection) {
  RedisReply reply;
  while (!connection->closed) {
    const auto read =
        co_await connection->stream.read_some(connection->incoming.data(), connection->incoming.size());
    if (connection->closed) break;
    if (read.fault) co_return read.fault == asio::error::eof ? "closed" : read.fault.message();
    connection->reader.feed({connection->incoming.data(), read.bytes});
    while (!connection->closed) {
      const auto next = connection->reader.next(reply);
      if (next == RedisReader::Next::incomplete) break;
      if (next == RedisReader::Next::garbage || connection->in_flight.empty()) {
        failed(kNotRedis);
        co_return kNotRedis;
      }
      const RedisCommand command = std::move(connection->in_flight.front());
      connection->in_flight.pop_front();
      finish(command, reply);
    }
  }
  co_return "closed";
}

}  // namespace ai_proxy::stores
