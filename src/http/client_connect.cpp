// The first half of an exchange, when no idle connection is there: queue, look up, connect, shake hands.
// Nothing of the request is sent before TLS has verified the provider. With a proxy on the way it is the
// proxy that is looked up and connected to (client_tunnel.cpp asks it to go on).
#include <algorithm>
#include <stdexcept>
#include <utility>

#include "base/ascii.h"
#include "http/address_filter.h"
#include "http/client_exchange.h"
#include "http/connection_race.h"
#include "http/proxy.h"

namespace ai_proxy::http {
namespace {

Error unreachable(std::string_view what) {
  return provider_failed(ErrorCode::provider_unreachable, std::string(what) + ".");
}

// S-21: what a name server says is not the operator's word.
Error leads_inside() {
  Error error = unreachable(
      "The provider's name leads to an address inside a network (loopback, private, link-local or the like). "
      "If that is meant, set internal: true for this provider");
  error.retryable = false;
  return error;
}

// What fails here for want of something of our own.
Error overloaded(std::string what) {
  Error error = provider_failed(ErrorCode::overloaded, std::move(what));
  error.blame = Blame::gateway;
  error.retry_after = seconds(1);
  return error;
}

Error busy(std::string_view what) {
  return overloaded(std::string("All connections to the provider ").append(what).append("."));
}

std::string in_words(milliseconds time) {
  std::string text;
  const bool whole = time.count() % 1000 == 0;
  append_integer(text, whole ? time.count() / 1000 : time.count());
  return text + (whole ? " s" : " ms");
}

}  // namespace

Task<Result<void>> Exchange::open(Slot slot) {
  reused_ = false;
  if (!slot) {
    Result<Slot> granted = co_await queue_for_slot();
    if (!granted) co_return std::unexpected(std::move(granted.error()));
    if (connection_) co_return Result<void>();
    slot = std::move(*granted);
  }
  // One time for all that follows; the phase says where it was spent.
  begin_phase(Stop::lookup, limits_.connect_time);
  Result<Addresses> addresses = co_await find_addresses();
  if (!addresses) co_return std::unexpected(std::move(addresses.error()));
  phase_ = Stop::connect;
  Result<Socket> socket = co_await connect(*addresses);
  if (!socket) co_return std::unexpected(std::move(socket.error()));
  connection_ = std::make_unique<PooledConnection>(std::move(*socket), std::move(slot), credential_);
  if (origin_->origin.tls && origin_->origin.proxy != nullptr) {
    phase_ = Stop::tunnel;
    Result<void> through = co_await open_tunnel();
    if (!through) co_return through;
    phase_ = Stop::handshake;
  }
  if (origin_->origin.tls) {
    Result<void> trusted = co_await shake_hands();
    if (!trusted) co_return trusted;
  }
  end_phase();
  co_return Result<void>();
}

Task<Result<Socket>> Exchange::connect(const Addresses& addresses) {
  const Origin& origin = origin_->origin;
  const std::uint16_t port = origin.proxy != nullptr ? origin.proxy->port : origin.port;
  Signal ended(home_->io.get_executor());
  ConnectionRace race(home_->io, home_->deadlines, addresses, port, ended);
  co_await wait_for(ended);
  if (stop_ != Stop::none) co_return std::unexpected(stop_error());
  std::optional<Socket> socket = race.take_winner();
  if (socket) co_return std::move(*socket);
  const error_code fault = race.fault();
  if (is_own_want(fault)) {
    co_return std::unexpected(overloaded(std::string(peer()) +
                                         " could not be connected to: this server is out of descriptors, "
                                         "ports or memory for it (" +
                                         fault.message() + "). Try again in a moment."));
  }
  co_return std::unexpected(
      unreachable(std::string(peer()) + " could not be connected to: " + fault.message()));
}

// Either a connection that came free is in connection_, or the right to open one is the result.
Task<Result<Slot>> Exchange::queue_for_slot() {
  Slot slot = home_->connections.take_slot(*origin_);
  if (slot) co_return slot;
  if (origin_->queue.size() >= limits_.pool_queue_max) {
    co_return std::unexpected(busy("are busy, and enough requests wait for one"));
  }
  QueuePlace place(*origin_, credential_, home_->io.get_executor());
  begin_phase(Stop::pool_wait, limits_.pool_wait_time);
  co_await wait_for(place.signal);
  end_phase();
  if (stop_ != Stop::none) {
    if (place.connection) home_->connections.give_back(*origin_, std::move(place.connection));
    co_return std::unexpected(stop_error());
  }
  if (!place.connection) co_return std::move(place.slot);
  if (place.connection->quiet()) {
    connection_ = std::move(place.connection);
    reused_ = true;
    co_return Slot();
  }
  co_return std::move(place.connection->slot);
}

std::string_view Exchange::peer() const {
  return origin_->origin.proxy != nullptr ? "The egress proxy" : "The provider";
}

// The addresses to try. A name may lead inside only where the operator has said so: `internal`, localhost, or
// a proxy's name. Of mixed answers those outside are taken.
Task<Result<Addresses>> Exchange::find_addresses() {
  const Origin& origin = origin_->origin;
  const std::string& host = origin.proxy != nullptr ? origin.proxy->host : origin.host;
  error_code no_number;
  const asio::ip::address number = asio::ip::make_address(host, no_number);
  if (!no_number) co_return Addresses{number};

  Result<Addresses> addresses = co_await look_up(host);
  if (!addresses || origin.proxy != nullptr || origin.internal || loopback_addresses(host) != nullptr)
    co_return addresses;
  std::erase_if(*addresses, is_internal);
  if (addresses->empty()) co_return std::unexpected(leads_inside());
  co_return addresses;
}

Task<Result<Addresses>> Exchange::look_up(const std::string& host) {
  HostResolver& resolver = home_->resolver;
  if (const Addresses* fresh = resolver.known(host, HostResolver::kFresh)) co_return *fresh;
  Signal ended(home_->io.get_executor());
  HostResolver::Question question(resolver, host, ended);
  // A name server that is slow must not cost the whole time to connect while an older answer is at hand; nor
  // each of those who ask the time that the first has lost.
  Deadline patience(home_->deadlines, [&ended] { ended.raise(); });
  if (resolver.known(host, HostResolver::kUsable) != nullptr) {
    const auto left = limits_.connect_time / 2 - std::chrono::floor<milliseconds>(question.age());
    patience.arm(std::max(left, milliseconds(0)));
  }
  co_await wait_for(ended);
  if (stop_ != Stop::none) co_return std::unexpected(stop_error());
  if (const Addresses* usable = resolver.known(host, HostResolver::kUsable)) co_return *usable;
  const error_code fault = resolver.fault(host);
  if (is_own_want(fault)) {
    co_return std::unexpected(overloaded(std::string(peer()) +
                                         "'s name could not be looked up: this server is out of threads, "
                                         "descriptors or memory for it. Try again in a moment."));
  }
  co_return std::unexpected(unreachable(std::string(peer()) + " could not be found: " + fault.message()));
}

Task<Result<void>> Exchange::shake_hands() {
  TlsContext* context = nullptr;
  try {
    context = &home_->tls();
  } catch (const std::runtime_error& fault) {
    co_return std::unexpected(unreachable(std::string("TLS cannot be spoken: ") + fault.what() + "."));
  }
  TlsStream& tls = connection_->start_tls(*context, origin_->origin, origin_->session);
  Cancellation::Guard guard(*cancellation_, [this] { stop(Stop::cancelled); });
  while (!stopped()) {
    const Progress progress = tls.handshake();
    if (progress == Progress::done) co_return Result<void>();
    if (progress == Progress::want_read) {
      co_await connection_->readable();
    } else if (progress == Progress::want_write) {
      co_await connection_->writable();
    } else {
      co_return std::unexpected(unreachable("The provider could not be trusted over TLS: " + tls.failure()));
    }
  }
  co_return std::unexpected(stop_error());
}

Task<void> Exchange::wait_for(Signal& signal) {
  if (stopped()) co_return;
  signal_ = &signal;
  Cancellation::Guard guard(*cancellation_, [this] { stop(Stop::cancelled); });
  co_await signal.wait();
  signal_ = nullptr;
}

void Exchange::begin_phase(Stop phase, milliseconds time) {
  phase_ = phase;
  phase_deadline_.arm(time);
}

void Exchange::stop(Stop reason) {
  if (stop_ != Stop::none) return;
  stop_ = reason;
  if (signal_ != nullptr) signal_->raise();
  if (connection_) connection_->close();
}

bool Exchange::stopped() {
  if (stop_ == Stop::none && cancellation_->requested()) stop(Stop::cancelled);
  return stop_ != Stop::none;
}

Error Exchange::stop_error() const {
  const auto timeout = [](std::string_view what, milliseconds time) {
    return provider_failed(ErrorCode::provider_timeout, std::string(what) + in_words(time) + ".");
  };
  switch (stop_) {
    case Stop::pool_wait:
      return busy("stayed busy for " + in_words(limits_.pool_wait_time));
    case Stop::lookup:
      return unreachable(std::string(peer()) + "'s name could not be looked up within " +
                         in_words(limits_.connect_time));
    case Stop::connect:
      return timeout(std::string(peer()) + " could not be connected to within ", limits_.connect_time);
    case Stop::tunnel:
      return timeout("The egress proxy opened no way to the provider within ", limits_.connect_time);
    case Stop::handshake:
      return timeout("The provider could not be connected to within ", limits_.connect_time);
    case Stop::sending:
      return timeout("The provider took no bytes of the request for ", limits_.silence_time);
    case Stop::first_byte:
      return timeout("The provider sent no answer within ", limits_.first_byte_time);
    case Stop::first_event:
      return timeout("The provider sent no event of its answer within ", event_time_);
    case Stop::silence:
      return timeout("The provider fell silent in the middle of its answer for ", limits_.silence_time);
    case Stop::total: {
      Error error = timeout("The provider did not complete its answer within ", limits_.total_time);
      error.out_of_time = true;
      return error;
    }
    case Stop::none:
    case Stop::cancelled:
      break;
  }
  Error error = client_gone();
  if (cancellation_->reason() == Cancellation::Reason::draining)
    error.message = "The gateway is shutting down.";
  return error;
}

}  // namespace ai_proxy::http
