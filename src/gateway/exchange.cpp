#include "gateway/exchange.h"

#include <algorithm>
#include <new>

#include "base/ascii.h"
#include "base/ids.h"
#include "gateway/face.h"
#include "gateway/single_flight.h"
#include "telemetry/log.h"

namespace ai_proxy::gateway {
namespace {

using std::chrono::duration_cast;
using std::chrono::microseconds;
using std::chrono::milliseconds;

constexpr std::size_t kWarningsBytesMax = 4096;

std::string own_or_new_id(const http::Request& request) {
  const std::string_view own = request.headers.get("x-request-id");
  return sane_request_id(own) ? std::string(own) : new_request_id();
}

// What stands from `begin` on may come from outside: what could break a header becomes '?'.
void make_harmless(std::string& fields, std::size_t begin) {
  std::replace_if(
      fields.begin() + static_cast<std::ptrdiff_t>(begin), fields.end(),
      [](char c) { return c < ' ' || c >= 0x7f; }, '?');
}

// A value of ours.
void append_field(std::string& fields, std::string_view name, std::string_view value) {
  fields.append(name).append(": ").append(value).append("\r\n");
}

// The one end of every exchange: what happened, in numbers and in one line.
void finish(const Exchange& exchange) {
  const auto elapsed = http::Clock::now() - exchange.request.received;
  count(exchange, elapsed);
  telemetry::AccessRecord record;
  record.request_id = exchange.request_id;
  record.client_address = exchange.request.client_address;
  record.method = exchange.request.method;
  record.path = exchange.request.path;
  record.status = exchange.status;
  if (exchange.call.candidate != nullptr) {
    record.provider = exchange.call.candidate->provider->name;
    record.model = exchange.model_shown();
  }
  record.stream = exchange.asked.stream;
  record.cache = word(exchange.cache_state);
  record.collapsed = exchange.collapsed;
  record.attempts = exchange.attempts;
  record.tried = exchange.tried;
  if (exchange.usage) {
    record.input_tokens = exchange.usage->input_tokens;
    record.output_tokens = exchange.usage->output_tokens;
  }
  const std::string cost = exchange.cost.known() ? format_usd(*exchange.cost.total) : std::string();
  const std::string saved = exchange.saved != 0 ? format_usd(exchange.saved) : std::string();
  record.cost_usd = cost;
  record.saved_usd = saved;
  // A reason we have no word for is told as "other", never left out.
  const bool answered = exchange.usage.has_value() && !exchange.error;
  if (exchange.finish_reason != chat::FinishReason::unknown || answered)
    record.finish_reason = chat::word(exchange.finish_reason);
  if (exchange.error) {
    record.error_code = word(exchange.error->code);
    // A provider's own words may quote the prompt.
    if (exchange.error->blame != Blame::provider || exchange.error->provider_status == 0) {
      record.error_message = exchange.error->message;
    }
  }
  record.latency_us = duration_cast<microseconds>(elapsed).count();
  record.overhead_us = duration_cast<microseconds>(exchange.own_time(elapsed)).count();
  if (exchange.first_token) {
    record.first_token_us =
        duration_cast<microseconds>(*exchange.first_token - exchange.request.received).count();
  }
  record.response_bytes = exchange.response_bytes;
  telemetry::log_access(record);
}

}  // namespace

std::string_view word(CacheState state) {
  switch (state) {
    case CacheState::hit:
      return "HIT";
    case CacheState::miss:
      return "MISS";
    case CacheState::bypass:
      return "BYPASS";
    case CacheState::disabled:
      break;
  }
  return "DISABLED";
}

Exchange::Exchange(Worker& worker_, http::Request& request_, http::ResponseWriter& response_,
                   const Face& face_)
    : worker(worker_),
      settings(worker_.settings()),
      cache(worker_.cache()),
      request(request_),
      response(response_),
      face(face_),
      request_id(own_or_new_id(request_)) {}

Exchange::~Exchange() {
  if (silent) return;
  try {
    finish(*this);
  } catch (const std::bad_alloc&) {
    // A line is lost for want of memory. The process is not.
  }
}

void Exchange::begin_stream() {
  stream_begun = true;
  status = 200;
  worker.counts().streams_begun.add();
}

std::int64_t Exchange::latency_ms() const {
  return duration_cast<milliseconds>(http::Clock::now() - request.received).count();
}

http::Clock::duration Exchange::own_time(http::Clock::duration elapsed) const {
  return elapsed - provider_time - response.time_waited();
}

std::string_view Exchange::model_shown() const {
  return answered_model.empty() ? std::string_view(call.candidate->wire_model)
                                : std::string_view(answered_model);
}

void append_foreign_field(std::string& fields, std::string_view name, std::string_view value) {
  fields.append(name).append(": ");
  const std::size_t begin = fields.size();
  fields.append(value);
  make_harmless(fields, begin);
  fields.append("\r\n");
}

namespace {

// What a door's callers find in the header, since their bodies have no place for it.
void append_door_fields(std::string& fields, const Exchange& exchange, const dialects::Door& door) {
  fields.append(exchange.call.answer_fields);
  if (!door.request_id_field.empty() &&
      exchange.call.answer_fields.find(door.request_id_field) == std::string::npos)
    append_field(fields, door.request_id_field, exchange.request_id);
  if (exchange.warnings.empty()) return;
  std::string sentences;
  for (const std::string& sentence : exchange.warnings.list()) {
    if (sentences.size() + sentence.size() > kWarningsBytesMax) break;
    sentences.append(sentences.empty() ? "" : " | ").append(sentence);
  }
  append_foreign_field(fields, "x-ai-proxy-warnings", sentences);
}

}  // namespace

namespace {

// "2; openai/gpt-4o-mini=overloaded 31ms, anthropic/claude-haiku-4-5"
void append_tried(std::string& fields, const Exchange& exchange) {
  const std::size_t begin = fields.size();
  fields.append("; ").append(exchange.tried);
  if (!exchange.error && exchange.call.candidate != nullptr)
    fields.append(", ").append(exchange.call.candidate->id);
  make_harmless(fields, begin);
}

}  // namespace

std::string response_fields(const Exchange& exchange, bool with_cost) {
  std::string fields;
  fields.reserve(384);
  append_field(fields, "x-request-id", exchange.request_id);
  append_field(fields, "x-cache", word(exchange.cache_state));
  if (exchange.collapsed) append_field(fields, "x-ai-proxy-collapsed", "true");
  if (exchange.call.candidate != nullptr) {
    append_foreign_field(fields, "x-ai-proxy-provider", exchange.call.candidate->provider->name);
    append_foreign_field(fields, "x-ai-proxy-model", exchange.call.candidate->wire_model);
  }
  fields.append("x-ai-proxy-attempts: ");
  append_integer(fields, exchange.attempts);
  if (!exchange.tried.empty()) append_tried(fields, exchange);
  fields.append("\r\nx-ai-proxy-overhead-us: ");
  const auto elapsed = http::Clock::now() - exchange.request.received;
  append_integer(fields, duration_cast<microseconds>(exchange.own_time(elapsed)).count());
  fields.append("\r\n");
  if (with_cost && exchange.cost.known())
    append_field(fields, "x-ai-proxy-cost-usd", format_usd(*exchange.cost.total));
  if (!exchange.call.request_id.empty()) {
    append_foreign_field(fields, "x-ai-proxy-provider-request-id", exchange.call.request_id);
  }
  if (const dialects::Door* door = exchange.face.door()) append_door_fields(fields, exchange, *door);
  return fields;
}

void note_answer(Exchange& exchange, std::string_view answered_model,
                 const std::optional<chat::Usage>& usage) {
  exchange.answered_model = answered_model;
  exchange.usage = usage;
  exchange.cost = price(exchange, answered_model, usage);
  if (exchange.cache_state != CacheState::hit) return;
  exchange.saved = exchange.cost.total.value_or(0);
  exchange.cost = pricing::Cost::zero();
}

pricing::Cost price(const Exchange& exchange, std::string_view answered_model,
                    const std::optional<chat::Usage>& usage) {
  const providers::Provider& provider = *exchange.call.candidate->provider;
  const pricing::Catalog& catalog = *exchange.settings->catalog;
  const std::string_view asked_model = exchange.call.candidate->wire_model;
  const bool answered_is_known = !answered_model.empty() && answered_model != asked_model &&
                                 catalog.find(provider.catalog, answered_model) != nullptr;
  const std::string_view model = answered_is_known ? answered_model : asked_model;
  pricing::CallContext context;
  context.region = provider.region;
  return pricing::cost_of(catalog, provider.catalog, model, usage ? &*usage : nullptr, context);
}

}  // namespace ai_proxy::gateway
