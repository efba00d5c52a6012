#include "gateway/provider_call.h"

#include <algorithm>
#include <array>
#include <chrono>

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
  const auto left = std::chrono::ceil<std::chrono::seconds>(*date - std::chrono::system_clock::now());
  return std::to_string(std::max<std::int64_t>(left.count(), 0));
}

http::Task<Error> refusal(Exchange& exchange, http::ClientReply& reply) {
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
  Error error = exchange.candidate.provider->dialect->parse_error(
      head, body ? std::string_view(*body) : std::string_view());
  error.message = redact(std::move(error.message), exchange.candidate.provider->key);
  co_return error;
}

}  // namespace

http::Task<Result<http::ClientReply>> call_provider(Exchange& exchange) {
  const providers::Provider& provider = *exchange.candidate.provider;
  const std::string fields = provider.request_fields(exchange.chat.stream);
  http::OutgoingRequest call;
  call.path = provider.dialect->path;
  call.fields = fields;
  call.body = exchange.call_body;
  ++exchange.attempts;
  const ProviderWait wait(exchange);
  Result<http::ClientReply> reply =
      co_await exchange.worker.client().send(provider.origin, call, exchange.response.cancellation());
  if (!reply) co_return std::unexpected(std::move(reply.error()));
  exchange.provider_status = reply->status();
  exchange.provider_request_id = find_request_id(reply->headers());
  if (reply->status() < 200 || reply->status() >= 300) {
    Error error = co_await refusal(exchange, *reply);
    co_return std::unexpected(std::move(error));
  }
  co_return std::move(*reply);
}

}  // namespace ai_proxy::gateway
