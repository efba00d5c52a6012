// A Redis connection per thread: pipelined, every command with a deadline, behind a breaker. hiredis formats
// commands and parses replies; the bytes travel over our own Asio streams (redis:// and rediss://).
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/secret.h"
#include "http/asio.h"

namespace ai_proxy::stores {

struct RedisOptions {
  bool tls = false;
  std::string host;
  std::uint16_t port = 6379;
  std::string user;  // empty: password only
  Secret password;
  int database = 0;
  std::string ca_file;  // empty: the system's bundle
  std::chrono::milliseconds connect_time{500};
  std::chrono::milliseconds operation_time{50};
  // Breaker: opens after this many failures in a row, then probes once per interval.
  int failures_max = 5;
  std::chrono::milliseconds probe_interval{2000};
  std::size_t pending_max = 1024;  // commands in flight; beyond it: failure at once
  std::size_t value_bytes_max = 8 * 1024 * 1024;
};

// Connects at once and again by itself. One thread; `io` outlives it, commands under way may outlive it.
class Redis {
 public:
  Redis(http::asio::io_context& io, RedisOptions options);
  ~Redis();
  Redis(const Redis&) = delete;
  Redis& operator=(const Redis&) = delete;

  // nullopt in the Result = no such key. An error (deadline, connection, refusal, breaker open) is never the
  // caller's fault: go on without. Takes at most operation_time, and no time at all while the breaker is
  // open. A value larger than value_bytes_max counts as absent.
  http::Task<Result<std::optional<std::string>>> get(std::string_view key);
  // Stored for `ttl`. Does not wait for the answer. Dropped when it is empty or too large, when Redis is
  // away, or when too much is under way.
  void set(std::string_view key, std::string_view value, std::chrono::seconds ttl);

  // Commands are refused unasked. After a probe went well one is let through at a time, until one succeeds.
  bool breaker_open() const;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace ai_proxy::stores
