#include "app/listening.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <stdexcept>
#include <string_view>

#include "base/ascii.h"
#include "http/server.h"

namespace ai_proxy::app {
namespace {

constexpr int kFirstPassed = 3;
constexpr int kPassedMax = 64;

bool is_tcp(int descriptor) {
  int protocol = 0;
  socklen_t length = sizeof protocol;
  return ::getsockopt(descriptor, SOL_SOCKET, SO_PROTOCOL, &protocol, &length) == 0 &&
         protocol == IPPROTO_TCP;
}

bool is_loopback(int descriptor) {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  if (::getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &length) != 0) return false;
  if (address.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
    return (ntohl(v4.sin_addr.s_addr) >> 24) == 127;
  }
  const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
  return address.ss_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr);
}

int count_of_passed() {
  const char* const owner = std::getenv("LISTEN_PID");
  const char* const count = std::getenv("LISTEN_FDS");
  if (owner == nullptr || count == nullptr) return 0;
  if (parse_integer<pid_t>(std::string_view(owner)) != ::getpid()) return 0;
  const auto number = parse_integer<int>(std::string_view(count));
  if (!number || *number < 1 || *number > kPassedMax) {
    throw std::runtime_error("LISTEN_FDS is not a number from 1 to " + std::to_string(kPassedMax) + ".");
  }
  return *number;
}

}  // namespace

void claim_port(const std::string& host, std::uint16_t port) {
  http::asio::io_context io(1);
  http::ServerCounters counters;
  http::Server alone(
      io, {}, [](http::Request&, http::ResponseWriter&) -> http::Task<void> { co_return; }, counters);
  if (const auto bound = alone.listen(host, port, false); !bound)
    throw std::runtime_error(bound.error().message);
}

std::vector<int> passed_sockets(unsigned threads, bool anonymous_allowed) {
  const int passed = count_of_passed();
  std::vector<int> sockets;
  if (passed == 0) return sockets;
  for (int socket = kFirstPassed; socket < kFirstPassed + passed; ++socket) {
    if (!is_tcp(socket)) {
      throw std::runtime_error("LISTEN_FDS: descriptor " + std::to_string(socket) + " is no TCP socket.");
    }
    if (!anonymous_allowed && !is_loopback(socket)) {
      throw std::runtime_error(
          "LISTEN_FDS: the socket is open to others, and callers need no key. Say that this is meant: "
          "AI_PROXY_ALLOW_ANONYMOUS=true (server.allow_anonymous).");
    }
    ::fcntl(socket, F_SETFD, FD_CLOEXEC);
  }
  // A descriptor per thread, even where it is the same socket: the thread that is free first takes who comes.
  for (int i = 0; i < static_cast<int>(threads) || i < passed; ++i) {
    const int original = kFirstPassed + i % passed;
    const int own = i < passed ? original : ::fcntl(original, F_DUPFD_CLOEXEC, kFirstPassed);
    if (own < 0) throw std::runtime_error("LISTEN_FDS: no descriptor is left for a thread of ours.");
    sockets.push_back(own);
  }
  return sockets;
}

}  // namespace ai_proxy::app
