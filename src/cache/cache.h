// The cache of answers, whole ones and finished streams: memory, Redis, or memory in front of Redis. Keys are
// hashes, so that no prompt text is ever seen outside; a store that is away, slow or full is a miss, never a
// failure.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/money.h"
#include "chat/reply.h"
#include "http/asio.h"
#include "stores/redis.h"

namespace ai_proxy::cache {

// SHA-256 over everything that can change the answer, each part with its length in front.
// Any thread.
struct Key {
  std::array<std::uint8_t, 32> digest{};
  std::string hex() const;
  bool operator==(const Key&) const = default;
};

struct KeyHash {
  // The key is a hash already.
  std::size_t operator()(const Key& key) const {
    std::size_t value = 0;
    std::memcpy(&value, key.digest.data(), sizeof value);
    return value;
  }
};

struct KeyParts {
  std::string_view tenant;  // "" for the anonymous one
  std::string_view provider;
  std::string_view origin;       // URL: another deployment or operation, another answer
  std::string_view model;        // as it goes on the wire
  std::string_view body;         // the request as rendered for the provider
  std::string_view fields = {};  // header lines of the caller's own that go with it (beta features)
};
Key make_key(const KeyParts& parts);

// An event of a kept stream: how long it is, and how long after the first one it came.
struct EventMark {
  std::uint32_t bytes = 0;
  std::uint32_t milliseconds = 0;
  bool operator==(const EventMark&) const = default;
};

// What is known of a whole answer, so that a caller of its own dialect gets it from memory unread. A store
// does not have it.
struct Known {
  std::string model = {};  // the provider's word for it
  chat::FinishReason finish_reason = chat::FinishReason::unknown;
  std::optional<std::int64_t> input_tokens = {};
  std::optional<std::int64_t> output_tokens = {};
  PicoUsd cost = 0;  // 0: not known
};

// What is kept: the provider's own answer, so that every dialect can be served from it.
struct Entry {
  std::string provider = {};
  std::string dialect = {};     // of `body`
  std::string request_id = {};  // the provider's
  std::string body = {};
  std::vector<EventMark> events = {};  // of a stream, one after the other in `body`; none: a whole answer
  std::optional<Known> known = {};
  // Set by Cache::put, so that a copy in memory ends when the one in Redis does.
  std::chrono::sys_time<std::chrono::milliseconds> expires{};
  std::chrono::seconds ttl{0};

  // Versioned, with a checksum over itself and the key it stands under.
  std::string encode(const Key& key) const;
  // nullopt: another version, damaged, or another key's entry.
  static std::optional<Entry> decode(std::string_view text, const Key& key);
  static std::optional<Entry> decode_unchecked(std::string_view text);  // whatever its checksum
  std::size_t bytes() const;
};

// Shared by all threads; bounded by bytes, least recently used go first. Any thread.
class MemoryCache {
 public:
  explicit MemoryCache(std::size_t bytes_max);
  ~MemoryCache();
  std::shared_ptr<const Entry> get(const Key& key, http::Clock::time_point now);  // null: there is none
  void put(const Key& key, std::shared_ptr<const Entry> entry, http::Clock::time_point expires);
  std::size_t bytes() const;
  std::size_t entries() const;
  std::uint64_t evictions() const;  // entries that went to make room; never goes down

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// One per thread, over the shared memory cache and the thread's own Redis connection; either may be absent.
class Cache {
 public:
  Cache(std::shared_ptr<MemoryCache> memory, std::shared_ptr<stores::Redis> redis);

  bool enabled() const { return memory_ != nullptr || redis_ != nullptr; }
  bool uses_redis() const { return redis_ != nullptr; }
  bool redis_away() const { return redis_ != nullptr && redis_->breaker_open(); }
  http::Task<std::shared_ptr<const Entry>> get(const Key& key);  // null: a miss
  std::shared_ptr<const Entry> get_from_memory(const Key& key) const;
  // Does not wait. A memory hit that came from Redis keeps at most `ttl` more.
  void put(const Key& key, Entry entry, std::chrono::seconds ttl);

 private:
  std::shared_ptr<MemoryCache> memory_;
  std::shared_ptr<stores::Redis> redis_;
};

}  // namespace ai_proxy::cache
