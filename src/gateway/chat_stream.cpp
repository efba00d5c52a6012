#include "gateway/chat_stream.h"

#include <optional>
#include <string>
#include <utility>

#include "base/ascii.h"
#include "base/json.h"
#include "dialects/native/native.h"
#include "gateway/provider_call.h"
#include "gateway/send.h"
#include "http/sse_reader.h"

namespace ai_proxy::gateway {
namespace {

namespace native = dialects::native;

constexpr std::string_view kEventStreamType = "text/event-stream";
constexpr std::string_view kEventStream = "text/event-stream; charset=utf-8";
// One event of a provider may carry a whole tool call or an inline image.
constexpr std::size_t kEventBytesMax = 16 * 1024 * 1024;

// Reads the provider's bytes and turns them into ours.
class Relay {
 public:
  explicit Relay(Exchange& exchange)
      : exchange_(exchange),
        reader_(exchange.candidate.provider->dialect->make_stream_reader()),
        sse_(kEventBytesMax),
        on_delta_([this](const chat::Delta& delta) { delta_seen(delta); }),
        on_event_([this](const http::SseReader::Event& event) { return event_seen(event); }) {}

  // Feeds bytes; what the client shall see is appended to output(). False: the stream failed, see error().
  bool feed(std::string_view bytes) {
    if (!sse_.feed(bytes, on_event_) && !error_ && !reader_->terminated()) {
      error_ =
          provider_failed(ErrorCode::stream_interrupted, "The provider sent an event larger than 16 MiB.");
    }
    return !error_;
  }

  std::string& output() { return output_; }
  bool started() const { return started_; }
  bool terminated() const { return reader_->terminated(); }
  const dialects::StreamReader& reader() const { return *reader_; }
  std::optional<Error>& error() { return error_; }

 private:
  bool event_seen(const http::SseReader::Event& event) {
    Result<void> good = reader_->event(event.type, event.data, on_delta_);
    if (!good) error_ = std::move(good.error());
    // Nothing that follows the terminator matters.
    return good && !reader_->terminated();
  }

  void delta_seen(const chat::Delta& delta) {
    if (delta.kind != chat::Delta::Kind::started) started_ = true;
    if (!exchange_.first_token && delta.kind == chat::Delta::Kind::text)
      exchange_.first_token = http::Clock::now();
    native::render_chunk(output_, delta);
  }

  Exchange& exchange_;
  std::unique_ptr<dialects::StreamReader> reader_;
  http::SseReader sse_;
  dialects::StreamReader::Sink on_delta_;
  http::SseReader::Sink on_event_;
  std::string output_;
  std::optional<Error> error_;
  bool started_ = false;  // a delta has come
};

// What is known of the answer, at its end or at its break.
void note_stream(Exchange& exchange, const dialects::StreamReader& reader) {
  exchange.answered_model = reader.model();
  exchange.usage = reader.usage();
  exchange.finish_reason = chat::effective_finish_reason(reader.finish_reason(), reader.has_tool_calls());
  exchange.cost = price(exchange, reader.model(), reader.usage());
}

// The one last event: done, or error when the stream broke or was cut short.
void append_ending(Exchange& exchange, Relay& relay) {
  note_stream(exchange, relay.reader());
  if (!relay.error() && !relay.reader().complete()) {
    relay.error() =
        provider_failed(ErrorCode::stream_interrupted,
                        "The provider's stream ended before the answer was complete. What was sent so far is "
                        "all there is.");
  }
  if (relay.error()) {
    note_error(exchange, std::move(*relay.error()));
    native::render_error_event(relay.output(), error_view(exchange));
    return;
  }
  if (!exchange.cost.known()) exchange.warnings.add(unknown_cost_warning(exchange));
  const native::DoneView view{.finish_reason = exchange.finish_reason,
                              .usage = exchange.usage,
                              .cost = {exchange.cost.input, exchange.cost.output, exchange.cost.total},
                              .latency_ms = exchange.latency_ms(),
                              .warnings = exchange.warnings};
  native::render_done(relay.output(), view);
}

http::Task<bool> begin(Exchange& exchange, Relay& relay) {
  std::string fields = response_fields(exchange, false);
  // Proxies in front of us must neither buffer nor store a stream.
  fields.append("cache-control: no-cache\r\nx-accel-buffering: no\r\n");
  exchange.status = 200;
  exchange.response_bytes += relay.output().size();
  const bool sent = co_await exchange.response.begin_stream(200, kEventStream, fields, relay.output());
  relay.output().clear();
  co_return sent;
}

http::Task<bool> write(Exchange& exchange, Relay& relay) {
  if (relay.output().empty()) co_return true;
  exchange.response_bytes += relay.output().size();
  const bool sent = co_await exchange.response.write(relay.output());
  relay.output().clear();
  co_return sent;
}

void note_client_gone(Exchange& exchange, Relay& relay) {
  note_stream(exchange, relay.reader());
  exchange.error = client_gone();
  exchange.status = http_status(ErrorCode::cancelled);
  exchange.response.abort();
}

// What a provider that answers a request for a stream with a JSON body, or anything else, means by it.
Error no_stream(const Exchange& exchange, int status, std::string_view body) {
  dialects::ReplyHead head;
  head.status = status;
  head.request_id = exchange.provider_request_id;
  json::Document document;
  const bool is_json = !document.parse(body, json::kProviderLimits);
  if (is_json && document.root()["error"].has_value()) {
    return exchange.candidate.provider->dialect->parse_error(head, body);
  }
  return provider_failed(ErrorCode::provider_error,
                         "The provider was asked for a stream and answered with something else.");
}

http::Task<Error> read_no_stream(Exchange& exchange, http::ClientReply& reply) {
  constexpr std::size_t kBodyBytesMax = 256 * 1024;
  const int status = reply.status();
  const ProviderWait wait(exchange);
  Result<std::string> body = co_await reply.read_all(kBodyBytesMax);
  if (!body && body.error().code == ErrorCode::cancelled) co_return body.error();
  co_return no_stream(exchange, status, body ? std::string_view(*body) : std::string_view());
}

}  // namespace

http::Task<void> answer_stream(Exchange& exchange) {
  Result<http::ClientReply> reply = co_await call_provider(exchange);
  if (!reply) {
    co_await send_error(exchange, std::move(reply.error()));
    co_return;
  }
  // A missing type is given the benefit of the doubt.
  const std::string_view type = reply->headers().get("content-type");
  if (!type.empty() && !ascii_iequals(type.substr(0, kEventStreamType.size()), kEventStreamType)) {
    Error error = co_await read_no_stream(exchange, *reply);
    co_await send_error(exchange, std::move(error));
    co_return;
  }
  Relay relay(exchange);
  bool begun = false;
  while (!relay.terminated()) {
    const auto waiting = http::Clock::now();
    Result<std::string_view> bytes = co_await reply->read_some();
    exchange.provider_time += http::Clock::now() - waiting;
    if (!bytes) relay.error() = std::move(bytes.error());
    if (!bytes || bytes->empty() || !relay.feed(*bytes)) break;
    if (!relay.started()) continue;
    const bool sent = begun ? co_await write(exchange, relay) : co_await begin(exchange, relay);
    begun = true;
    if (!sent) {
      note_client_gone(exchange, relay);
      co_return;
    }
  }
  if (relay.error() && cancelled_by_drain(exchange, *relay.error())) relay.error() = shutting_down();
  if (relay.error() && relay.error()->code == ErrorCode::cancelled) {
    note_client_gone(exchange, relay);
    co_return;
  }
  const bool failed = relay.error().has_value() || !relay.reader().complete();
  if (failed && !begun) {
    note_stream(exchange, relay.reader());
    Error error = relay.error() ? broken_before_answer(std::move(*relay.error()))
                                : provider_failed(ErrorCode::provider_error,
                                                  "The provider closed its stream before it sent anything.");
    co_await send_error(exchange, std::move(error));
    co_return;
  }
  append_ending(exchange, relay);
  const bool sent = begun ? co_await write(exchange, relay) : co_await begin(exchange, relay);
  if (!sent || !co_await exchange.response.end_stream()) exchange.status = http_status(ErrorCode::cancelled);
}

}  // namespace ai_proxy::gateway
