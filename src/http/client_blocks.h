// Read buffers of one thread, used over and over. One holds most answers whole; a longer one is read straight
// into its string.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <utility>
#include <vector>

namespace ai_proxy::http {

class BlockPool {
 public:
  static constexpr std::size_t kBytes = 2048;
  static constexpr std::size_t kKeptMax = 128;

  class Block {
   public:
    Block() = default;
    Block(Block&& other) noexcept : pool_(other.pool_), bytes_(std::move(other.bytes_)) {}
    Block& operator=(Block&& other) noexcept {
      std::swap(pool_, other.pool_);
      std::swap(bytes_, other.bytes_);
      return *this;
    }
    ~Block() {
      if (bytes_ && pool_->kept_.size() < kKeptMax) pool_->kept_.push_back(std::move(bytes_));
    }
    std::span<char> bytes() { return {bytes_.get(), bytes_ ? kBytes : 0}; }
    explicit operator bool() const { return bytes_ != nullptr; }

   private:
    friend class BlockPool;
    Block(BlockPool& pool, std::unique_ptr<char[]> bytes) : pool_(&pool), bytes_(std::move(bytes)) {}
    BlockPool* pool_ = nullptr;
    std::unique_ptr<char[]> bytes_;
  };

  BlockPool() { kept_.reserve(kKeptMax); }  // giving back needs no memory

  Block take() {
    if (kept_.empty()) return Block(*this, std::make_unique_for_overwrite<char[]>(kBytes));
    Block block(*this, std::move(kept_.back()));
    kept_.pop_back();
    return block;
  }

 private:
  std::vector<std::unique_ptr<char[]>> kept_;
};

}  // namespace ai_proxy::http
