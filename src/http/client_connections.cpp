#include "http/client_connections.h"

#include <algorithm>
#include <utility>

#include "http/proxy.h"

namespace ai_proxy::http {
namespace {

bool same_way(const Origin& a, const Origin& b) {
  if (a.port != b.port || a.tls != b.tls || a.tls_verify != b.tls_verify || a.internal != b.internal ||
      a.host != b.host) {
    return false;
  }
  return a.proxy == b.proxy || (a.proxy != nullptr && b.proxy != nullptr && a.proxy->same_as(*b.proxy));
}

}  // namespace

Slot::Slot(Slot&& other) noexcept : origin_(std::exchange(other.origin_, nullptr)) {}

Slot& Slot::operator=(Slot&& other) noexcept {
  std::swap(origin_, other.origin_);
  return *this;
}

Slot::~Slot() {
  if (origin_ == nullptr) return;
  if (origin_->queue.empty()) {
    --origin_->open;
    return;
  }
  QueuePlace* first = origin_->queue.front();
  origin_->queue.pop_front();
  first->slot = Slot(*origin_);
  first->signal.raise();
}

QueuePlace::QueuePlace(OriginConnections& queued_at, std::string_view whose, const Executor& executor)
    : origin(queued_at), credential(whose), signal(executor) {
  origin.queue.push_back(this);
}

QueuePlace::~QueuePlace() {
  std::erase(origin.queue, this);
}

Connections::Connections(Deadlines& deadlines, const ClientLimits& limits)
    : limits_(limits), sweep_(deadlines, [this] { sweep(); }) {}

OriginConnections* Connections::find(const Origin& origin) const {
  // As many as the configuration names providers: a handful.
  for (const auto& known : origins_) {
    if (same_way(known->origin, origin)) return known.get();
  }
  return nullptr;
}

OriginConnections& Connections::of(const Origin& origin) {
  if (OriginConnections* known = find(origin)) return *known;
  auto made = std::make_unique<OriginConnections>();
  made->origin = origin;
  made->origin.path_prefix.clear();
  made->authority = origin.authority();
  origins_.push_back(std::move(made));
  return *origins_.back();
}

void Connections::keep_only(const std::vector<Origin>& origins) {
  for (const auto& known : origins_) {
    known->wanted =
        std::ranges::any_of(origins, [&](const Origin& origin) { return same_way(known->origin, origin); });
    if (known->wanted) continue;
    for (auto& connection : std::exchange(known->idle, {})) connection->shut_down();
  }
  std::erase_if(origins_,
                [](const auto& known) { return !known->wanted && known->open == 0 && known->queue.empty(); });
}

bool Connections::worn_out(const PooledConnection& connection, Clock::time_point now) const {
  return closed_ || connection.uses >= limits_.pool_uses_max ||
         now - connection.opened >= limits_.pool_age_max;
}

std::unique_ptr<PooledConnection> Connections::take_idle(OriginConnections& origin,
                                                         std::string_view credential) {
  if (origin.idle.empty()) return nullptr;
  const Clock::time_point now = Clock::now();
  for (std::size_t i = origin.idle.size(); i-- > 0;) {
    if (origin.idle[i]->credential != credential) continue;
    std::unique_ptr<PooledConnection> connection = std::move(origin.idle[i]);
    origin.idle.erase(origin.idle.begin() + static_cast<std::ptrdiff_t>(i));
    // Looked at however short it has idled: what nobody asked for must not be the next one's answer.
    if (now - connection->idle_since < limits_.pool_idle_time && !worn_out(*connection, now) &&
        connection->quiet()) {
      return connection;
    }
    connection->shut_down();
  }
  return nullptr;
}

Slot Connections::take_slot(OriginConnections& origin) const {
  if (!origin.queue.empty()) return {};
  if (origin.open >= limits_.pool_per_origin_max) {
    if (origin.idle.empty()) return {};
    origin.idle.front()->shut_down();
    origin.idle.erase(origin.idle.begin());
    if (origin.open >= limits_.pool_per_origin_max) return {};  // a reload has lowered the limit
  }
  ++origin.open;
  return Slot(origin);
}

void Connections::give_back(OriginConnections& origin, std::unique_ptr<PooledConnection> connection) {
  const Clock::time_point now = Clock::now();
  if (worn_out(*connection, now) || (!origin.wanted && origin.queue.empty())) {
    connection->shut_down();
    return;
  }
  if (!origin.queue.empty()) {
    QueuePlace* first = origin.queue.front();
    if (first->credential != connection->credential) {
      connection->shut_down();
      return;  // its slot goes to the first
    }
    origin.queue.pop_front();
    first->connection = std::move(connection);
    first->signal.raise();
    return;
  }
  connection->idle_since = now;
  origin.idle.push_back(std::move(connection));
  if (!sweep_.armed()) sweep_.arm(limits_.pool_idle_time);
}

void Connections::sweep() {
  const Clock::time_point now = Clock::now();
  Clock::time_point next = Clock::time_point::max();
  for (const auto& origin : origins_) {
    std::erase_if(origin->idle, [&](const auto& connection) {
      const Clock::time_point end = std::min(connection->idle_since + limits_.pool_idle_time,
                                             connection->opened + limits_.pool_age_max);
      if (end <= now) {
        connection->shut_down();
        return true;
      }
      next = std::min(next, end);
      return false;
    });
  }
  if (next != Clock::time_point::max()) sweep_.arm(std::chrono::ceil<std::chrono::milliseconds>(next - now));
}

std::size_t Connections::idle_count() const {
  std::size_t count = 0;
  for (const auto& origin : origins_) count += origin->idle.size();
  return count;
}

void Connections::close() {
  closed_ = true;
  sweep_.disarm();
  for (const auto& origin : origins_) {
    for (auto& connection : std::exchange(origin->idle, {})) connection->shut_down();
  }
}

}  // namespace ai_proxy::http
