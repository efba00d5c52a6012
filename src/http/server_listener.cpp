#include "http/server_listener.h"

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <new>
#include <utility>

#include "http/server_session.h"

namespace ai_proxy::http {
namespace {

using ReusePort = asio::detail::socket_option::boolean<SOL_SOCKET, SO_REUSEPORT>;
template <int Name>
using TcpOption = asio::detail::socket_option::integer<IPPROTO_TCP, Name>;

constexpr milliseconds kNoPause(0);
constexpr milliseconds kNothingLeftPause(50);
constexpr milliseconds kTooManyPause(10);
constexpr std::size_t kReservedDescriptors = 4;

bool is_out_of_descriptors(const error_code& ec) {
  return ec == asio::error::no_descriptors || ec == error_code(ENFILE, boost::system::system_category());
}

void reset(Socket socket) {
  error_code ignored;
  socket.set_option(asio::socket_base::linger(true, 0), ignored);
  socket.close(ignored);
}

}  // namespace

Listener::Listener(std::shared_ptr<ServerCore> core)
    : core_(std::move(core)),
      acceptor_(core_->io.get_executor()),
      reserve_(kReservedDescriptors),
      pause_end_(core_->deadlines, [this] {
        reserve_.refill();
        start();
      }) {}

tcp::endpoint Listener::listen(const tcp::endpoint& endpoint, bool reuse_port, error_code& ec) {
  acceptor_.open(endpoint.protocol(), ec);
  if (!ec) acceptor_.set_option(Acceptor::reuse_address(true), ec);
  if (!ec && reuse_port) acceptor_.set_option(ReusePort(true), ec);
  if (ec) return {};
  set_inherited_options();
  acceptor_.bind(endpoint, ec);
  if (!ec) acceptor_.listen(asio::socket_base::max_listen_connections, ec);
  if (!ec) acceptor_.non_blocking(true, ec);
  return ec ? tcp::endpoint() : acceptor_.local_endpoint(ec);
}

tcp::endpoint Listener::listen_on(int descriptor, error_code& ec) {
  shared_ = true;
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  const bool named = ::getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &length) == 0;
  const bool v6 = named && address.ss_family == AF_INET6;
  if (!v6 && (!named || address.ss_family != AF_INET)) {
    ec = asio::error::address_family_not_supported;
    return {};
  }
  acceptor_.assign(v6 ? tcp::v6() : tcp::v4(), descriptor, ec);
  if (ec) return {};
  set_inherited_options();
  acceptor_.listen(asio::socket_base::max_listen_connections, ec);
  if (!ec) acceptor_.non_blocking(true, ec);
  return ec ? tcp::endpoint() : acceptor_.local_endpoint(ec);
}

// What accepted sockets inherit on Linux, so that no call is needed for each: no delay; little unsent; and a
// client that vanished is noticed, by probes within two minutes, while it owes us an acknowledgement within
// the time that it may stall.
void Listener::set_inherited_options() {
  error_code ignored;
  acceptor_.set_option(tcp::no_delay(true), ignored);
  Socket::tell_rest(acceptor_);
  acceptor_.set_option(asio::socket_base::keep_alive(true), ignored);
  acceptor_.set_option(TcpOption<TCP_KEEPIDLE>(60), ignored);
  acceptor_.set_option(TcpOption<TCP_KEEPINTVL>(15), ignored);
  acceptor_.set_option(TcpOption<TCP_KEEPCNT>(4), ignored);
  acceptor_.set_option(TcpOption<TCP_NOTSENT_LOWAT>(kUnsentBytesMax), ignored);
  const auto stall = static_cast<int>(core_->limits->write_stall_time.count());
  acceptor_.set_option(TcpOption<TCP_USER_TIMEOUT>(stall), ignored);
}

void Listener::start() {
  asio::co_spawn(core_->io.get_executor(), accept_until_pause(shared_from_this()), asio::detached);
}

bool Listener::accepting() const {
  return acceptor_.is_open() && core_->counters != nullptr;
}

Task<void> Listener::accept_until_pause(std::shared_ptr<Listener> self) {
  // However this ends: Asio destroys a coroutine whose operation finds no memory to begin.
  struct Restart {
    ~Restart() {
      if (pause != kNoPause && listener.accepting()) listener.pause_end_.arm(pause);
    }
    Listener& listener;
    milliseconds pause = kNothingLeftPause;
  } restart{*self};
  try {
    do {
      restart.pause = kNothingLeftPause;
      restart.pause = co_await self->accept_one();
    } while (restart.pause == kNoPause && self->accepting());
  } catch (const std::bad_alloc&) {
    // One connection was lost. The next may fare better.
  }
}

// How long to pause before the next.
Task<milliseconds> Listener::accept_one() {
  if (core_->counters->connections >= core_->limits->connections_max + kConnectionsBeyondMax) {
    co_return kTooManyPause;  // the kernel's queue holds the others
  }
  error_code ec;
  tcp::endpoint client;
  Socket socket =
      co_await acceptor_.async_accept(client, asio::redirect_error(asio::use_awaitable_t<Executor>(), ec));
  if (core_->counters == nullptr || ec == asio::error::operation_aborted ||
      ec == asio::error::connection_aborted) {
    co_return kNoPause;
  }
  if (is_out_of_descriptors(ec)) co_return accept_with_reserve();
  if (ec) co_return kNothingLeftPause;  // trying again at once would only burn the processor
  take(std::move(socket), client, core_->counters->connections >= core_->limits->connections_max);
  co_return kNoPause;
}

// There is no descriptor left but ours. Whoever gets it is told so, and health checks are answered.
milliseconds Listener::accept_with_reserve() {
  if (!reserve_.give()) return kNothingLeftPause;
  error_code ec;
  tcp::endpoint client;
  Socket socket(core_->io.get_executor());
  acceptor_.accept(socket, client, ec);
  if (ec) return kNothingLeftPause;
  take(std::move(socket), client, true);
  return kTooManyPause;
}

void Listener::take(Socket socket, const tcp::endpoint& client, bool beyond_max) {
  const std::size_t max = core_->limits->connections_per_client_max;
  std::optional<ClientCounts::Place> place =
      max > 0 ? core_->counters->clients.enter(client.address(), max) : std::nullopt;
  if (max > 0 && !place) {
    ++core_->counters->connections_refused;
    return reset(std::move(socket));
  }
  auto session = std::make_shared<Session>(core_, std::move(socket), client, std::move(place), beyond_max);
  asio::co_spawn(core_->io.get_executor(), Session::run(std::move(session)), asio::detached);
}

// Closing a listening socket resets whoever waits in its queue.
void Listener::stop() {
  error_code ec;
  while (acceptor_.is_open() && !shared_ && core_->counters != nullptr && !ec) {
    if (core_->counters->connections >= core_->limits->connections_max + kConnectionsBeyondMax) break;
    tcp::endpoint client;
    Socket socket(core_->io.get_executor());
    acceptor_.accept(socket, client, ec);
    if (!ec) take(std::move(socket), client, core_->counters->connections >= core_->limits->connections_max);
  }
  close();
}

void Listener::close() {
  error_code ec;
  acceptor_.close(ec);
  pause_end_.disarm();
}

}  // namespace ai_proxy::http
