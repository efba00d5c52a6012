// The life of a request to POST /v1/chat:
//   parse -> place (which provider, which model) -> render -> cache look-up -> attempt -> reply or stream ->
//   finish.
// finish is Exchange's destructor: it runs whatever happens. Streams are relayed in chat_stream.cpp.
#include "gateway/chat.h"

#include <algorithm>
#include <utility>

#include "base/ascii.h"
#include "dialects/dialects.h"
#include "dialects/native/native.h"
#include "gateway/chat_stream.h"
#include "gateway/exchange.h"
#include "gateway/provider_call.h"
#include "gateway/send.h"
#include "telemetry/log.h"

namespace ai_proxy::gateway {
namespace {

namespace native = dialects::native;

std::vector<std::string_view> provider_names(const config::Settings& settings) {
  std::vector<std::string_view> names;
  names.reserve(settings.routes.providers.size());
  for (const providers::Provider& provider : settings.routes.providers) names.push_back(provider.name);
  return names;
}

bool asks_for_stream(const http::Request& request) {
  if (request.query.empty()) return false;
  const auto value = http::query_value(request.query, "stream");
  return value && (ascii_iequals(*value, "true") || *value == "1" || value->empty());
}

// Phase 1. The finished 400 body when the request is not one we can serve.
struct Parsed {
  std::string_view provider;
  std::string refusal;  // empty: good
};

Parsed parse(Exchange& exchange) {
  const config::Settings& settings = *exchange.settings;
  const auto names = provider_names(settings);
  if (const auto fault = exchange.body.parse(exchange.request.body)) {
    return {{}, native::malformed_json_body(*fault, names)};
  }
  const auto names_its_provider = [&settings](std::string_view model) {
    return routing::find_candidate(settings.routes, *settings.catalog, {}, model).has_value() ||
           model.find('/') != std::string_view::npos;
  };
  native::ParseOutcome outcome = native::parse_request(exchange.body.root(), names, names_its_provider,
                                                       asks_for_stream(exchange.request), exchange.warnings);
  if (!outcome.parsed) return {{}, std::move(outcome.failure_body)};
  exchange.chat = std::move(outcome.parsed->request);
  return {outcome.parsed->provider, {}};
}

// Phases 2 and 3: whom we call, and with which bytes.
Result<void> place_and_render(Exchange& exchange, std::string_view provider) {
  const config::Settings& settings = *exchange.settings;
  Result<routing::Candidate> candidate =
      routing::find_candidate(settings.routes, *settings.catalog, provider, exchange.chat.model);
  if (!candidate) return std::unexpected(std::move(candidate.error()));
  exchange.candidate = std::move(*candidate);
  const providers::Provider& chosen = *exchange.candidate.provider;
  const chat::ModelTraits traits =
      providers::model_traits(chosen.catalog, exchange.candidate.wire_model, *settings.catalog);
  Result<std::string> body =
      chosen.dialect->render_request(exchange.chat, exchange.candidate.wire_model, traits, exchange.warnings);
  if (!body) return std::unexpected(std::move(body.error()));
  exchange.call_body = std::move(*body);
  return {};
}

// Does a comma-separated Cache-Control hold this directive?
bool has_directive(std::string_view header, std::string_view directive) {
  while (!header.empty()) {
    const std::size_t comma = header.find(',');
    if (ascii_iequals(ascii_trim(header.substr(0, comma)), directive)) return true;
    if (comma == std::string_view::npos) break;
    header.remove_prefix(comma + 1);
  }
  return false;
}

// Phase 4, first half: may this request be answered from the cache, and its answer be kept?
void plan_cache(Exchange& exchange) {
  if (!exchange.cache->enabled()) return;
  exchange.cache_state = CacheState::bypass;
  if (exchange.chat.stream) return;
  const std::string_view control = exchange.request.headers.get("cache-control");
  if (has_directive(control, "no-store")) return;
  exchange.cache_ttl = exchange.settings->cache.ttl;
  if (const http::Field* own = exchange.request.headers.find("x-ai-proxy-cache-ttl")) {
    if (const auto seconds = parse_integer<std::uint32_t>(own->value)) {
      exchange.cache_ttl = std::chrono::seconds(std::min(*seconds, kCacheTtlSecondsMax));
    } else {
      exchange.warnings.add("x-ai-proxy-cache-ttl: not a number of seconds; the configured time was used.");
    }
  }
  exchange.cache_write = exchange.cache_ttl.count() > 0;

  const providers::Provider& provider = *exchange.candidate.provider;
  const std::string origin = provider.origin.authority() + provider.origin.path_prefix;
  cache::KeyParts parts;
  parts.provider = provider.name;
  parts.origin = origin;
  parts.model = exchange.candidate.wire_model;
  parts.body = exchange.call_body;
  exchange.cache_key = cache::make_key(parts);
  if (!has_directive(control, "no-cache")) exchange.cache_state = CacheState::miss;
}

http::Task<void> send_reply(Exchange& exchange, const chat::Reply& reply) {
  exchange.finish_reason = chat::effective_finish_reason(reply.finish_reason, !reply.tool_calls.empty());
  if (!exchange.cost.known()) exchange.warnings.add(unknown_cost_warning(exchange));
  const bool cached = exchange.cache_state == CacheState::hit;
  const native::ReplyView view{.provider = exchange.candidate.provider->name,
                               .model = exchange.model_shown(),
                               .reply = reply,
                               .cost = {exchange.cost.input, exchange.cost.output, exchange.cost.total},
                               .latency_ms = exchange.latency_ms(),
                               .cached = cached,
                               .warnings = exchange.warnings};
  const std::string body = native::render_reply(view);
  co_await send(exchange, 200, body, true);
}

void note_answer(Exchange& exchange, const chat::Reply& reply) {
  exchange.answered_model = reply.model;
  exchange.usage = reply.usage;
  exchange.cost = price(exchange, reply.model, reply.usage);
}

// Phase 4, second half. True: the cache answered.
http::Task<bool> answer_from_cache(Exchange& exchange) {
  if (exchange.cache_state != CacheState::miss) co_return false;
  const std::optional<cache::Entry> entry = co_await exchange.cache->get(exchange.cache_key);
  if (!entry) co_return false;
  const dialects::Dialect* dialect = dialects::find_dialect(entry->dialect);
  json::Document document;
  if (dialect == nullptr || document.parse(entry->body, json::kProviderLimits)) co_return false;
  const Result<chat::Reply> reply = dialect->parse_reply(document.root());
  if (!reply) co_return false;
  exchange.cache_state = CacheState::hit;
  exchange.provider_request_id = entry->request_id;
  note_answer(exchange, *reply);
  exchange.saved = exchange.cost.total.value_or(0);
  exchange.cost = pricing::Cost::zero();
  co_await send_reply(exchange, *reply);
  co_return true;
}

// Only an answer that ended as it should is worth keeping.
bool worth_keeping(const chat::Reply& reply) {
  using enum chat::FinishReason;
  return reply.finish_reason == stop || reply.finish_reason == tool_calls || reply.finish_reason == length;
}

// Phases 5 and 6 without streaming: one attempt, the whole answer, parsed and priced.
http::Task<void> answer_whole(Exchange& exchange) {
  Result<http::ClientReply> reply = co_await call_provider(exchange);
  if (!reply) {
    co_await send_error(exchange, std::move(reply.error()));
    co_return;
  }
  const auto begin = http::Clock::now();
  Result<std::string> body = co_await reply->read_all(exchange.settings->client.body_bytes_max);
  exchange.provider_time += http::Clock::now() - begin;
  if (!body) {
    co_await send_error(exchange, broken_before_answer(std::move(body.error())));
    co_return;
  }
  json::Document document;
  if (document.parse(*body, json::kProviderLimits)) {
    co_await send_error(
        exchange, provider_failed(ErrorCode::provider_error,
                                  "The provider's answer is not valid JSON, although its status was 200."));
    co_return;
  }
  Result<chat::Reply> answer = exchange.candidate.provider->dialect->parse_reply(document.root());
  if (!answer) {
    co_await send_error(exchange, std::move(answer.error()));
    co_return;
  }
  note_answer(exchange, *answer);
  co_await send_reply(exchange, *answer);
  if (exchange.cache_write && worth_keeping(*answer)) {
    const cache::Entry entry{exchange.candidate.provider->name,
                             std::string(exchange.candidate.provider->dialect->name),
                             exchange.provider_request_id, std::move(*body)};
    exchange.cache->put(exchange.cache_key, entry, exchange.cache_ttl);
  }
}

}  // namespace

http::Task<void> serve_chat(Worker& worker, http::Request& request, http::ResponseWriter& response) {
  Exchange exchange(worker, request, response);
  if (exchange.cache->enabled()) exchange.cache_state = CacheState::bypass;
  if (worker.process().draining.load(std::memory_order_relaxed)) {
    co_await send_error(exchange, shutting_down());
    co_return;
  }
  const Parsed parsed = parse(exchange);
  if (!parsed.refusal.empty()) {
    exchange.error = bad_request("The request is not valid.");
    co_await send(exchange, 400, parsed.refusal, false);
    co_return;
  }
  if (Result<void> placed = place_and_render(exchange, parsed.provider); !placed) {
    co_await send_error(exchange, std::move(placed.error()));
    co_return;
  }
  plan_cache(exchange);
  if (co_await answer_from_cache(exchange)) co_return;
  if (exchange.chat.stream) {
    co_await answer_stream(exchange);
  } else {
    co_await answer_whole(exchange);
  }
}

}  // namespace ai_proxy::gateway
