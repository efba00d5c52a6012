// Commands: their way onto the connection, their replies, their deadlines, and what failures do to the
// breaker.
#include "stores/redis_link.h"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <new>

#include "stores/away_board.h"
#include "telemetry/log.h"

namespace ai_proxy::stores {

namespace asio = http::asio;
using http::Clock;
using http::error_code;
using std::chrono::milliseconds;

namespace {

constexpr asio::as_tuple_t<asio::use_awaitable_t<http::Executor>> kAwait{};

// A timer that fires this much late tells that our own thread was busy, not that Redis was: look once more.
constexpr milliseconds kOwnDelay{10};
// A SET of many bytes takes its time on the wire: one more millisecond per this much (about 100 Mbit/s).
constexpr std::size_t kBytesPerMillisecond = 12 * 1024;
constexpr std::chrono::hours kTtlMax{24 * 366};
constexpr std::chrono::minutes kRefusalNotedEvery{1};

Error unavailable(const char* why) {
  return internal_error(why);
}

}  // namespace

void RedisWaiter::complete(RedisValue value) {
  if (done) return;
  done = true;
  result = std::move(value);
  timer.cancel();
}

bool RedisLink::accepts(std::size_t bytes) const {
  if (stopping_ || breaker_.open()) return false;
  // What failed a moment ago is being connected anew: whoever waited for that would most likely wait in vain.
  const bool ready = connection_ && connection_->ready;
  if (!ready && breaker_.failures() > 0) return false;
  const std::size_t in_flight = connection_ ? connection_->in_flight.size() : 0;
  if (waiting_.size() + in_flight >= options_.pending_max) return false;
  if (breaker_.state() == Breaker::State::half_open && waiting_.size() + in_flight > 0) return false;
  const std::size_t unsent = waiting_bytes_ + (connection_ ? connection_->outgoing.size() : 0);
  return unsent == 0 || unsent + bytes <= 2 * options_.value_bytes_max;
}

http::Task<RedisValue> RedisLink::get(std::string_view key) {
  start();
  if (breaker_.open()) co_return std::unexpected(unavailable("redis is away"));
  if (!accepts(key.size())) co_return std::unexpected(unavailable("redis is busy"));

  // One byte more than allowed tells a value that is too large without reading all of it.
  const std::string last = std::to_string(options_.value_bytes_max);
  const auto deadline = Clock::now() + options_.operation_time;
  const auto waiter = std::make_shared<RedisWaiter>(io_, deadline);
  if (!submit({waiter, deadline}, {"GETRANGE", key, "0", last})) {
    co_return std::unexpected(unavailable("redis is busy"));
  }
  bool looked_again = false;
  while (!waiter->done) {
    const auto [cancelled] = co_await waiter->timer.async_wait(kAwait);
    if (waiter->done) break;
    // The caller was cancelled. The reply, when it comes, is taken off the connection and thrown away.
    if (cancelled) co_return std::unexpected(client_gone());
    if (!looked_again && Clock::now() - deadline > kOwnDelay) {
      looked_again = true;
      waiter->timer.expires_after(kOwnDelay);
      continue;
    }
    expire(waiter);
  }
  co_return std::move(waiter->result);
}

void RedisLink::set(std::string_view key, std::string_view value, std::chrono::seconds ttl) {
  if (value.empty() || value.size() > options_.value_bytes_max || ttl.count() <= 0) return;
  start();
  if (!accepts(key.size() + value.size())) return;
  const milliseconds time = std::min<std::chrono::seconds>(ttl, kTtlMax);
  const milliseconds transfer(value.size() / kBytesPerMillisecond);
  const std::string expiry = std::to_string(time.count());
  submit({nullptr, Clock::now() + options_.operation_time + transfer}, {"SET", key, value, "PX", expiry});
}

bool RedisLink::submit(RedisCommand command, Words words) {
  if (connection_ && connection_->ready) {
    // First the place for the reply: a command without one would put all replies out of step.
    const Connection connection = connection_;
    connection->in_flight.push_back(std::move(command));
    if (!append_command(connection->outgoing, words)) {
      connection->in_flight.pop_back();
      return false;
    }
    watch(connection);
    flush(connection);
    return true;
  }
  Waiting waiting{std::move(command), {}};
  if (!append_command(waiting.bytes, words)) return false;
  waiting_bytes_ += waiting.bytes.size();
  waiting_.push_back(std::move(waiting));
  if (!connection_) retry_.cancel();
  return true;
}

void RedisLink::send_waiting(const Connection& connection) {
  for (Waiting& waiting : std::exchange(waiting_, {})) {
    if (waiting.command.waiter && waiting.command.waiter->done) continue;
    if (!waiting.command.waiter) {
      const milliseconds transfer(waiting.bytes.size() / kBytesPerMillisecond);
      waiting.command.deadline = Clock::now() + options_.operation_time + transfer;
    }
    connection->outgoing.reserve(connection->outgoing.size() + waiting.bytes.size());
    connection->in_flight.push_back(std::move(waiting.command));
    connection->outgoing += waiting.bytes;
  }
  waiting_bytes_ = 0;
  watch(connection);
  flush(connection);
}

void RedisLink::flush(const Connection& connection) {
  if (connection->write_active || connection->closed || connection->outgoing.empty()) return;
  connection->write_active = true;
  try {
    asio::co_spawn(io_, write_out(shared_from_this(), connection), asio::detached);
  } catch (const std::bad_alloc&) {
    connection->write_active = false;  // the next command takes these bytes along
    throw;
  }
}

// What gathers while one write is under way goes out with the next.
http::Task<void> RedisLink::write_out(std::shared_ptr<RedisLink> self, Connection connection) {
  constexpr std::size_t kBytesKept = 256 * 1024;
  while (!connection->closed && !connection->outgoing.empty()) {
    std::swap(connection->writing, connection->outgoing);
    const error_code fault = co_await connection->stream.write(connection->writing);
    if (connection->writing.capacity() > kBytesKept) connection->writing = {};
    connection->writing.clear();
    if (fault && !connection->closed) self->drop(connection, fault.message());
  }
  connection->write_active = false;
}

void RedisLink::finish(const RedisCommand& command, RedisReply& reply) {
  if (reply.kind == RedisReply::Kind::error) {
    const std::string word = error_word(reply.text);
    if (command.waiter) {
      command.waiter->complete(std::unexpected(unavailable("redis refused")));
    } else {
      note_refusal(word);
    }
    failed(word);
    return;
  }
  succeeded();
  if (!command.waiter) return;
  // GETRANGE answers a missing key with an empty text; we never store one.
  const bool present = reply.kind == RedisReply::Kind::text && !reply.text.empty() &&
                       reply.text.size() <= options_.value_bytes_max;
  if (present) {
    command.waiter->complete(std::optional<std::string>(std::move(reply.text)));
  } else {
    command.waiter->complete(std::optional<std::string>());
  }
}

// Commands nobody waits for need a deadline too, or a frozen Redis would go unnoticed.
void RedisLink::watch(const Connection& connection) {
  if (connection->watchdog_armed || connection->closed || connection->in_flight.empty()) return;
  connection->watchdog.expires_at(connection->in_flight.front().deadline + 2 * kOwnDelay);
  connection->watchdog.async_wait([self = shared_from_this(), connection](error_code) {
    connection->watchdog_armed = false;
    if (connection->closed || connection->in_flight.empty()) return;
    if (connection->in_flight.front().deadline + kOwnDelay <= Clock::now()) {
      self->drop(connection, "timeout");
    } else {
      self->watch(connection);
    }
  });
  connection->watchdog_armed = true;
}

// After a deadline nobody knows which reply belongs to which command: the connection is given up.
void RedisLink::expire(const std::shared_ptr<RedisWaiter>& waiter) {
  if (connection_ && connection_->ready) drop(connection_, "timeout");
  if (waiter->done) return;
  waiter->complete(std::unexpected(unavailable("redis timeout")));  // still waited for a connection
  failed("timeout");
}

// Idempotent. The keeper notices by the read that ends. Needs no memory, as what follows: destructors call
// it.
void RedisLink::drop(Connection connection, std::string_view reason) {
  if (connection->closed) return;
  connection->closed = true;
  connection->stream.close();
  connection->watchdog.cancel();
  if (connection_ == connection) connection_ = nullptr;
  while (!connection->in_flight.empty()) {
    const RedisCommand lost = std::move(connection->in_flight.front());
    connection->in_flight.pop_front();
    if (lost.waiter) lost.waiter->complete(std::unexpected(unavailable("redis failed")));
    failed(reason);
  }
}

void RedisLink::fail_waiting(std::string_view reason) {
  waiting_bytes_ = 0;
  while (!waiting_.empty()) {
    const RedisCommand lost = std::move(waiting_.front().command);
    waiting_.pop_front();
    if (!lost.waiter || lost.waiter->done) continue;
    lost.waiter->complete(std::unexpected(unavailable("redis is away")));
    failed(reason);
  }
}

void RedisLink::failed(std::string_view reason) {
  if (stopping_ || !breaker_.fail()) return;
  if (AwayBoard::of_process().leave(address_)) {
    telemetry::log(telemetry::Level::warn, "redis is away: going on without it",
                   {{"address", address_}, {"reason", reason}});
  }
  // A new connection, tried after the probe interval, decides when to ask again; one being made may go on.
  if (connection_ && connection_->ready) drop(connection_, reason);
}

void RedisLink::succeeded() {
  if (!breaker_.succeed()) return;
  if (AwayBoard::of_process().come_back(address_)) {
    telemetry::log(telemetry::Level::info, "redis is back", {{"address", address_}});
  }
}

// Full (OOM) or a replica (READONLY): reading may work all the same, so the breaker may never see it.
void RedisLink::note_refusal(std::string_view word) {
  const auto now = Clock::now();
  if (refusal_noted_ != Clock::time_point{} && now - refusal_noted_ < kRefusalNotedEvery) return;
  refusal_noted_ = now;
  telemetry::log(telemetry::Level::warn, "redis refuses to store", {{"address", address_}, {"reason", word}});
}

}  // namespace ai_proxy::stores
