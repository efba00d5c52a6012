#include "gateway/send.h"

#include <utility>

#include "gateway/face.h"

namespace ai_proxy::gateway {

http::Task<void> send(Exchange& exchange, int status, std::string_view body, bool with_cost,
                      std::string_view more_fields) {
  const std::string fields = response_fields(exchange, with_cost).append(more_fields);
  exchange.response_bytes = body.size();
  const bool sent = co_await exchange.response.send(status, "application/json; charset=utf-8", fields, body);
  exchange.status = sent ? status : http_status(ErrorCode::cancelled);
}

Error shutting_down() {
  Error error =
      provider_failed(ErrorCode::overloaded, "This server is shutting down. Send the request again.");
  error.blame = Blame::gateway;
  return error;
}

Error server_overloaded() {
  Error error = provider_failed(ErrorCode::overloaded, std::string(http::kOverloaded.message));
  error.blame = Blame::gateway;
  error.retry_after = std::chrono::seconds(1);
  return error;
}

Error broken_before_answer(Error error) {
  if (error.code != ErrorCode::stream_interrupted) return error;
  return provider_failed(ErrorCode::provider_unreachable,
                         "The connection to the provider broke before its answer was complete.");
}

void note_error(Exchange& exchange, Error error) {
  if (error.blame == Blame::provider) {
    if (error.provider_status == 0) error.provider_status = exchange.call.status;
    if (error.provider_request_id.empty()) error.provider_request_id = exchange.call.request_id;
  }
  if (exchange.call.candidate != nullptr) {
    error.message = redact(std::move(error.message), *exchange.call.candidate->key);
  }
  exchange.error = std::move(error);
}

namespace {

void append_retry_fields(std::string& fields, const Exchange& exchange) {
  const Error& error = *exchange.error;
  if (error.retry_after) {
    // Whole seconds, rounded up: too late is polite, too early is not.
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(*error.retry_after).count();
    fields.append("retry-after: ").append(std::to_string(seconds)).append("\r\n");
    // The provider's own SDKs look at this one first.
    if (exchange.call.passes_through)
      fields.append("retry-after-ms: ").append(std::to_string(error.retry_after->count())).append("\r\n");
  }
  // The SDKs judge by the status alone, unless they are told.
  if (exchange.face.door() != nullptr &&
      exchange.call.answer_fields.find("x-should-retry") == std::string::npos) {
    // What we have tried again ourselves is not to be multiplied by a caller that does the same.
    const bool again = error.retryable && (exchange.attempts <= 1 || error.code == ErrorCode::rate_limited);
    fields.append(again ? "x-should-retry: true\r\n" : "x-should-retry: false\r\n");
  }
}

}  // namespace

http::Task<void> send_error(Exchange& exchange, Error error) {
  if (std::optional<Error> cause = cancelled_here(exchange, error)) error = std::move(*cause);
  if (error.code == ErrorCode::cancelled) {
    exchange.error = std::move(error);
    exchange.status = http_status(ErrorCode::cancelled);
    exchange.response.abort();
    co_return;
  }
  note_error(exchange, std::move(error));
  const Answer answer = exchange.face.render_error(exchange);
  std::string fields = response_fields(exchange, false);
  append_retry_fields(fields, exchange);
  exchange.response_bytes = answer.body.size();
  const bool sent =
      co_await exchange.response.send(answer.status, "application/json; charset=utf-8", fields, answer.body);
  exchange.status = sent ? answer.status : http_status(ErrorCode::cancelled);
}

std::optional<Error> cancelled_here(const Exchange& exchange, const Error& error) {
  using Reason = http::Cancellation::Reason;
  if (error.code != ErrorCode::cancelled) return std::nullopt;
  const Reason reason = exchange.response.cancellation().reason();
  if (reason == Reason::draining) return shutting_down();
  if (reason == Reason::overloaded) return server_overloaded();
  return std::nullopt;
}

std::string unknown_cost_warning(const Exchange& exchange) {
  const std::string& reason = exchange.cost.reason;
  const std::string model(exchange.model_shown());
  if (reason == "unknown_model")
    return "cost: the price catalogue does not know \"" + model + "\", so the cost is not known.";
  if (reason == "no_usage") return "cost: the provider reported no usage, so the cost is not known.";
  if (reason == "invalid_usage")
    return "cost: the provider's token counts contradict each other, so the cost is not known.";
  return "cost: the catalogue has no price for this use of \"" + model + "\" (" + reason +
         "), so the cost is not known.";
}

}  // namespace ai_proxy::gateway
