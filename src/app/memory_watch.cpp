#include "app/memory_watch.h"

#include <fcntl.h>
#include <malloc.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <new>
#include <string>

#include "base/ascii.h"

namespace ai_proxy::app {
namespace {

constexpr std::size_t kReserveBytes = 4 * 1024 * 1024;
constexpr int kLargeBlockBytes = 1024 * 1024;

std::atomic<void*> reserve = nullptr;
std::atomic<http::Pressure>* pressure_to_raise = nullptr;

// Runs when operator new finds nothing.
void on_no_memory() {
  void* block = reserve.exchange(nullptr);
  if (block == nullptr) throw std::bad_alloc();
  pressure_to_raise->store(http::Pressure::shedding, std::memory_order_relaxed);
  std::free(block);
}

// The tightest memory.max on the way from our control group to the root. 0: none.
std::size_t control_group_limit() {
  std::ifstream groups("/proc/self/cgroup");
  std::string line;
  while (std::getline(groups, line) && !line.starts_with("0::")) {
  }
  if (!line.starts_with("0::/")) return 0;
  std::size_t limit = 0;
  for (std::string path = line.substr(3);; path.resize(path.rfind('/'))) {
    std::ifstream file("/sys/fs/cgroup" + path + "/memory.max");
    std::string text;
    if (std::getline(file, text)) {
      if (const auto bytes = parse_integer<std::uint64_t>(text); bytes && (limit == 0 || *bytes < limit))
        limit = static_cast<std::size_t>(*bytes);
    }
    if (path.find('/') == std::string::npos) return limit;
  }
}

std::size_t address_space_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return 0;
  return static_cast<std::size_t>(limit.rlim_cur);
}

constexpr std::size_t percent(std::size_t part, std::size_t of) {
  return of / 100 * part;
}

bool reaches(const MemoryUse& use, const MemoryLimits& limits, std::size_t part) {
  return (limits.resident_max > 0 && use.resident >= percent(part, limits.resident_max)) ||
         (limits.address_space_max > 0 && use.address_space >= percent(part, limits.address_space_max));
}

std::int64_t room_below(std::size_t used, std::size_t max) {
  if (max == 0) return std::numeric_limits<std::int64_t>::max() / 2;
  return static_cast<std::int64_t>(percent(95, max)) - static_cast<std::int64_t>(used);
}

}  // namespace

MemoryLimits memory_limits(std::optional<std::size_t> configured) {
  if (configured) return {.resident_max = *configured};
  return {.resident_max = percent(90, control_group_limit()),
          .address_space_max = percent(90, address_space_limit())};
}

http::Pressure pressure_of(const MemoryUse& use, const MemoryLimits& limits) {
  if (reaches(use, limits, 95)) return http::Pressure::shedding;
  if (reaches(use, limits, 90)) return http::Pressure::refusing;
  if (reaches(use, limits, 85)) return http::Pressure::saving;
  return http::Pressure::none;
}

std::int64_t room_of(const MemoryUse& use, const MemoryLimits& limits) {
  return std::min(room_below(use.resident, limits.resident_max),
                  room_below(use.address_space, limits.address_space_max));
}

MemoryWatch::MemoryWatch() : statistics_(::open("/proc/self/statm", O_RDONLY | O_CLOEXEC)) {}

MemoryWatch::~MemoryWatch() {
  if (statistics_ >= 0) ::close(statistics_);
}

// "size resident shared …", in pages.
std::optional<MemoryUse> MemoryWatch::use() const {
  std::array<char, 128> text{};
  const ssize_t got = ::pread(statistics_, text.data(), text.size(), 0);
  if (got <= 0) return std::nullopt;
  const std::string_view line(text.data(), static_cast<std::size_t>(got));
  const std::size_t first = line.find(' ');
  const std::size_t second = line.find(' ', std::min(first, line.size() - 1) + 1);
  if (second == std::string_view::npos) return std::nullopt;
  const auto size = parse_integer<std::uint64_t>(line.substr(0, first));
  const auto resident = parse_integer<std::uint64_t>(line.substr(first + 1, second - first - 1));
  if (!size || !resident) return std::nullopt;
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  return MemoryUse{.resident = *resident * page, .address_space = *size * page};
}

void return_memory_early() {
  // A fixed threshold: the allocator would raise it with every large body, and then keep those for itself.
  ::mallopt(M_MMAP_THRESHOLD, kLargeBlockBytes);
  // Each thread's arena reserves 64 MiB of address space: where that is short, they share one.
  if (address_space_limit() != 0) ::mallopt(M_ARENA_MAX, 1);
}

void reserve_memory(std::atomic<http::Pressure>& pressure) {
  pressure_to_raise = &pressure;
  restore_reserve();
  std::set_new_handler(on_no_memory);
}

bool restore_reserve() {
  if (reserve.load() != nullptr) return false;
  reserve.store(std::malloc(kReserveBytes));
  return true;
}

}  // namespace ai_proxy::app

#ifndef AI_PROXY_SANITIZED  // theirs knows what was taken by new
namespace {

// From here on a block is worth huge pages, of which it may leave the last one all but empty.
constexpr std::size_t kHugePagesFrom = 4 * 1024 * 1024;
constexpr std::uintptr_t kPageBytes = 4096;  // at least

// Of a body of 10 MB the system then maps some huge pages in place of 2,500 small ones, each with a fault of
// its own. What the block shares a page with is left alone. Without huge pages nothing happens.
void ask_for_huge_pages(void* block, std::size_t bytes) {
  const auto begin = reinterpret_cast<std::uintptr_t>(block);
  const std::uintptr_t first = (begin + kPageBytes - 1) / kPageBytes * kPageBytes;
  const std::uintptr_t last = (begin + bytes) / kPageBytes * kPageBytes;
  ::madvise(reinterpret_cast<void*>(first), last - first, MADV_HUGEPAGE);
}

}  // namespace

// As the standard library's, but for the large ones.
void* operator new(std::size_t bytes) {
  while (true) {
    if (void* const block = std::malloc(std::max<std::size_t>(bytes, 1)); block != nullptr) {
      if (bytes >= kHugePagesFrom) [[unlikely]]
        ask_for_huge_pages(block, bytes);
      return block;
    }
    const std::new_handler handler = std::get_new_handler();
    if (handler == nullptr) throw std::bad_alloc();
    handler();
  }
}
#endif
