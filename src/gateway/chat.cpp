// The life of a chat request, through whichever door it came:
//   read -> place (which provider, which model) -> render -> cache look-up -> join others that ask the same
//   -> attempts, each with its reply or stream -> finish.
// How the caller is spoken to is its Face (face.h); finish is Exchange's destructor: it runs whatever
// happens. Whole answers are given in chat_whole.cpp, streams in chat_stream.cpp; whom to call, and what
// follows a failed call, is in attempts.cpp; how one call serves many is in single_flight.cpp.
#include "gateway/chat.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/ascii.h"
#include "dialects/dialects.h"
#include "gateway/attempts.h"
#include "gateway/chat_stream.h"
#include "gateway/chat_whole.h"
#include "gateway/exchange.h"
#include "gateway/face.h"
#include "gateway/provider_call.h"
#include "gateway/replay.h"
#include "gateway/send.h"
#include "gateway/single_flight.h"

namespace ai_proxy::gateway {
namespace {

// Where a function below is not to be inlined: a coroutine keeps every Result that stands in it for as long
// as it lives, and malloc is slow beyond a kibibyte.

// The rendered body without what says how the answer is to come: where streams are kept, one entry serves
// both forms.
std::string without_stream_members(std::string_view body) {
  json::Document document;
  if (document.parse(body)) return std::string(body);
  std::string rest;
  rest.reserve(body.size());
  for (const json::Value member : document.root()) {
    if (member.key() == "stream" || member.key() == "stream_options") continue;
    rest.append(std::to_string(member.key().size())).append(":").append(member.key());
    rest.append(member.raw()).append(",");
  }
  return rest;
}

// Of the call that is, or was last, made: an answer belongs to the one that brought it. Header lines: those
// that go with every request to this provider, and the caller's own.
[[gnu::noinline]] void set_cache_key(Exchange& exchange) {
  Call& call = exchange.call;
  if (call.cache_key) return;
  const providers::Provider& provider = *call.candidate->provider;
  const std::string origin =
      provider.origin.authority() + provider.origin.path_prefix + provider.path_of(call.dialect->path);
  const std::string fields = provider.fields + call.fields;
  cache::KeyParts parts;
  parts.provider = provider.name;
  parts.origin = origin;
  parts.model = call.candidate->wire_model;
  parts.fields = fields;
  const bool keeps_streams = exchange.settings->cache.streams != config::StreamReplay::off;
  const std::string formless = keeps_streams ? without_stream_members(call.body()) : std::string();
  parts.body = keeps_streams ? std::string_view(formless) : call.body();
  call.cache_key = cache::make_key(parts);
}

bool asks_of_cache(const Exchange& exchange, std::string_view directive) {
  for (const http::Field& field : exchange.request.headers) {
    if (ascii_iequals(field.name, "cache-control") && ascii_lists(field.value, directive)) return true;
  }
  return false;
}

// Phase 4, first half: may this request be answered from the cache, and its answer be kept?
[[gnu::noinline]] void plan_cache(Exchange& exchange, Attempts& attempts) {
  if (!exchange.cache->enabled()) return;
  exchange.cache_state = CacheState::bypass;
  if (asks_of_cache(exchange, "no-store")) return;
  const bool looks_up = !asks_of_cache(exchange, "no-cache");
  const bool memory_is_short =
      exchange.worker.process().counters.pressure.load(std::memory_order_relaxed) != http::Pressure::none;
  exchange.may_share = looks_up && exchange.settings->cache.single_flight && !memory_is_short;
  if (exchange.asked.stream && exchange.settings->cache.streams == config::StreamReplay::off) {
    if (exchange.may_share) set_cache_key(exchange);
    return;
  }
  exchange.cache_ttl = exchange.settings->cache.ttl;
  if (const http::Field* own = exchange.request.headers.find("x-ai-proxy-cache-ttl")) {
    if (const auto seconds = parse_integer<std::uint32_t>(own->value)) {
      exchange.cache_ttl = std::chrono::seconds(std::min(*seconds, kCacheTtlSecondsMax));
    } else {
      attempts.warn("x-ai-proxy-cache-ttl: not a number of seconds; the configured time was used.");
    }
  }
  exchange.cache_write = exchange.cache_ttl.count() > 0 && !memory_is_short;
  set_cache_key(exchange);
  if (looks_up) exchange.cache_state = CacheState::miss;
}

// Phase 4, second half. True: the cache has answered. (Behind a keep-alive that was early no stream can
// begin.)
http::Task<bool> answer_from_cache(Exchange& exchange) {
  if (exchange.cache_state != CacheState::miss || exchange.stream_begun) co_return false;
  std::shared_ptr<const cache::Entry> entry = co_await exchange.cache->get(*exchange.call.cache_key);
  if (!entry) co_return false;
  co_return co_await answer_from_entry(exchange, std::move(entry));
}

// The same, without waiting for a store.
http::Task<bool> answer_from_memory(Exchange& exchange) {
  if (exchange.cache_state != CacheState::miss) co_return false;
  std::shared_ptr<const cache::Entry> entry = exchange.cache->get_from_memory(*exchange.call.cache_key);
  if (!entry) co_return false;
  co_return co_await answer_from_entry(exchange, std::move(entry));
}

[[gnu::noinline]] http::Task<void> send_failure(Exchange& exchange, Error& error) {
  std::optional<Error> cause = cancelled_here(exchange, error);
  if (cause) {
    error = std::move(*cause);
    exchange.lead.reset();  // this exchange ends, the call has not failed: who follows makes it anew
  } else if (exchange.lead) {
    exchange.lead->fail(error);
  }
  return exchange.stream_begun ? fail_stream(exchange, std::move(error))
                               : send_error(exchange, std::move(error));
}

// What no provider is needed for is at once the whole answer. Where others follow, each says it for itself.
http::Task<void> send_own_answer(Exchange& exchange) {
  exchange.lead.reset();
  return send(exchange, 200, exchange.call.own_answer, false);
}

// Its leader has left it alone: a candidate is chosen anew. True: this exchange is over.
http::Task<bool> step_in(Exchange& exchange, Attempts& attempts) {
  if (Result<void> placed = attempts.step_in(); !placed) {
    co_await send_failure(exchange, placed.error());
    co_return true;
  }
  if (!exchange.call.own_answer.empty()) {
    co_await send_own_answer(exchange);
    co_return true;
  }
  set_cache_key(exchange);
  co_return false;
}

// Phase 4, with its end: another exchange that asks the same has answered. True: this one is over. Of those
// who ask the same at the same time one looks into the store; and into memory once more, as an answer may
// have been kept, and its flight have ended, in between.
http::Task<bool> answer_without_call(Exchange& exchange, Attempts& attempts) {
  if (co_await answer_from_memory(exchange)) co_return true;
  while (std::optional<cache::FlightFollower> flight = join_flight(exchange, attempts)) {
    if (co_await follow(exchange, attempts, std::move(*flight))) co_return true;
    // Its leader has found an answer, unless it is known whom it has called; or it has left.
    if (exchange.call.cache_key && co_await answer_from_cache(exchange)) co_return true;
    if (co_await step_in(exchange, attempts)) co_return true;
  }
  // Its first failure would be its last, and that of those who followed.
  if (exchange.stream_begun) exchange.lead.reset();
  co_return co_await answer_from_cache(exchange);
}

// What is kept of an answer that has been noted.
cache::Entry make_entry(const Exchange& exchange, const std::string& body) {
  cache::Known known{.model = exchange.answered_model,
                     .finish_reason = exchange.finish_reason,
                     .cost = exchange.cost.total.value_or(0)};
  if (exchange.usage) {
    known.input_tokens = exchange.usage->input_tokens;
    known.output_tokens = exchange.usage->output_tokens;
  }
  return {.provider = exchange.call.candidate->provider->name,
          .dialect = std::string(exchange.call.dialect->name),
          .request_id = exchange.call.request_id,
          .body = body,
          .known = std::move(known)};
}

// Phase 6 of a whole answer: parsed, noted, and kept.
[[gnu::noinline]] Result<WholeAnswer> take_whole(Exchange& exchange, const Attempts& attempts,
                                                 http::Clock::time_point begin, Result<std::string>&& body) {
  exchange.provider_time += http::Clock::now() - begin;
  if (!body) return std::unexpected(broken_before_answer(std::move(body.error())));
  Result<WholeAnswer> answer = understand(exchange, std::move(*body));
  if (!answer) return answer;
  const chat::FinishReason reason =
      answer->reply ? answer->reply->finish_reason : chat::FinishReason::unknown;
  if (reason == chat::FinishReason::content_filter && attempts.can_fall_back(ErrorCode::content_filtered)) {
    return std::unexpected(
        provider_failed(ErrorCode::content_filtered, "The provider's filter cut its answer."));
  }
  if (answer->reply) note_reply(exchange, *answer->reply);
  // Kept before the flight ends: who comes too late to follow finds it in the cache.
  if (exchange.cache_write && worth_keeping(reason))
    exchange.cache->put(*exchange.call.cache_key, make_entry(exchange, answer->body), exchange.cache_ttl);
  if (exchange.lead) exchange.lead->whole(answer->body);
  exchange.lead.reset();  // its followers need no leader any more
  return answer;
}

[[gnu::noinline]] Result<void> outcome_of(Result<WholeAnswer>&& answer) {
  if (!answer) return std::unexpected(std::move(answer.error()));
  return {};
}

// Phases 5 and 6 without streaming: one attempt, the whole answer. An error: nothing has been sent.
http::Task<Result<void>> answer_whole(Exchange& exchange, http::ClientReply& reply,
                                      const Attempts& attempts) {
  const auto begin = http::Clock::now();
  Result<WholeAnswer> answer = take_whole(exchange, attempts, begin,
                                          co_await reply.read_all(exchange.settings->client.body_bytes_max));
  if (answer) co_await send_whole(exchange, *answer);
  co_return outcome_of(std::move(answer));
}

[[gnu::noinline]] void note(Result<http::ClientReply>&& called, http::ClientReply& reply,
                            std::optional<Error>& error) {
  if (called) {
    reply = std::move(*called);
    error.reset();
  } else {
    error = std::move(called.error());
  }
}

[[gnu::noinline]] void note(Result<void>&& outcome, std::optional<Error>& error) {
  if (!outcome) error = std::move(outcome.error());
}

// Phases 5 and 6: attempts, until one of them has answered or there is nothing left to try. What fails before
// the caller has been sent a byte is a real HTTP status.
http::Task<void> answer(Exchange& exchange, Attempts& attempts) {
  std::optional<KeepAlive> keep_alive;
  if (exchange.asked.stream) keep_alive.emplace(exchange);
  std::optional<Error> error;
  while (true) {
    {
      http::ClientReply reply;
      if (keep_alive) keep_alive->attempt_begins();
      note(co_await attempts.call(), reply, error);
      // The call that answers may be a later one, or a hedge's.
      if (!error && exchange.cache_write) set_cache_key(exchange);
      if (!error && keep_alive) {
        note(co_await relay_stream(exchange, reply, *keep_alive), error);
      } else if (!error) {
        note(co_await answer_whole(exchange, reply, attempts), error);
      }
    }
    if (!error) {
      attempts.answered();
      co_return;
    }
    if (!co_await attempts.another(*error)) break;
    if (!exchange.call.own_answer.empty()) {
      co_await send_own_answer(exchange);
      co_return;
    }
    if (exchange.lead) exchange.lead->forget_attempt();
  }
  co_await send_failure(exchange, *error);
}

http::Task<void> send_refusal(Exchange& exchange, Answer refusal) {
  co_await send(exchange, refusal.status, refusal.body, false);
}

// Phases 1 to 3. Nullopt: a provider is to be asked, or the cache; else what is to be said at once.
[[gnu::noinline]] std::optional<http::Task<void>> prepare(Exchange& exchange, Attempts& attempts) {
  if (exchange.worker.process().draining.load(std::memory_order_relaxed))
    return send_error(exchange, shutting_down());
  if (std::optional<Answer> refusal = exchange.face.read(exchange))
    return send_refusal(exchange, std::move(*refusal));
  if (Result<void> placed = attempts.begin(); !placed) return send_error(exchange, std::move(placed.error()));
  if (!exchange.call.own_answer.empty()) return send_own_answer(exchange);
  return std::nullopt;
}

[[gnu::noinline]] http::Task<void> ask(Exchange& exchange, Attempts& attempts) {
  if (std::optional<Error> pause = attempts.pause()) return send_failure(exchange, *pause);
  return answer(exchange, attempts);
}

}  // namespace

http::Task<void> serve_chat(Worker& worker, http::Request& request, http::ResponseWriter& response,
                            const Face& face) {
  Exchange exchange(worker, request, response, face);
  exchange.operation = face.operation();
  if (exchange.cache->enabled()) exchange.cache_state = CacheState::bypass;
  Attempts attempts(exchange);
  if (std::optional<http::Task<void>> said = prepare(exchange, attempts)) {
    co_await std::move(*said);
    co_return;
  }
  plan_cache(exchange, attempts);
  const bool others_may_have_it = exchange.cache_state == CacheState::miss || exchange.may_share;
  if (others_may_have_it && co_await answer_without_call(exchange, attempts)) co_return;
  co_await ask(exchange, attempts);
}

}  // namespace ai_proxy::gateway
