// Memory for one of Asio's handlers on its way through the loop, there from the beginning: what must be
// posted when allocations fail (asio::bind_allocator).
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <new>
#include <utility>

namespace ai_proxy::http {

class HandlerMemory {
 public:
  void* take(std::size_t bytes) {
    if (used_ || bytes > sizeof bytes_) throw std::bad_alloc();
    used_ = true;
    return bytes_.data();
  }
  void give_back() { used_ = false; }
  bool used() const { return used_; }

 private:
  alignas(std::max_align_t) std::array<std::byte, 192> bytes_;
  bool used_ = false;
};

// Owns the memory: the handler may outlive whoever posted it.
template <class T>
class HandlerAllocator {
 public:
  using value_type = T;

  explicit HandlerAllocator(std::shared_ptr<HandlerMemory> memory) : memory_(std::move(memory)) {}
  template <class U>
  HandlerAllocator(const HandlerAllocator<U>& other) : memory_(other.memory_) {}

  T* allocate(std::size_t count) { return static_cast<T*>(memory_->take(count * sizeof(T))); }
  void deallocate(T*, std::size_t) { memory_->give_back(); }
  bool operator==(const HandlerAllocator& other) const = default;

 private:
  template <class U>
  friend class HandlerAllocator;

  std::shared_ptr<HandlerMemory> memory_;
};

}  // namespace ai_proxy::http
