// The bytes to and from one Redis: TCP, or TLS with the certificate and its host name verified.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "http/asio.h"
#include "http/client_resolver.h"

namespace ai_proxy::stores {

// What all connections of one Redis have in common; expensive to make (reads the bundle of certificates).
class RedisTls {
 public:
  // `ca_file` empty: the system's bundle.
  explicit RedisTls(const std::string& ca_file);
  ~RedisTls();
  // Set when the bundle could not be read: every connect() fails with it.
  http::error_code fault() const { return fault_; }

 private:
  friend class RedisStream;
  struct Context;
  std::unique_ptr<Context> context_;
  http::error_code fault_;
};

// One thread. At most one read and one write at a time. No deadline of its own: close() ends what is under
// way.
class RedisStream {
 public:
  // `tls` null: plain. `resolver` outlives this.
  RedisStream(http::asio::io_context& io, http::HostResolver& resolver, std::shared_ptr<RedisTls> tls);
  ~RedisStream();

  http::Task<http::error_code> connect(const std::string& host, std::uint16_t port);
  struct Read {
    http::error_code fault;
    std::size_t bytes = 0;
  };
  http::Task<Read> read_some(char* data, std::size_t size);
  http::Task<http::error_code> write(std::string_view bytes);
  void close();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ai_proxy::stores
