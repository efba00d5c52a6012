// The listener of one thread and the list of its connections.
#include "http/server.h"

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <utility>

#include "http/server_core.h"
#include "http/server_session.h"
#include "http/server_wake.h"

namespace ai_proxy::http {
namespace {

using Acceptor = asio::basic_socket_acceptor<tcp, Executor>;
using ReusePort = asio::detail::socket_option::boolean<SOL_SOCKET, SO_REUSEPORT>;
template <int Name>
using TcpOption = asio::detail::socket_option::integer<IPPROTO_TCP, Name>;

constexpr milliseconds kNoDescriptorPause(50);
constexpr milliseconds kTooManyPause(10);

// Shared with the accepting coroutine.
struct Listener {
  explicit Listener(std::shared_ptr<ServerCore> server_core)
      : core(std::move(server_core)),
        acceptor(core->io.get_executor()),
        pause_end(core->deadlines, [this] { pause.wake(); }) {}

  void close() {
    error_code ec;
    acceptor.close(ec);
  }

  std::shared_ptr<ServerCore> core;
  Acceptor acceptor;
  Wake pause;
  Deadline pause_end;
};

Task<void> accept_connections(std::shared_ptr<Listener> listener) {
  ServerCore& core = *listener->core;
  while (listener->acceptor.is_open() && core.counters != nullptr) {
    milliseconds pause(0);
    if (core.counters->connections >= core.limits->connections_max) {
      pause = kTooManyPause;  // the kernel's queue holds the others
    } else {
      error_code ec;
      tcp::endpoint client;
      Socket socket = co_await listener->acceptor.async_accept(
          client, asio::redirect_error(asio::use_awaitable_t<Executor>(), ec));
      if (!ec && core.counters != nullptr) {
        auto session = std::make_shared<Session>(listener->core, std::move(socket), client);
        asio::co_spawn(core.io.get_executor(), Session::run(std::move(session)), asio::detached);
      } else if (ec != asio::error::connection_aborted && ec != asio::error::operation_aborted) {
        pause = kNoDescriptorPause;  // trying again at once would only burn the processor
      }
    }
    if (pause.count() > 0) {
      listener->pause_end.arm(pause);
      co_await listener->pause.wait();
    }
  }
}

// What accepted sockets inherit on Linux, so that no call is needed for each: no delay, and probes that
// notice within two minutes that a client vanished.
void set_inherited_options(Acceptor& acceptor) {
  error_code ignored;
  acceptor.set_option(tcp::no_delay(true), ignored);
  acceptor.set_option(asio::socket_base::keep_alive(true), ignored);
  acceptor.set_option(TcpOption<TCP_KEEPIDLE>(60), ignored);
  acceptor.set_option(TcpOption<TCP_KEEPINTVL>(15), ignored);
  acceptor.set_option(TcpOption<TCP_KEEPCNT>(4), ignored);
}

void bind_and_listen(Acceptor& acceptor, const tcp::endpoint& endpoint, bool reuse_port, error_code& ec) {
  acceptor.open(endpoint.protocol(), ec);
  if (!ec) acceptor.set_option(Acceptor::reuse_address(true), ec);
  if (!ec && reuse_port) acceptor.set_option(ReusePort(true), ec);
  if (ec) return;
  set_inherited_options(acceptor);
  acceptor.bind(endpoint, ec);
  if (!ec) acceptor.listen(asio::socket_base::max_listen_connections, ec);
}

}  // namespace

struct Server::Impl {
  Impl(asio::io_context& io, const ServerLimits& limits, Handler handler, ServerCounters& counters)
      : core(std::make_shared<ServerCore>(io, limits, std::move(handler), counters)) {}

  // A snapshot: what is done to a session may end it, or others.
  std::vector<std::shared_ptr<Session>> sessions() const {
    std::vector<std::shared_ptr<Session>> all;
    all.reserve(core->sessions.size());
    for (Session* session : core->sessions) {
      if (auto alive = session->weak_from_this().lock()) all.push_back(std::move(alive));
    }
    return all;
  }

  std::shared_ptr<ServerCore> core;
  std::vector<std::shared_ptr<Listener>> listeners;
};

Server::Server(asio::io_context& io, const ServerLimits& limits, Handler handler, ServerCounters& counters)
    : impl_(std::make_unique<Impl>(io, limits, std::move(handler), counters)) {}

// Sessions whose handler runs live on until it returns; all others end here.
Server::~Server() {
  for (const auto& listener : impl_->listeners) {
    listener->close();
    listener->pause.drop();
  }
  ServerCore& core = *impl_->core;
  core.draining = true;
  ServerCounters& counters = *std::exchange(core.counters, nullptr);
  for (const auto& session : impl_->sessions()) {
    if (session->handling()) --counters.requests_running;
    --counters.connections;
    session->abandon();
  }
}

Result<std::uint16_t> Server::listen(const std::string& host, std::uint16_t port, bool reuse_port) {
  const auto failed = [&](const error_code& ec) {
    return std::unexpected(internal_error("Cannot listen on " + host + " port " + std::to_string(port) +
                                          ": " + ec.message() + "."));
  };
  error_code ec;
  tcp::endpoint endpoint(asio::ip::make_address(host == "localhost" ? "127.0.0.1" : host, ec), port);
  if (ec)
    return std::unexpected(
        internal_error("Cannot listen on " + host + ": give an IP address, such as 127.0.0.1 or 0.0.0.0."));
  auto listener = std::make_shared<Listener>(impl_->core);
  bind_and_listen(listener->acceptor, endpoint, reuse_port, ec);
  if (ec) return failed(ec);
  endpoint = listener->acceptor.local_endpoint(ec);
  if (ec) return failed(ec);
  impl_->listeners.push_back(listener);
  asio::co_spawn(impl_->core->io.get_executor(), accept_connections(std::move(listener)), asio::detached);
  return endpoint.port();
}

void Server::drain() {
  impl_->core->draining = true;
  for (const auto& listener : impl_->listeners) listener->close();
  for (const auto& session : impl_->sessions()) {
    if (session->idle()) session->close_now();
  }
}

void Server::cancel_all() {
  for (const auto& session : impl_->sessions()) session->cancel_request();
}

void Server::close_all() {
  for (const auto& session : impl_->sessions()) session->close_now();
}

void Server::set_refuser(Refuser refuser) {
  impl_->core->refuser = std::move(refuser);
}

void Server::set_limits(const ServerLimits& limits) {
  impl_->core->limits = std::make_shared<const ServerLimits>(limits);
}

}  // namespace ai_proxy::http
