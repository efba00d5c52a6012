// Memory first, then Redis; a hit in Redis is kept in memory for what is left of its time.
#include "cache/cache.h"

#include <algorithm>

namespace ai_proxy::cache {
namespace {

constexpr std::string_view kRedisPrefix = "ai-proxy:v1:";
constexpr std::chrono::seconds kTtlMax = std::chrono::hours(24 * 366);

std::string redis_key(const Key& key) {
  return std::string(kRedisPrefix) + key.hex();
}

std::chrono::sys_time<std::chrono::milliseconds> wall_now() {
  return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
}

// What is left by the wall clock; where clocks disagree, never more than the whole time the entry was given.
std::chrono::milliseconds time_left(const Entry& entry) {
  const auto left = entry.expires - wall_now();
  return std::min<std::chrono::milliseconds>(left, std::min(entry.ttl, kTtlMax));
}

}  // namespace

Cache::Cache(std::shared_ptr<MemoryCache> memory, std::shared_ptr<stores::Redis> redis)
    : memory_(std::move(memory)), redis_(std::move(redis)) {}

std::shared_ptr<const Entry> Cache::get_from_memory(const Key& key) const {
  return memory_ ? memory_->get(key, http::Clock::now()) : nullptr;
}

http::Task<std::shared_ptr<const Entry>> Cache::get(const Key& key) {
  if (std::shared_ptr<const Entry> kept = get_from_memory(key)) co_return kept;
  if (!redis_) co_return nullptr;

  // Values, not references: the caller may be gone when Redis answers.
  const std::shared_ptr<MemoryCache> memory = memory_;
  const std::shared_ptr<stores::Redis> redis = redis_;
  const Key wanted = key;
  const std::string name = redis_key(wanted);
  auto stored = co_await redis->get(name);
  if (!stored || !*stored) co_return nullptr;
  std::optional<Entry> decoded = Entry::decode(**stored, wanted);
  if (!decoded) co_return nullptr;
  const auto entry = std::make_shared<const Entry>(std::move(*decoded));
  const std::chrono::milliseconds left = time_left(*entry);
  if (memory && left.count() > 0) memory->put(wanted, entry, http::Clock::now() + left);
  co_return entry;
}

void Cache::put(const Key& key, Entry entry, std::chrono::seconds ttl) {
  if (ttl.count() <= 0 || !enabled()) return;
  entry.ttl = std::min(ttl, kTtlMax);
  entry.expires = wall_now() + entry.ttl;
  if (redis_) redis_->set(redis_key(key), entry.encode(key), entry.ttl);
  if (!memory_) return;
  entry.body.shrink_to_fit();
  entry.events.shrink_to_fit();
  const auto expires = http::Clock::now() + entry.ttl;
  memory_->put(key, std::make_shared<const Entry>(std::move(entry)), expires);
}

}  // namespace ai_proxy::cache
