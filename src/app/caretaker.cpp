#include "app/caretaker.h"

#include <malloc.h>

#include <algorithm>
#include <string>
#include <utility>

#include "telemetry/log.h"

namespace ai_proxy::app {
namespace {

using http::Pressure;
using telemetry::Level;
using telemetry::log;

constexpr std::chrono::milliseconds kTurn(250);
constexpr std::uint64_t kTurnsPerSecond = 4;
// A configuration, a key file or price list, the log: one after the other, some at once.
constexpr std::size_t kReservedDescriptors = 8;
// When an allocation failed although the measures look well.
constexpr std::int64_t kShedBytesMin = 16 * 1024 * 1024;

std::string_view word(Pressure pressure) {
  switch (pressure) {
    case Pressure::saving:
      return "connections close after their answer, nothing is cached";
    case Pressure::refusing:
      return "new requests are refused";
    case Pressure::shedding:
      return "the largest requests are ended";
    case Pressure::none:
      break;
  }
  return "enough again";
}

}  // namespace

Caretaker::Caretaker(http::asio::io_context& control, gateway::Process& process, Loops loops)
    : process_(process), loops_(std::move(loops)), timer_(control), descriptors_(kReservedDescriptors) {}

void Caretaker::start(const config::Settings& settings) {
  use(settings);
  reserve_memory(process_.counters.pressure);
  wait();
}

void Caretaker::use(const config::Settings& settings) {
  limits_ = memory_limits(settings.memory_bytes_max);
}

void Caretaker::wait() {
  timer_.expires_after(kTurn);
  timer_.async_wait([this](const http::error_code& fault) {
    if (fault) return;
    wait();  // first: what follows may fail for want of memory
    ++turn_;
    descriptors_.refill();
    loops_.measure_delay();
    look_at_memory();
    if (turn_ % kTurnsPerSecond == 0) log_counted();
  });
}

void Caretaker::look_at_memory() {
  std::optional<MemoryUse> use = memory_.use();
  if (!use) return;
  if (turn_ % kTurnsPerSecond == 0 && pressure_of(*use, limits_) != Pressure::none) {
    // Much of it may be free blocks that the allocator keeps.
    ::malloc_trim(0);
    use = memory_.use();
    if (!use) return;
  }
  Pressure now = pressure_of(*use, limits_);
  std::int64_t room = room_of(*use, limits_);
  if (restore_reserve()) {
    now = Pressure::shedding;
    room = std::min(room, -kShedBytesMin);
  }
  process_.counters.pressure.store(now, std::memory_order_relaxed);
  process_.counters.room.store(room, std::memory_order_relaxed);
  if (now == Pressure::shedding) loops_.shed(static_cast<std::size_t>(std::max<std::int64_t>(-room, 0)));
  if (now > logged_ || turn_ % kTurnsPerSecond == 0) log_memory(*use, now);
}

void Caretaker::log_memory(const MemoryUse& use, Pressure now) {
  if (now == logged_) return;
  logged_ = now;
  log(now == Pressure::none ? Level::info : Level::warn, "memory",
      {{"step", word(now)},
       {"resident_mib", std::to_string(use.resident >> 20)},
       {"address_space_mib", std::to_string(use.address_space >> 20)}});
}

void Caretaker::log_counted() {
  if (const std::uint64_t unlogged = process_.refusals.take_unlogged(); unlogged > 0)
    log(Level::warn, "refused without a line of their own, for they are no requests",
        {{"count", std::to_string(unlogged)}});
  const std::uint64_t refused = process_.counters.connections_refused.load(std::memory_order_relaxed);
  if (const std::uint64_t fresh = refused - std::exchange(refused_, refused); fresh > 0)
    log(Level::warn, "connections reset: their client has too many (limits.connections_per_client)",
        {{"count", std::to_string(fresh)}});
}

}  // namespace ai_proxy::app
