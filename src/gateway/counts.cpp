#include "gateway/counts.h"

#include <chrono>

#include "gateway/exchange.h"

namespace ai_proxy::gateway {
namespace {

using std::chrono::duration_cast;
using std::chrono::microseconds;

template <class Array>
void add_all(Array& to, const Array& from) {
  for (std::size_t i = 0; i < to.size(); ++i) to[i].add(from[i]);
}

template <class Word>
std::size_t place(Word word) {
  return static_cast<std::size_t>(word);
}

std::size_t cache_outcome(const Exchange& exchange) {
  const bool followed = exchange.collapsed && exchange.cache_state == CacheState::hit;
  return followed ? kCollapsed : place(exchange.cache_state);
}

// A refusal of what was sent has its own words, and an answer that nobody took has no error.
std::optional<ErrorCode> error_code(const Exchange& exchange) {
  if (exchange.error) return exchange.error->code;
  if (exchange.status == http_status(ErrorCode::cancelled)) return ErrorCode::cancelled;
  if (exchange.status == http_status(ErrorCode::invalid_request)) return ErrorCode::invalid_request;
  return std::nullopt;
}

void count_usage(ModelCounts& counts, const Exchange& exchange) {
  if (exchange.cache_state == CacheState::hit) {
    counts.saved.add(exchange.saved);
    return;
  }
  if (exchange.cost.known()) {
    counts.cost.add(*exchange.cost.total);
  } else if (exchange.call.answer_begun && !exchange.error && exchange.operation != Operation::token_count) {
    counts.cost_unknown.add();
  }
  if (!exchange.usage || !exchange.usage->valid) return;
  const chat::Usage& usage = *exchange.usage;
  counts.input_tokens[place(exchange.operation)].observe(usage.input_tokens);
  counts.output_tokens[place(exchange.operation)].observe(usage.output_tokens);
  const auto add = [](telemetry::Counter& counter, std::int64_t tokens) {
    if (tokens > 0) counter.add(static_cast<std::uint64_t>(tokens));
  };
  add(counts.cache_read_tokens, usage.cache_read_tokens);
  add(counts.cache_write_tokens, usage.cache_written_tokens());
  add(counts.reasoning_tokens, usage.reasoning_tokens);
}

}  // namespace

void ModelCounts::add(const ModelCounts& other) {
  for (std::size_t i = 0; i < requests.size(); ++i) add_all(requests[i], other.requests[i]);
  add_all(errors, other.errors);
  add_all(cache, other.cache);
  add_all(duration, other.duration);
  first_token.add(other.first_token);
  overhead.add(other.overhead);
  add_all(input_tokens, other.input_tokens);
  add_all(output_tokens, other.output_tokens);
  cache_read_tokens.add(other.cache_read_tokens);
  cache_write_tokens.add(other.cache_write_tokens);
  reasoning_tokens.add(other.reasoning_tokens);
  cost.add(other.cost);
  saved.add(other.saved);
  cost_unknown.add(other.cost_unknown);
  add_all(attempts, other.attempts);
  add_all(attempt_errors, other.attempt_errors);
  hedges_won.add(other.hedges_won);
}

void count(const Exchange& exchange, http::Clock::duration elapsed) {
  ThreadCounts& thread = exchange.worker.counts();
  if (exchange.stream_begun) thread.streams_ended.add();
  thread.answered.add(exchange.status);
  if (exchange.operation == Operation::other) return;

  const routing::Candidate* candidate = exchange.call.candidate;
  ModelCounts& counts =
      thread.models.at(candidate != nullptr ? candidate->series : telemetry::SeriesNames::kNobody);
  counts.requests[place(exchange.operation)][exchange.asked.stream ? 1 : 0].add();
  counts.cache[cache_outcome(exchange)].add();
  counts.duration[place(exchange.operation)].observe(duration_cast<microseconds>(elapsed).count());
  counts.overhead.observe(duration_cast<microseconds>(exchange.own_time(elapsed)).count());
  if (exchange.first_token)
    counts.first_token.observe(
        duration_cast<microseconds>(*exchange.first_token - exchange.request.received).count());
  if (const auto code = error_code(exchange)) counts.errors[place(*code)].add();
  if (candidate != nullptr) count_usage(counts, exchange);
}

}  // namespace ai_proxy::gateway
