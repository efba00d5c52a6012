// What is counted of requests: by provider and model, and by thread. One thread writes, metrics_page.cpp
// reads and sums over threads. docs/metrics.md has the names under which they are shown.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "http/asio.h"
#include "telemetry/counters.h"
#include "telemetry/series.h"

namespace ai_proxy::gateway {

struct Exchange;

inline constexpr std::size_t kErrorCodes = static_cast<std::size_t>(ErrorCode::internal) + 1;

// How an attempt came about.
enum class AttemptKind : std::uint8_t { first, retry, fallback, hedge };
inline constexpr std::array<std::string_view, 4> kAttemptKindWords{"first", "retry", "fallback", "hedge"};

// What is asked for; `other` is all that calls no model: lists, paths that are not there.
enum class Operation : std::uint8_t { other, chat, embeddings, token_count };
inline constexpr std::array<std::string_view, 4> kOperationWords{"other", "chat", "embeddings",
                                                                 "token_count"};

// As CacheState has them; behind them what followed another request's call.
inline constexpr std::array<std::string_view, 5> kCacheWords{"disabled", "bypass", "miss", "hit",
                                                             "collapsed"};
inline constexpr std::size_t kCollapsed = 4;

// The bounds of the OpenTelemetry GenAI conventions (gen_ai.server.request.duration, …), in microseconds and
// tokens.
inline constexpr std::array<std::int64_t, 14> kDurationBounds{
    10'000,    20'000,    40'000,    80'000,     160'000,    320'000,    640'000,
    1'280'000, 2'560'000, 5'120'000, 10'240'000, 20'480'000, 40'960'000, 81'920'000};
inline constexpr std::array<std::int64_t, 16> kFirstTokenBounds{
    1'000,   5'000,   10'000,  20'000,    40'000,    60'000,    80'000,    100'000,
    250'000, 500'000, 750'000, 1'000'000, 2'500'000, 5'000'000, 7'500'000, 10'000'000};
inline constexpr std::array<std::int64_t, 14> kTokenBounds{
    1, 4, 16, 64, 256, 1'024, 4'096, 16'384, 65'536, 262'144, 1'048'576, 4'194'304, 16'777'216, 67'108'864};
inline constexpr std::array<std::int64_t, 13> kOverheadBounds{
    10, 20, 50, 100, 200, 500, 1'000, 2'000, 5'000, 10'000, 50'000, 100'000, 1'000'000};

template <class Value>
using ByOperation = std::array<Value, kOperationWords.size()>;

// Of one provider and model.
struct ModelCounts {
  ByOperation<std::array<telemetry::Counter, 2>> requests;  // streams second
  std::array<telemetry::Counter, kErrorCodes> errors;
  std::array<telemetry::Counter, kCacheWords.size()> cache;
  ByOperation<telemetry::Histogram<kDurationBounds>> duration;
  telemetry::Histogram<kFirstTokenBounds> first_token;  // of chats
  telemetry::Histogram<kOverheadBounds> overhead;
  // What providers used; an answer from the cache uses nothing.
  ByOperation<telemetry::Histogram<kTokenBounds>> input_tokens, output_tokens;
  telemetry::Counter cache_read_tokens, cache_write_tokens, reasoning_tokens;
  telemetry::MoneyCounter cost, saved;
  telemetry::Counter cost_unknown;  // of answers

  std::array<telemetry::Counter, kAttemptKindWords.size()> attempts;
  std::array<telemetry::Counter, kErrorCodes> attempt_errors;
  telemetry::Counter hedges_won;

  void add(const ModelCounts& other);
};

// HTTP statuses; what is none counts as 0.
class StatusCounts {
 public:
  static constexpr int kEnd = 600;
  void add(int status) { counts_[status > 0 && status < kEnd ? static_cast<std::size_t>(status) : 0].add(); }
  std::uint64_t value(int status) const { return counts_[static_cast<std::size_t>(status)].value(); }

 private:
  std::array<telemetry::Counter, kEnd> counts_;
};

// Of one thread.
struct alignas(64) ThreadCounts {
  telemetry::SeriesTable<ModelCounts> models;  // by routing::Candidate::series
  StatusCounts answered;                       // requests
  StatusCounts refused;                        // by the server itself, before there was a request
  telemetry::Counter streams_begun, streams_ended;

  // As they were a moment ago: Worker::note_delay.
  enum class Redis : std::uint8_t { none, up, away };
  telemetry::Gauge redis;
  telemetry::Gauge loop_delay_us;
  telemetry::Gauge idle_connections;  // to providers
};

// Of the process. The main thread gives out numbers and places; see telemetry/series.h.
struct Counts {
  telemetry::SeriesNames names;
  std::vector<std::unique_ptr<ThreadCounts>> threads;
  telemetry::Counter reloads, reloads_failed;

  ThreadCounts& add_thread() { return *threads.emplace_back(std::make_unique<ThreadCounts>()); }
};

// A finished request.
void count(const Exchange& exchange, http::Clock::duration elapsed);

}  // namespace ai_proxy::gateway
