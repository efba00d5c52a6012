// What the connections of one server (one thread) share. Each holds it, so it outlives the Server when it
// must.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "http/cancellation.h"
#include "http/deadline.h"
#include "http/request_reader.h"
#include "http/server.h"
#include "http/server_answer.h"

namespace ai_proxy::http {

class Session;

// The memory of one request: taken when its first byte comes, given back when the connection falls idle. An
// idle connection holds none, a busy thread allocates none.
struct ServerExchange {
  RequestReader reader;
  Cancellation cancellation;
};

struct ServerCore {
  static constexpr std::size_t kScratchBytes = 64 * 1024;
  static constexpr std::size_t kSpareExchangesMax = 256;
  static constexpr std::size_t kKeptOutBytes = 64 * 1024;

  ServerCore(asio::io_context& context, const ServerLimits& server_limits, Handler request_handler,
             ServerCounters& server_counters)
      : io(context),
        handler(std::move(request_handler)),
        counters(&server_counters),
        deadlines(context),
        scratch(std::make_unique_for_overwrite<char[]>(kScratchBytes)) {
    spare.reserve(kSpareExchangesMax);
    use(server_limits);
  }

  void use(const ServerLimits& server_limits) {
    limits = std::make_shared<const ServerLimits>(server_limits);
    // Those beyond the maximum have the time it takes to hear so.
    ServerLimits brief = server_limits;
    for (milliseconds ServerLimits::* time : {&ServerLimits::head_time, &ServerLimits::body_time,
                                              &ServerLimits::idle_time, &ServerLimits::linger_time})
      brief.*time = std::min<milliseconds>(brief.*time, seconds(1));
    brief.requests_per_connection_max = 1;
    limits_beyond_max = std::make_shared<const ServerLimits>(brief);
  }

  Pressure pressure() const {
    return counters != nullptr ? counters->pressure.load(std::memory_order_relaxed) : Pressure::none;
  }

  std::unique_ptr<ServerExchange> take_exchange() {
    if (spare.empty()) return std::make_unique<ServerExchange>();
    std::unique_ptr<ServerExchange> exchange = std::move(spare.back());
    spare.pop_back();
    return exchange;
  }
  void give_back(std::unique_ptr<ServerExchange> exchange) noexcept {
    if (spare.size() >= kSpareExchangesMax || pressure() != Pressure::none) return;
    exchange->reader.trim();
    spare.push_back(std::move(exchange));
  }

  void begin_out() {
    out.clear();
    if (out.capacity() > kKeptOutBytes) std::string().swap(out);
  }

  asio::io_context& io;
  Handler handler;
  Refuser refuser;  // may be empty, like the gate
  Gate gate;
  ServerCounters* counters;                    // null once the Server is gone: they are its owner's
  std::shared_ptr<const ServerLimits> limits;  // of connections accepted from now on
  std::shared_ptr<const ServerLimits> limits_beyond_max;
  Deadlines deadlines;
  DateLine date;
  std::unique_ptr<char[]> scratch;  // for reading; nothing stays in it while anybody waits
  std::string out;                  // for writing: the same
  std::vector<Session*> sessions;   // all alive, in no order
  std::vector<std::unique_ptr<ServerExchange>> spare;
  bool draining = false;
  milliseconds drain_idle = kDrainIdle;  // what an idle connection has left then
};

}  // namespace ai_proxy::http
