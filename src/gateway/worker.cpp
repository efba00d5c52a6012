#include "gateway/worker.h"

#include <algorithm>
#include <stdexcept>
#include <utility>
#include <vector>

namespace ai_proxy::gateway {
namespace {

bool same_redis(const config::CacheSettings& a, const config::CacheSettings& b) {
  if (!a.redis || !b.redis) return !a.redis && !b.redis;
  return a.redis->tls == b.redis->tls && a.redis->host == b.redis->host && a.redis->port == b.redis->port &&
         a.redis->user == b.redis->user && a.redis->password.matches(b.redis->password.reveal()) &&
         a.redis->database == b.redis->database && a.redis->operation_time == b.redis->operation_time;
}

std::vector<http::Origin> origins_of(const config::Settings& settings) {
  std::vector<http::Origin> origins;
  for (const providers::Provider& provider : settings.routes.providers) origins.push_back(provider.origin);
  return origins;
}

bool needs_tls(const config::Settings& settings) {
  const auto& providers = settings.routes.providers;
  return !settings.ca_file.empty() || std::ranges::any_of(providers, [](const auto& provider) {
    return provider.configured() && provider.origin.tls;
  });
}

}  // namespace

Worker::Worker(http::asio::io_context& io, Process& process, std::shared_ptr<const config::Settings> settings)
    : io_(io),
      process_(process),
      counts_(process.counts.add_thread()),
      settings_(std::move(settings)),
      deadlines_(io),
      client_(io, settings_->client, settings_->ca_file) {
  if (needs_tls(*settings_)) client_.prepare_tls();
  cache_ = open_cache(*settings_);
}

// What may want memory comes first.
void Worker::use(std::shared_ptr<const config::Settings> settings) {
  const config::CacheSettings& old = settings_->cache;
  const config::CacheSettings& fresh = settings->cache;
  const bool same_cache =
      old.enabled == fresh.enabled && same_redis(old, fresh) && old.memory_bytes == fresh.memory_bytes;
  std::shared_ptr<cache::Cache> cache = same_cache ? cache_ : open_cache(*settings);
  try {
    if (needs_tls(*settings)) client_.prepare_tls();
  } catch (const std::runtime_error&) {
    // The first connection that needs it says so.
  }
  client_.keep_only(origins_of(*settings));
  settings_ = std::move(settings);
  cache_ = std::move(cache);
  client_.set_limits(settings_->client);
}

void Worker::note_delay(http::Clock::duration delay) {
  const auto max = settings_->server.loop_delay_max;
  late_in_a_row_ = max.count() > 0 && delay > max ? late_in_a_row_ + 1 : 0;
  using Redis = ThreadCounts::Redis;
  const Redis redis = !cache_->uses_redis() ? Redis::none : cache_->redis_away() ? Redis::away : Redis::up;
  counts_.redis.set(static_cast<std::int64_t>(redis));
  counts_.loop_delay_us.set(std::chrono::duration_cast<std::chrono::microseconds>(delay).count());
  counts_.idle_connections.set(static_cast<std::int64_t>(client_.idle_connections()));
}

std::shared_ptr<cache::Cache> Worker::open_cache(const config::Settings& settings) const {
  const config::CacheSettings& cache = settings.cache;
  std::shared_ptr<stores::Redis> redis;
  if (cache.enabled && cache.redis) {
    stores::RedisOptions options;
    options.tls = cache.redis->tls;
    options.host = cache.redis->host;
    options.port = cache.redis->port;
    options.user = cache.redis->user;
    options.password = cache.redis->password;
    options.database = cache.redis->database;
    options.ca_file = settings.ca_file;
    options.operation_time = cache.redis->operation_time;
    redis = std::make_shared<stores::Redis>(io_, std::move(options));
  }
  const bool in_memory = cache.enabled && cache.memory_bytes > 0;
  return std::make_shared<cache::Cache>(in_memory ? process_.memory : nullptr, std::move(redis));
}

}  // namespace ai_proxy::gateway
