// The cache and the price catalogue.
#include "base/ascii.h"
#include "config/redis_url.h"
#include "config/sections.h"
#include "config/units.h"

namespace ai_proxy::config {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kMemoryBytesMax = 1ull << 40;
// What `cache:` alone turns on.
constexpr std::size_t kMemoryBytesDefault = 64 * 1024 * 1024;

constexpr std::array<std::pair<std::string_view, StreamReplay>, 3> kStreamReplays{
    {{"off", StreamReplay::off}, {"fast", StreamReplay::fast}, {"paced", StreamReplay::paced}}};

Parsed<StreamReplay> parse_stream_replay(std::string_view text) {
  std::vector<std::string_view> words;
  for (const auto& [word, replay] : kStreamReplays) {
    if (ascii_iequals(word, ascii_trim(text))) return replay;
    words.push_back(word);
  }
  return std::unexpected(not_one_of(text, words));
}

}  // namespace

void read_cache(Reading& reading) {
  Section section = reading.root.section("cache");
  CacheSettings& cache = reading.settings.cache;

  std::optional<std::size_t> memory;
  reading.assign_both(memory, section, "memory", "AI_PROXY_CACHE_MEMORY",
                      [](std::string_view text) { return parse_size(text, 0, kMemoryBytesMax); });
  reading.assign_both(cache.redis, section, "redis", "REDIS_URL", parse_redis_url);
  std::chrono::milliseconds ttl = cache.ttl;
  reading.assign_both(ttl, section, "ttl", "AI_PROXY_CACHE_TTL",
                      [](std::string_view text) { return parse_duration(text, 1s, 24h * 365); });
  cache.ttl = std::chrono::duration_cast<std::chrono::seconds>(ttl);
  std::chrono::milliseconds redis_time = RedisSettings{}.operation_time;
  assign(redis_time, section.text("redis_timeout"), reading.faults,
         [](std::string_view text) { return parse_duration(text, 1ms, 10s); });
  assign(cache.single_flight, section.text("single_flight"), reading.faults, parse_truth);
  assign(cache.streams, section.text("streams"), reading.faults, parse_stream_replay);
  section.finish();

  if (cache.redis) cache.redis->operation_time = redis_time;
  if (!memory && section.present() && !cache.redis) memory = kMemoryBytesDefault;
  cache.memory_bytes = memory.value_or(0);
  cache.enabled = cache.memory_bytes > 0 || cache.redis.has_value();
}

void read_prices(Reading& reading) {
  reading.settings.catalog = pricing::Catalog::built_in();
  auto path = reading.environment.variable("AI_PROXY_PRICES");
  auto in_file = reading.root.text("prices");
  if (!path) path = std::move(in_file);
  if (!path) return;
  const auto content = reading.read_file(*path);
  if (!content) return;
  auto catalog = pricing::Catalog::parse(*content);
  if (!catalog) {
    reading.faults.add(path->place, catalog.error().message);
    return;
  }
  reading.settings.catalog = std::move(*catalog);
  reading.settings.prices_file = std::string(ascii_trim(path->value));
}

}  // namespace ai_proxy::config
