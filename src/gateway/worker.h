// What one thread of the gateway owns: its event loop, its connections to providers and to Redis, and its
// snapshot of the settings. Nothing here is shared but what Process names.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <random>
#include <string>

#include "base/json.h"
#include "cache/cache.h"
#include "cache/flight.h"
#include "config/settings.h"
#include "gateway/counts.h"
#include "gateway/openapi.h"
#include "gateway/refusal_log.h"
#include "gateway/via.h"
#include "http/client.h"
#include "http/deadline.h"
#include "http/server.h"
#include "routing/board.h"
#include "routing/budget.h"

namespace ai_proxy::gateway {

// Shared by all threads.
struct Process {
  const std::string gateway_name = new_gateway_name();
  http::ServerCounters counters;
  RefusalLog refusals;
  Counts counts;
  std::atomic<bool> leaving{false};         // SIGTERM has come: /readyz says no
  std::atomic<bool> draining{false};        // new work is refused
  std::atomic<bool> reload_refused{false};  // the last reload: the configuration before it runs on
  routing::HealthBoard health;
  routing::RetryBudget budget;
  cache::Flights flights;
  std::shared_ptr<cache::MemoryCache> memory;  // null: no memory cache; set before the threads start
};

class Worker {
 public:
  // Before the threads start. Throws std::runtime_error when the CA bundle cannot be read.
  Worker(http::asio::io_context& io, Process& process, std::shared_ptr<const config::Settings> settings);

  // Swaps the snapshot; running exchanges keep the old one. On this worker's thread only.
  void use(std::shared_ptr<const config::Settings> settings);

  // How long a message from outside has just waited for its turn on this thread. Now and then: what others
  // may know of this thread is noted here too.
  void note_delay(http::Clock::duration delay);
  // The thread has more to do than it can: twice in a row the wait was beyond limits.loop_delay. (Once may be
  // a pause of the machine.)
  bool is_late() const { return late_in_a_row_ >= 2; }

  Process& process() { return process_; }
  http::ClientPool& client() { return client_; }
  http::Deadlines& deadlines() { return deadlines_; }
  http::Executor executor() { return io_.get_executor(); }
  double chance() { return std::uniform_real_distribution<double>()(random_); }  // in [0, 1)
  const std::shared_ptr<const config::Settings>& settings() const { return settings_; }
  const std::shared_ptr<cache::Cache>& cache() const { return cache_; }
  OpenApi& openapi() { return openapi_; }
  // To read one text of ordinary size at a time, within one call: its memory is kept for the next.
  json::Document& scratch_document() { return scratch_document_; }
  // Memory for a text that is written and sent at once: taken and given back by swapping.
  std::string& spare_text() { return spare_text_; }
  ThreadCounts& counts() { return counts_; }

 private:
  std::shared_ptr<cache::Cache> open_cache(const config::Settings& settings) const;

  http::asio::io_context& io_;
  Process& process_;
  ThreadCounts& counts_;  // the process's: they outlive this
  std::shared_ptr<const config::Settings> settings_;
  http::Deadlines deadlines_;
  http::ClientPool client_;
  OpenApi openapi_;
  json::Document scratch_document_;
  std::string spare_text_;
  std::minstd_rand random_{std::random_device{}()};
  int late_in_a_row_ = 0;
  std::shared_ptr<cache::Cache> cache_;  // shared with the exchanges that run while a reload replaces it
};

}  // namespace ai_proxy::gateway
