// One listening socket of one thread, and the coroutine that accepts from it.
#pragma once

#include <boost/asio/basic_socket_acceptor.hpp>
#include <memory>

#include "http/asio.h"
#include "http/deadline.h"
#include "http/reserved_descriptors.h"
#include "http/server_core.h"
#include "http/socket.h"

namespace ai_proxy::http {

class Listener : public std::enable_shared_from_this<Listener> {
 public:
  explicit Listener(std::shared_ptr<ServerCore> core);

  // The endpoint that was really bound (for port 0).
  tcp::endpoint listen(const tcp::endpoint& endpoint, bool reuse_port, error_code& ec);
  // On a bound socket that others may hold too. Owns the descriptor from now on.
  tcp::endpoint listen_on(int descriptor, error_code& ec);
  // Accepts until close(), or until the Server is gone.
  void start();
  // What accepted sockets inherit, from the server's limits as they are now.
  void set_inherited_options();
  // Closes the port. Who waits in its queue is let in first, unless others hold the socket and will do that.
  void stop();
  void close();

 private:
  using Acceptor = asio::basic_socket_acceptor<tcp, Executor>;

  bool accepting() const;
  static Task<void> accept_until_pause(std::shared_ptr<Listener> self);
  Task<milliseconds> accept_one();
  milliseconds accept_with_reserve();
  void take(Socket socket, const tcp::endpoint& client, bool beyond_max);

  std::shared_ptr<ServerCore> core_;
  Acceptor acceptor_;
  bool shared_ = false;  // the socket outlives us, and so does its queue
  ReservedDescriptors reserve_;
  Deadline pause_end_;  // then it starts again
};

}  // namespace ai_proxy::http
