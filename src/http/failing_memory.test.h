// Allocations of this thread that fail when a test says so. Replaces operator new: for one source of a test
// program.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <new>

#include "http/asio.h"

namespace {

// Of this thread's allocations so many succeed, then so many fail.
thread_local long until_failure = 0;
thread_local long failures = 0;

bool fails() {
  if (failures == 0) return false;
  if (until_failure > 0) {
    --until_failure;
    return false;
  }
  --failures;
  return true;
}

}  // namespace

void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept {
  return fails() ? nullptr : std::malloc(std::max<std::size_t>(bytes, 1));
}
void* operator new(std::size_t bytes) {
  void* const memory = operator new(bytes, std::nothrow);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}

namespace ai_proxy::http {

// Runs the loop for a while, as a thread of the gateway does, with so many allocations failing.
template <class Work>
void run_with_failures(asio::io_context& io, long first, long count, std::chrono::milliseconds time,
                       Work work) {
  const auto end = Clock::now() + time;
  until_failure = first;
  failures = count;
  try {
    work();
  } catch (const std::bad_alloc&) {
  }
  while (Clock::now() < end) {
    try {
      io.restart();
      io.run_for(std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now()));
    } catch (const std::bad_alloc&) {
    }
  }
  failures = 0;
}

}  // namespace ai_proxy::http
