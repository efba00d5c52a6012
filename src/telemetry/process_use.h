// What the system says of this process. Linux: /proc, see proc(5).
#pragma once

#include <cstdint>
#include <optional>

namespace ai_proxy::telemetry {

struct ProcessUse {
  std::uint64_t resident_bytes = 0;
  std::uint64_t virtual_bytes = 0;
  std::uint64_t cpu_ms = 0;      // user and system
  std::uint64_t started_ms = 0;  // Unix time
  std::uint64_t open_files = 0;  // descriptors
  std::uint64_t open_files_max = 0;
};

// Nullopt: the system does not say, or there is no descriptor left to ask it with.
std::optional<ProcessUse> process_use();

}  // namespace ai_proxy::telemetry
