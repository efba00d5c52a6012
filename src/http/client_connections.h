// The open connections of one thread, by origin: idle ones wait here for the next request with the same
// credential, last in first out; when an origin has as many as it may, requests queue for the next that comes
// free, in order of arrival. One thread.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "http/connection.h"
#include "http/connection_signal.h"
#include "http/deadline.h"
#include "http/limits.h"
#include "http/tls.h"
#include "http/url.h"

namespace ai_proxy::http {

struct OriginConnections;

// The right to have one connection open. Given up, it goes to the first in the queue.
class Slot {
 public:
  Slot() = default;
  explicit Slot(OriginConnections& origin) : origin_(&origin) {}
  Slot(Slot&& other) noexcept;
  Slot& operator=(Slot&& other) noexcept;
  ~Slot();
  explicit operator bool() const { return origin_ != nullptr; }

 private:
  OriginConnections* origin_ = nullptr;
};

struct PooledConnection : Connection {
  PooledConnection(Socket socket, Slot right, std::string_view whose)
      : Connection(std::move(socket)), slot(std::move(right)), credential(whose) {}
  Slot slot;
  std::string credential;  // OutgoingRequest::credential of every request it has carried
};

// A place in the queue. When `signal` is raised it has been given one or the other, or its owner raised it.
struct QueuePlace {
  QueuePlace(OriginConnections& queued_at, std::string_view whose, const Executor& executor);
  ~QueuePlace();
  QueuePlace(const QueuePlace&) = delete;
  QueuePlace& operator=(const QueuePlace&) = delete;

  OriginConnections& origin;
  std::string_view credential;  // of whoever waits here
  Signal signal;
  std::unique_ptr<PooledConnection> connection;
  Slot slot;
};

// Origins that differ in anything but their path never share a connection, or a TLS session.
struct OriginConnections {
  Origin origin;  // without its path
  std::string authority;
  bool wanted = true;  // false: the configuration does not name it any more, nothing is kept
  TlsSession session;
  std::size_t open = 0;  // slots given out: idle, in use and being opened
  std::deque<QueuePlace*> queue;
  std::vector<std::unique_ptr<PooledConnection>> idle;  // oldest first
};

class Connections {
 public:
  Connections(Deadlines& deadlines, const ClientLimits& limits);

  // Stays where it is while a slot of it is out or somebody queues for one.
  OriginConnections& of(const Origin& origin);
  // Closes what is idle of all other origins; what they have in use is closed after its request.
  void keep_only(const std::vector<Origin>& origins);

  // An idle connection that is fit for use; null when there is none.
  std::unique_ptr<PooledConnection> take_idle(OriginConnections& origin, std::string_view credential);
  // The right to open one, in the place of an idle one of another credential if need be; empty: queue for it.
  Slot take_slot(OriginConnections& origin) const;
  // Keeps the connection for the next request, unless it has served its time.
  void give_back(OriginConnections& origin, std::unique_ptr<PooledConnection> connection);

  std::size_t idle_count() const;
  // Closes what is idle; nothing is kept any more.
  void close();

 private:
  OriginConnections* find(const Origin& origin) const;
  bool worn_out(const PooledConnection& connection, Clock::time_point now) const;
  void sweep();

  const ClientLimits& limits_;
  bool closed_ = false;
  std::vector<std::unique_ptr<OriginConnections>> origins_;
  Deadline sweep_;
};

}  // namespace ai_proxy::http
