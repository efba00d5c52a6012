// The cache in memory: a hash map into a list in order of use, under one lock that is held for pointers only;
// entries are shared, and freed outside it.
#include <list>
#include <mutex>
#include <unordered_map>

#include "cache/cache.h"

namespace ai_proxy::cache {
namespace {

// What an entry costs beside itself: list and map nodes, the control block, the allocator's share.
constexpr std::size_t kOverheadBytes = 256;

}  // namespace

struct MemoryCache::Impl {
  struct Item {
    Key key;
    std::shared_ptr<const Entry> entry;
    http::Clock::time_point expires;
  };
  using Items = std::list<Item>;  // most recently used first

  static std::size_t cost(const Item& item) { return item.entry->bytes() + kOverheadBytes; }

  // Takes an item out, into `gone`, whose destruction is left to the caller, after the lock.
  void remove(Items::iterator item, Items& gone) {
    bytes -= cost(*item);
    by_key.erase(item->key);
    gone.splice(gone.begin(), items, item);
  }

  const std::size_t bytes_max;
  mutable std::mutex mutex;
  Items items;
  std::unordered_map<Key, Items::iterator, KeyHash> by_key;
  std::size_t bytes = 0;
  std::uint64_t evictions = 0;

  explicit Impl(std::size_t bound) : bytes_max(bound) {}
};

MemoryCache::MemoryCache(std::size_t bytes_max) : impl_(std::make_unique<Impl>(bytes_max)) {}

MemoryCache::~MemoryCache() = default;

std::shared_ptr<const Entry> MemoryCache::get(const Key& key, http::Clock::time_point now) {
  Impl::Items gone;
  const std::lock_guard lock(impl_->mutex);
  const auto found = impl_->by_key.find(key);
  if (found == impl_->by_key.end()) return nullptr;
  const auto item = found->second;
  if (item->expires <= now) {
    impl_->remove(item, gone);
    return nullptr;
  }
  impl_->items.splice(impl_->items.begin(), impl_->items, item);
  return item->entry;
}

void MemoryCache::put(const Key& key, std::shared_ptr<const Entry> entry, http::Clock::time_point expires) {
  // One giant must not push out everything else.
  const bool fits = entry->bytes() + kOverheadBytes <= impl_->bytes_max / 4;
  Impl::Items added;
  if (fits) added.push_back({key, std::move(entry), expires});
  Impl::Items gone;
  {
    const std::lock_guard lock(impl_->mutex);
    const auto found = impl_->by_key.find(key);
    if (found != impl_->by_key.end()) impl_->remove(found->second, gone);
    if (!fits) return;
    const std::size_t cost = Impl::cost(added.front());
    while (impl_->bytes + cost > impl_->bytes_max) {
      impl_->remove(std::prev(impl_->items.end()), gone);
      ++impl_->evictions;
    }
    impl_->by_key.emplace(key, added.begin());
    impl_->items.splice(impl_->items.begin(), added);
    impl_->bytes += cost;
  }
}

std::size_t MemoryCache::bytes() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->bytes;
}

std::uint64_t MemoryCache::evictions() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->evictions;
}

std::size_t MemoryCache::entries() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->items.size();
}

}  // namespace ai_proxy::cache
