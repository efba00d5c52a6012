// Plain and TLS streams behind one face; the only file here that includes Asio's TLS.
#include "stores/redis_stream.h"

#include <openssl/ssl.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/system/system_error.hpp>
#include <new>
#include <optional>
#include <span>
#include <vector>

#include "http/connection_signal.h"
#include "http/socket.h"

namespace ai_proxy::stores {

namespace asio = http::asio;
using http::error_code;
using http::tcp;

namespace {

constexpr asio::as_tuple_t<asio::use_awaitable_t<http::Executor>> kAwait{};

}  // namespace

struct RedisTls::Context {
  asio::ssl::context context{asio::ssl::context::tls_client};
};

RedisTls::RedisTls(const std::string& ca_file) {
  try {
    context_ = std::make_unique<Context>();
  } catch (const boost::system::system_error&) {
    throw std::bad_alloc();  // there is no other reason
  }
  auto& context = context_->context;
  SSL_CTX_set_min_proto_version(context.native_handle(), TLS1_2_VERSION);
  context.set_verify_mode(asio::ssl::verify_peer, fault_);
  if (fault_) return;
  if (ca_file.empty()) {
    context.set_default_verify_paths(fault_);
  } else {
    context.load_verify_file(ca_file, fault_);
  }
}

RedisTls::~RedisTls() = default;

struct RedisStream::Impl {
  Impl(asio::io_context& io, http::HostResolver& names, std::shared_ptr<RedisTls> shared)
      : tls(std::move(shared)), resolver(names), looked_up(io.get_executor()), socket(io) {}

  http::Task<error_code> look_up(const std::string& host, http::Addresses& addresses);
  http::Task<error_code> connect_tcp(const std::string& host, std::uint16_t port);
  http::Task<error_code> connect_tls(const std::string& host);

  std::shared_ptr<RedisTls> tls;
  http::HostResolver& resolver;
  http::Signal looked_up;  // or closed
  http::Socket socket;
  std::optional<asio::ssl::stream<http::Socket&>> secure;
  bool closed = false;
};

RedisStream::RedisStream(asio::io_context& io, http::HostResolver& resolver, std::shared_ptr<RedisTls> tls)
    : impl_(std::make_unique<Impl>(io, resolver, std::move(tls))) {}

RedisStream::~RedisStream() = default;

// Asked anew for each connection; an older answer is good enough where the name server fails.
http::Task<error_code> RedisStream::Impl::look_up(const std::string& host, http::Addresses& addresses) {
  if (const http::Addresses* own = http::loopback_addresses(host)) {
    addresses = *own;
    co_return error_code();
  }
  const http::HostResolver::Question question(resolver, host, looked_up);
  co_await looked_up.wait();
  const http::Addresses* heard = resolver.known(host, http::HostResolver::kUsable);
  if (heard == nullptr) co_return resolver.fault(host);
  addresses = *heard;
  co_return error_code();
}

http::Task<error_code> RedisStream::Impl::connect_tcp(const std::string& host, std::uint16_t port) {
  error_code not_an_address;
  http::Addresses addresses{asio::ip::make_address(host, not_an_address)};
  if (not_an_address) {
    const error_code unknown = co_await look_up(host, addresses);
    if (closed) co_return asio::error::operation_aborted;
    if (unknown) co_return unknown;
  }
  std::vector<tcp::endpoint> endpoints;
  for (const asio::ip::address& address : addresses) endpoints.emplace_back(address, port);
  const auto [fault, endpoint] = co_await asio::async_connect(socket, endpoints, kAwait);
  co_return fault;
}

http::Task<error_code> RedisStream::Impl::connect_tls(const std::string& host) {
  try {
    secure.emplace(socket, tls->context_->context);
  } catch (const boost::system::system_error& failure) {  // OpenSSL had no memory for it
    co_return failure.code();
  }
  error_code not_an_address;
  asio::ip::make_address(host, not_an_address);
  if (not_an_address) SSL_set_tlsext_host_name(secure->native_handle(), host.c_str());
  error_code fault;
  secure->set_verify_callback(asio::ssl::host_name_verification(host), fault);
  if (fault) co_return fault;
  const auto [failed] = co_await secure->async_handshake(asio::ssl::stream_base::client, kAwait);
  co_return failed;
}

http::Task<error_code> RedisStream::connect(const std::string& host, std::uint16_t port) {
  if (impl_->tls && impl_->tls->fault()) co_return impl_->tls->fault();
  const error_code fault = co_await impl_->connect_tcp(host, port);
  if (fault) co_return fault;
  if (impl_->closed) co_return asio::error::operation_aborted;
  error_code ignored;
  impl_->socket.set_option(tcp::no_delay(true), ignored);
  if (!impl_->tls) co_return error_code();
  co_return co_await impl_->connect_tls(host);
}

http::Task<RedisStream::Read> RedisStream::read_some(char* data, std::size_t size) {
  const auto buffer = asio::buffer(data, size);
  Read read;
  if (impl_->secure) {
    const auto [fault, bytes] = co_await impl_->secure->async_read_some(buffer, kAwait);
    read.fault = fault;
    read.bytes = bytes;
  } else {
    const auto [fault, bytes] = co_await impl_->socket.async_read_some(buffer, kAwait);
    read.fault = fault;
    read.bytes = bytes;
  }
  co_return read;
}

http::Task<error_code> RedisStream::write(std::string_view bytes) {
  const auto buffer = asio::buffer(bytes.data(), bytes.size());
  if (impl_->secure) {
    const auto [fault, written] = co_await asio::async_write(*impl_->secure, buffer, kAwait);
    co_return fault;
  }
  const auto [fault, written] = co_await asio::async_write(impl_->socket, buffer, kAwait);
  co_return fault;
}

void RedisStream::close() {
  impl_->closed = true;
  impl_->looked_up.raise();
  error_code ignored;
  impl_->socket.close(ignored);
}

}  // namespace ai_proxy::stores
