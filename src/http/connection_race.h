// Opens a TCP connection to whichever address of a host answers first: one after the other, each with a head
// start over the next (RFC 8305, "Happy Eyeballs"), IPv6 and IPv4 in turn.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "http/asio.h"
#include "http/connection_signal.h"
#include "http/deadline.h"
#include "http/socket.h"

namespace ai_proxy::http {

// Nothing that the other end has done: this server is out of descriptors, ports or memory.
bool is_own_want(const error_code& fault);

class ConnectionRace {
 public:
  static constexpr std::chrono::milliseconds kHeadStart{250};

  // Raises `finished` once a socket is connected or every address has failed. Destroying it gives up.
  ConnectionRace(asio::io_context& io, Deadlines& deadlines, const std::vector<asio::ip::address>& addresses,
                 std::uint16_t port, Signal& finished);
  ~ConnectionRace();
  ConnectionRace(const ConnectionRace&) = delete;
  ConnectionRace& operator=(const ConnectionRace&) = delete;

  std::optional<Socket> take_winner();
  // Why the last one failed; but when one failed for our own want, that, for it might have answered.
  error_code fault() const;

 private:
  struct Run;
  std::shared_ptr<Run> run_;  // the handlers of connects under way hold it too
};

}  // namespace ai_proxy::http
