#include "gateway/provider_call.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <span>

#include "base/ascii.h"
#include "base/json.h"
#include "base/secret.h"
#include "gateway/via.h"
#include "http/date.h"

namespace ai_proxy::gateway {
namespace {

constexpr std::size_t kErrorBodyBytesMax = 256 * 1024;

// Each provider has its own name for it.
std::string_view find_request_id(const http::Headers& headers) {
  constexpr std::array<std::string_view, 3> kNames{"x-request-id", "request-id", "mistral-correlation-id"};
  for (const std::string_view name : kNames) {
    if (const http::Field* field = headers.find(name)) return field->value;
  }
  return {};
}

dialects::ReplyHead reply_head(const http::ClientReply& reply) {
  const http::Headers& headers = reply.headers();
  dialects::ReplyHead head;
  head.status = reply.status();
  head.content_type = headers.get("content-type");
  head.retry_after = headers.get("retry-after");
  head.retry_after_ms = headers.get("retry-after-ms");
  head.should_retry = headers.get("x-should-retry");
  head.request_id = find_request_id(headers);
  return head;
}

// Retry-After is seconds or a date; those who read it next have no clock.
std::string in_seconds(std::string_view retry_after) {
  const auto date = http::parse_date(retry_after);
  if (!date) return std::string(retry_after);
  // In whole seconds: a date may be millennia away.
  const auto left = *date - std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  return left.count() > 0 ? std::to_string(left.count()) : std::string();  // one that is over says nothing
}

// Names in lower case and, where they end in '*', beginnings of names.
bool lists(std::span<const std::string_view> names, std::string_view name) {
  const char first = name.empty() ? '\0' : ascii_lower(name.front());
  return std::ranges::any_of(names, [&](std::string_view entry) {
    if (entry.front() != first) return false;
    if (!entry.ends_with('*')) return ascii_iequals(name, entry);
    entry.remove_suffix(1);
    return ascii_iequals(name.substr(0, entry.size()), entry);
  });
}

// What a caller of the provider's own dialect gets to see of its answer's header. An organization's or
// project's id, cookies and the like are nobody's business.
constexpr std::array<std::string_view, 8> kRelayedFields{
    "request-id",  "mistral-correlation-id", "x-ratelimit-*",  "anthropic-ratelimit-*",
    "ratelimit-*", "openai-processing-ms",   "openai-version", "x-should-retry"};
// What of the caller's own header goes on to a provider of its dialect.
constexpr std::array<std::string_view, 3> kForwardedFields{"anthropic-beta", "anthropic-version",
                                                           "openai-beta"};

std::string relayed_fields(const http::Headers& headers) {
  std::string lines;
  for (const http::Field& field : headers) {
    if (lists(kRelayedFields, field.name) && !headers.is_hop_by_hop(field.name))
      append_foreign_field(lines, ascii_lowered(field.name), field.value);
  }
  return lines;
}

// `lines` without those whose names stand in `own`, and `own`.
std::string replaced_fields(const std::string& lines, const std::string& own) {
  if (own.empty()) return lines;
  std::string kept;
  for (std::size_t at = 0; at < lines.size();) {
    const std::size_t end = std::min(lines.find("\r\n", at), lines.size() - 2) + 2;
    const std::string_view line = std::string_view(lines).substr(at, end - at);
    const std::string name = ascii_lowered(line.substr(0, line.find(':') + 1));
    if (!own.starts_with(name) && own.find("\n" + name) == std::string::npos) kept.append(line);
    at = end;
  }
  return kept.append(own);
}

// A refusal that its own dialect's caller can be shown: JSON, and our key not in it.
std::string showable_refusal(const Call& call, const std::string& body) {
  json::Document document;
  if (document.parse(body, json::kProviderLimits) || !document.root().is_object()) return {};
  return redact_keys(redact(body, *call.candidate->key));
}

http::Task<Error> refusal(Call& call, http::ClientReply& reply) {
  const int status = reply.status();
  if (status >= 300 && status < 400) {
    Error error = provider_failed(ErrorCode::provider_error,
                                  "The provider answered with a redirect (" + std::to_string(status) +
                                      "), which is never followed. Check its base URL.");
    error.provider_status = status;
    co_return error;
  }
  // The head's views die with the next read: what the error needs is taken first.
  const dialects::ReplyHead views = reply_head(reply);
  const std::string content_type(views.content_type), retry_after = in_seconds(views.retry_after);
  const std::string retry_after_ms(views.retry_after_ms), should_retry(views.should_retry),
      id(views.request_id);
  Result<std::string> body = co_await reply.read_all(kErrorBodyBytesMax);
  if (!body && body.error().code == ErrorCode::cancelled) co_return body.error();
  dialects::ReplyHead head{status, content_type, retry_after, retry_after_ms, should_retry, id};
  Error error = call.dialect->parse_error(head, body ? std::string_view(*body) : std::string_view());
  error.message = redact(std::move(error.message), *call.candidate->key);
  if (call.passes_through && body) call.refusal = showable_refusal(call, *body);
  co_return error;
}

}  // namespace

std::string forwarded_fields(const http::Headers& headers) {
  std::string lines;
  for (const http::Field& field : headers) {
    if (lists(kForwardedFields, field.name) && !headers.is_hop_by_hop(field.name))
      append_foreign_field(lines, ascii_lowered(field.name), field.value);
  }
  return lines;
}

Result<void> render_conversation(Exchange& exchange) {
  const providers::Provider& provider = *exchange.call.candidate->provider;
  const std::string& model = exchange.call.candidate->wire_model;
  const chat::ModelTraits traits = providers::model_traits(provider, model, *exchange.settings->catalog);
  const std::size_t tool_name_length_max = exchange.call.dialect->tool_name_length_max;
  auto& [request, tool_names] = *exchange.conversation;
  if (auto named = tool_names.apply(request, tool_name_length_max); !named) return named;
  request.source_bytes = exchange.request.body.size();
  Result<std::string> body = exchange.call.dialect->render_request(request, model, traits, exchange.warnings);
  if (!body) return std::unexpected(std::move(body.error()));
  if (exchange.settings->reject_unsupported && !exchange.warnings.empty()) {
    const std::string& first = exchange.warnings.list().front();
    return std::unexpected(bad_request(first, first.substr(0, first.find(':'))));
  }
  exchange.call.rendered = std::move(*body);
  if (exchange.call.dialect->request_fields != nullptr)
    exchange.call.fields = exchange.call.dialect->request_fields(request, provider.fields);
  return {};
}

namespace {

// True: an answer has begun, that is no refusal.
bool note_head(Call& call, const http::ClientReply& reply) {
  call.status = reply.status();
  call.request_id = find_request_id(reply.headers());
  if (call.passes_through) call.answer_fields = relayed_fields(reply.headers());
  if (call.status < 200 || call.status >= 300) return false;
  call.answer_begun = http::Clock::now();
  return true;
}

[[gnu::noinline]] void refuse(Result<http::ClientReply>& reply, Error&& error) {
  reply = std::unexpected(std::move(error));
}

// Of the time that all attempts together may take.
std::chrono::milliseconds time_left(const Exchange& exchange) {
  using std::chrono::milliseconds;
  const auto end = exchange.request.received + exchange.total_time;
  return std::max(std::chrono::ceil<milliseconds>(end - http::Clock::now()), milliseconds(1));
}

}  // namespace

http::Task<Result<http::ClientReply>> call_provider(Exchange& exchange, Call& call,
                                                    http::Cancellation& cancellation) {
  const routing::Candidate& candidate = *call.candidate;
  const providers::Provider& provider = *candidate.provider;
  std::string fields =
      replaced_fields(provider.request_fields(exchange.asked.stream, *candidate.key), call.fields);
  append_via(fields, exchange.request.headers, exchange.worker.process().gateway_name);
  const std::string path = provider.path_of(call.dialect->path);
  const std::string credential = provider.name + "#" + std::to_string(candidate.key_number);
  http::OutgoingRequest request;
  request.path = path;
  request.fields = fields;
  request.body = call.body();
  request.credential = credential;
  request.total_time = time_left(exchange);
  ++exchange.attempts;
  call.begun = http::Clock::now();
  Result<http::ClientReply> reply =
      co_await exchange.worker.client().send(provider.origin, request, cancellation);
  if (reply && !note_head(call, *reply)) refuse(reply, co_await refusal(call, *reply));
  co_return reply;
}

}  // namespace ai_proxy::gateway
