#include "http/connection_race.h"

#include <boost/system/errc.hpp>
#include <deque>
#include <new>
#include <utility>

namespace ai_proxy::http {
namespace {

namespace errc = boost::system::errc;

// The resolver's order, which weighs reachability (RFC 6724), but never two of one family before the other is
// tried.
std::vector<asio::ip::address> in_turn(const std::vector<asio::ip::address>& addresses) {
  std::deque<asio::ip::address> first;
  std::deque<asio::ip::address> second;
  for (const asio::ip::address& address : addresses) {
    (address.is_v6() == addresses.front().is_v6() ? first : second).push_back(address);
  }
  std::vector<asio::ip::address> order;
  while (!first.empty() || !second.empty()) {
    for (auto* family : {&first, &second}) {
      if (family->empty()) continue;
      order.push_back(family->front());
      family->pop_front();
    }
  }
  return order;
}

// How much a fault tells. Where there is no IPv6, Linux says the same as when the ports have run out.
int weight_of(const error_code& fault, bool v6) {
  if (v6 && fault == errc::address_not_available) return 0;
  return is_own_want(fault) ? 2 : 1;
}

}  // namespace

bool is_own_want(const error_code& fault) {
  return fault == errc::too_many_files_open || fault == errc::too_many_files_open_in_system ||
         fault == errc::no_buffer_space || fault == errc::not_enough_memory ||
         fault == errc::address_not_available;
}

struct ConnectionRace::Run : std::enable_shared_from_this<Run> {
  Run(asio::io_context& context, Deadlines& deadlines, const std::vector<asio::ip::address>& addresses,
      std::uint16_t target_port, Signal& signal)
      : io(context), order(in_turn(addresses)), port(target_port), finished(&signal) {
    head_start.emplace(deadlines, [this] { start_next(); });
  }

  void start_next() {
    while (finished != nullptr && next < order.size()) {
      if (!start({order[next++], port})) continue;
      if (next < order.size()) head_start->arm(kHeadStart);
      return;
    }
    if (running == 0) finish();
  }

  bool start(const tcp::endpoint& endpoint) {
    const bool v6 = endpoint.address().is_v6();
    error_code unopened;
    try {
      Socket& socket = sockets.emplace_back(io.get_executor());
      socket.open(endpoint.protocol(), unopened);
      if (!unopened) {
        socket.async_connect(endpoint, [run = shared_from_this(), &socket, v6](const error_code& outcome) {
          run->ended(socket, v6, outcome);
        });
      }
    } catch (const std::bad_alloc&) {
      unopened = asio::error::no_memory;
    }
    if (unopened) {
      note(unopened, v6);
      return false;
    }
    ++running;
    return true;
  }

  // Of several faults the one that tells most is kept, of equals the last.
  void note(const error_code& outcome, bool v6) {
    const int weight = weight_of(outcome, v6);
    if (weight < fault_weight) return;
    fault_weight = weight;
    fault = weight == 0 ? error_code(asio::error::network_unreachable) : outcome;
  }

  void ended(Socket& socket, bool v6, const error_code& outcome) {
    --running;
    if (finished == nullptr) return;
    if (!outcome) {
      winner = std::move(socket);
      finish();
      return;
    }
    note(outcome, v6);
    start_next();
  }

  void finish() {
    if (finished != nullptr) std::exchange(finished, nullptr)->raise();
    head_start.reset();
    for (Socket& socket : sockets) {
      error_code ignored;
      socket.close(ignored);
    }
  }

  asio::io_context& io;
  std::vector<asio::ip::address> order;
  std::uint16_t port;
  Signal* finished;  // null: over
  std::optional<Deadline> head_start;
  std::size_t next = 0;
  std::size_t running = 0;
  std::deque<Socket> sockets;
  std::optional<Socket> winner;
  error_code fault = asio::error::host_unreachable;
  int fault_weight = 0;
};

ConnectionRace::ConnectionRace(asio::io_context& io, Deadlines& deadlines,
                               const std::vector<asio::ip::address>& addresses, std::uint16_t port,
                               Signal& finished)
    : run_(std::make_shared<Run>(io, deadlines, addresses, port, finished)) {
  run_->start_next();
}

ConnectionRace::~ConnectionRace() {
  run_->finished = nullptr;
  run_->finish();
}

std::optional<Socket> ConnectionRace::take_winner() {
  return std::exchange(run_->winner, std::nullopt);
}

error_code ConnectionRace::fault() const {
  return run_->fault;
}

}  // namespace ai_proxy::http
