// The listeners of one thread and the list of its connections.
#include "http/server.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "http/server_core.h"
#include "http/server_listener.h"
#include "http/server_session.h"

namespace ai_proxy::http {

namespace {

// To end a request that holds less would help nobody.
constexpr std::size_t kWorthEnding = 64 * 1024;

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

  void begin(const std::shared_ptr<Listener>& listener) {
    listeners.push_back(listener);
    listener->start();
  }

  std::shared_ptr<ServerCore> core;
  std::vector<std::shared_ptr<Listener>> listeners;
};

Server::Server(asio::io_context& io, const ServerLimits& limits, Handler handler, ServerCounters& counters)
    : impl_(std::make_unique<Impl>(io, limits, std::move(handler), counters)) {}

// Sessions whose handler runs live on until it returns; all others end here.
Server::~Server() {
  for (const auto& listener : impl_->listeners) listener->close();
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
  const auto listener = std::make_shared<Listener>(impl_->core);
  endpoint = listener->listen(endpoint, reuse_port, ec);
  if (ec) return failed(ec);
  impl_->begin(listener);
  return endpoint.port();
}

Result<std::uint16_t> Server::listen_on(int descriptor) {
  error_code ec;
  const auto listener = std::make_shared<Listener>(impl_->core);
  const tcp::endpoint endpoint = listener->listen_on(descriptor, ec);
  if (ec) {
    return std::unexpected(
        internal_error("The socket that was handed over cannot be listened on: " + ec.message() + "."));
  }
  impl_->begin(listener);
  return endpoint.port();
}

void Server::drain(milliseconds idle) {
  impl_->core->draining = true;
  impl_->core->drain_idle = idle;
  for (const auto& session : impl_->sessions()) session->end_soon();
}

void Server::stop_accepting() {
  for (const auto& listener : impl_->listeners) listener->stop();
}

void Server::cancel_all() {
  for (const auto& session : impl_->sessions()) session->cancel_request();
}

void Server::close_all() {
  for (const auto& session : impl_->sessions()) session->close_now();
}

void Server::shed(std::size_t bytes) {
  std::vector<std::shared_ptr<Session>> sessions = impl_->sessions();
  std::ranges::sort(sessions, std::greater(), [](const auto& session) { return session->held_bytes(); });
  std::size_t freed = 0;
  for (const auto& session : sessions) {
    const std::size_t held = session->held_bytes();
    if (freed >= bytes || held < kWorthEnding) return;
    freed += held;
    session->end_for_memory();
  }
}

void Server::set_gate(Gate gate) {
  impl_->core->gate = std::move(gate);
}

void Server::set_refuser(Refuser refuser) {
  impl_->core->refuser = std::move(refuser);
}

void Server::set_limits(const ServerLimits& limits) {
  impl_->core->use(limits);
  for (const auto& listener : impl_->listeners) listener->set_inherited_options();
}

}  // namespace ai_proxy::http
