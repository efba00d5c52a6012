// How much memory the process has, how much it may have, and what to do when that becomes too much. Used by
// the main thread; the new-handler runs wherever memory gives out. Replaces the global operator new, which
// asks for huge pages where a block is large.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "http/server.h"

namespace ai_proxy::app {

struct MemoryUse {
  std::size_t resident = 0;       // bytes
  std::size_t address_space = 0;  // bytes; what RLIMIT_AS counts
};

// 0: no limit.
struct MemoryLimits {
  std::size_t resident_max = 0;
  std::size_t address_space_max = 0;
};

// `configured`: limits.memory; nullopt: 90 % of what RLIMIT_AS and the control group (v2) grant, 0: none.
MemoryLimits memory_limits(std::optional<std::size_t> configured);

// Saving from 85 % of a limit on, refusing from 90 %, shedding from 95 %.
http::Pressure pressure_of(const MemoryUse& use, const MemoryLimits& limits);
// Bytes left until shedding begins; negative: so many must go. Without a limit, more than there can be.
std::int64_t room_of(const MemoryUse& use, const MemoryLimits& limits);

class MemoryWatch {
 public:
  MemoryWatch();
  ~MemoryWatch();
  MemoryWatch(const MemoryWatch&) = delete;
  MemoryWatch& operator=(const MemoryWatch&) = delete;

  // Nullopt: the system does not say.
  std::optional<MemoryUse> use() const;

 private:
  int statistics_;  // kept open: there may be no descriptor left when it matters
};

// Keeps freed memory from staying with the process: large blocks go back to the system at once. Before the
// threads start.
void return_memory_early();

// A block that is freed when an allocation fails, which then succeeds; `pressure` rises to shedding. One per
// process.
void reserve_memory(std::atomic<http::Pressure>& pressure);
// Takes it back where it can be had. True: an allocation has failed since the last call.
bool restore_reserve();

}  // namespace ai_proxy::app
