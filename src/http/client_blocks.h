// Read buffers of one thread, used over and over. A connection that waits between two events of a stream
// holds a small one, so that thousands of quiet streams cost little; a busy one gets a large one. The small
// one holds most answers whole; a longer one is read straight into its string.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <utility>
#include <vector>

namespace ai_proxy::http {

class BlockPool {
 public:
  enum class Size : unsigned char { small, large };
  static constexpr std::array<std::size_t, 2> kBytes{2048, 16384};
  static constexpr std::size_t kKeptMax = 128;  // per size

  class Block {
   public:
    Block() = default;
    Block(Block&& other) noexcept
        : pool_(std::exchange(other.pool_, nullptr)), size_(other.size_), bytes_(std::move(other.bytes_)) {}
    Block& operator=(Block&& other) noexcept {
      std::swap(pool_, other.pool_);
      std::swap(size_, other.size_);
      std::swap(bytes_, other.bytes_);
      return *this;
    }
    ~Block() {
      if (pool_ == nullptr) return;
      auto& kept = pool_->kept_[static_cast<std::size_t>(size_)];
      if (kept.size() < kKeptMax) kept.push_back(std::move(bytes_));
    }
    std::span<char> bytes() { return {bytes_.get(), bytes_ ? kBytes[static_cast<std::size_t>(size_)] : 0}; }
    explicit operator bool() const { return bytes_ != nullptr; }
    Size size() const { return size_; }

   private:
    friend class BlockPool;
    Block(BlockPool& pool, Size size, std::unique_ptr<char[]> bytes)
        : pool_(&pool), size_(size), bytes_(std::move(bytes)) {}
    BlockPool* pool_ = nullptr;
    Size size_ = Size::small;
    std::unique_ptr<char[]> bytes_;
  };

  Block take(Size size) {
    auto& kept = kept_[static_cast<std::size_t>(size)];
    if (kept.empty()) {
      const std::size_t bytes = kBytes[static_cast<std::size_t>(size)];
      return Block(*this, size, std::make_unique_for_overwrite<char[]>(bytes));
    }
    std::unique_ptr<char[]> bytes = std::move(kept.back());
    kept.pop_back();
    return Block(*this, size, std::move(bytes));
  }

 private:
  std::array<std::vector<std::unique_ptr<char[]>>, 2> kept_;
};

}  // namespace ai_proxy::http
