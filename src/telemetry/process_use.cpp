#include "telemetry/process_use.h"

#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

namespace ai_proxy::telemetry {
namespace {

// The fields of /proc/self/stat that are wanted, counted from the first behind the name, which is the third.
struct Stat {
  std::uint64_t user_ticks = 0, system_ticks = 0;  // 14, 15
  std::uint64_t start_ticks = 0;                   // 22, since the machine was started
  std::uint64_t virtual_bytes = 0;                 // 23
  std::uint64_t resident_pages = 0;                // 24
};

std::optional<Stat> read_stat() {
  std::ifstream file("/proc/self/stat");
  std::string line;
  if (!std::getline(file, line)) return std::nullopt;
  const std::size_t behind_name = line.rfind(')');
  if (behind_name == std::string::npos) return std::nullopt;
  std::istringstream fields(line.substr(behind_name + 1));
  std::string skipped;
  Stat stat;
  constexpr int kFirst = 3, kUser = 14, kStart = 22;
  for (int i = kFirst; i < kUser; ++i) fields >> skipped;
  fields >> stat.user_ticks >> stat.system_ticks;
  for (int i = kUser + 2; i < kStart; ++i) fields >> skipped;
  fields >> stat.start_ticks >> stat.virtual_bytes >> stat.resident_pages;
  return fields ? std::optional(stat) : std::nullopt;
}

std::optional<std::uint64_t> count_files() {
  std::error_code fault;
  std::filesystem::directory_iterator entry("/proc/self/fd", fault);
  std::uint64_t count = 0;
  for (; !fault && entry != std::filesystem::directory_iterator(); entry.increment(fault)) ++count;
  if (fault || count == 0) return std::nullopt;
  return count - 1;  // the one that we look with
}

// By the clocks as they stand now. Read once: later the wall clock may be another's.
std::uint64_t started_ms(std::uint64_t start_ticks, std::uint64_t ticks_per_second) {
  timespec since_boot{};
  ::clock_gettime(CLOCK_BOOTTIME, &since_boot);
  const auto now = std::chrono::duration_cast<std::chrono::milliseconds>(
      std::chrono::system_clock::now().time_since_epoch());
  const auto up = std::chrono::seconds(since_boot.tv_sec) + std::chrono::nanoseconds(since_boot.tv_nsec);
  const auto age = std::chrono::duration_cast<std::chrono::milliseconds>(up).count() -
                   static_cast<std::int64_t>(start_ticks * 1000 / ticks_per_second);
  return static_cast<std::uint64_t>(now.count() - age);
}

}  // namespace

std::optional<ProcessUse> process_use() {
  const std::optional<Stat> stat = read_stat();
  const std::optional<std::uint64_t> files = count_files();
  if (!stat || !files) return std::nullopt;
  const auto ticks = static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK));
  static const std::uint64_t started = started_ms(stat->start_ticks, ticks);
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  ProcessUse use;
  use.resident_bytes = stat->resident_pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  use.virtual_bytes = stat->virtual_bytes;
  use.cpu_ms = (stat->user_ticks + stat->system_ticks) * 1000 / ticks;
  use.started_ms = started;
  use.open_files = *files;
  use.open_files_max = limit.rlim_cur;
  return use;
}

}  // namespace ai_proxy::telemetry
