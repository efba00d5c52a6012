// A real redis-server for tests: on a free port, in a temporary directory, gone with this object. And how
// tests run a coroutine to its end.
#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <chrono>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "http/asio.h"

namespace ai_proxy::stores {

inline bool installed(const std::string& program) {
  std::string path = ::getenv("PATH") == nullptr ? "" : ::getenv("PATH");
  for (std::size_t begin = 0; begin <= path.size();) {
    const std::size_t end = std::min(path.find(':', begin), path.size());
    if (::access((path.substr(begin, end - begin) + "/" + program).c_str(), X_OK) == 0) return true;
    begin = end + 1;
  }
  return false;
}

inline pid_t spawn(const std::vector<std::string>& command) {
  std::vector<char*> words;
  for (const std::string& word : command) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  const pid_t child = ::fork();
  if (child == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // should the test crash
    const int nowhere = ::open("/dev/null", O_RDWR);
    ::dup2(nowhere, 0);
    ::dup2(nowhere, 1);
    ::dup2(nowhere, 2);
    ::execvp(words[0], words.data());
    ::_exit(127);
  }
  return child;
}

inline bool succeeds(const std::vector<std::string>& command) {
  int status = -1;
  ::waitpid(spawn(command), &status, 0);
  return status == 0;
}

// A port nobody listens on (a moment ago).
inline std::uint16_t free_port() {
  const int probe = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ::bind(probe, reinterpret_cast<sockaddr*>(&address), size);
  ::getsockname(probe, reinterpret_cast<sockaddr*>(&address), &size);
  ::close(probe);
  return ntohs(address.sin_port);
}

inline bool connects(std::uint16_t port) {
  const int probe = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  const bool connected = ::connect(probe, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  ::close(probe);
  return connected;
}

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    char name[] = "/tmp/ai-proxy-redis-XXXXXX";
    path_ = ::mkdtemp(name) == nullptr ? "" : name;
  }
  ~TemporaryDirectory() { std::filesystem::remove_all(path_); }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

class RedisServer {
 public:
  // `arguments` come after ours on the command line; {"--port", "0", "--tls-port"} is completed with the
  // port.
  explicit RedisServer(std::vector<std::string> arguments = {})
      : arguments_(std::move(arguments)), port_(free_port()) {
    start();
  }
  ~RedisServer() { end(); }
  RedisServer(const RedisServer&) = delete;
  RedisServer& operator=(const RedisServer&) = delete;

  void start() {
    std::vector<std::string> command{"redis-server", "--bind",         "127.0.0.1", "--save", "",
                                     "--dir",        directory_.path()};
    if (arguments_.empty() || arguments_.back() != "--tls-port") {
      command.insert(command.end(), {"--port", std::to_string(port_)});
    }
    command.insert(command.end(), arguments_.begin(), arguments_.end());
    if (!arguments_.empty() && arguments_.back() == "--tls-port") command.push_back(std::to_string(port_));
    pid_ = spawn(command);
    const auto patience = http::Clock::now() + std::chrono::seconds(10);
    while (!connects(port_) && http::Clock::now() < patience) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
  }
  void signal(int number) const { ::kill(pid_, number); }
  void end() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }
  std::uint16_t port() const { return port_; }

 private:
  std::vector<std::string> arguments_;
  TemporaryDirectory directory_;
  std::uint16_t port_;
  pid_t pid_ = -1;
};

// Runs `io` until the coroutine has ended, and gives what it returned.
template <class T>
T run(http::asio::io_context& io, http::Task<T> task,
      std::chrono::seconds patience = std::chrono::seconds(20)) {
  std::optional<T> result;
  http::asio::co_spawn(io, std::move(task), [&](std::exception_ptr fault, T value) {
    EXPECT_FALSE(fault);
    result.emplace(std::move(value));
  });
  const auto end = http::Clock::now() + patience;
  io.restart();
  while (!result && http::Clock::now() < end) io.run_one_for(std::chrono::milliseconds(100));
  if (!result) {
    ADD_FAILURE() << "the coroutine did not end in time";
    std::terminate();
  }
  return std::move(*result);
}

inline void run_for(http::asio::io_context& io, std::chrono::milliseconds time) {
  io.restart();
  io.run_for(time);
}

// Runs `io` until `condition` holds; false when it did not in time.
template <class Condition>
bool run_until(http::asio::io_context& io, std::chrono::milliseconds patience, Condition condition) {
  const auto end = http::Clock::now() + patience;
  while (!condition()) {
    if (http::Clock::now() >= end) return false;
    run_for(io, std::chrono::milliseconds(2));
  }
  return true;
}

}  // namespace ai_proxy::stores
