#include "gateway/chat_stream.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "base/ascii.h"
#include "base/json.h"
#include "base/secret.h"
#include "gateway/face.h"
#include "gateway/provider_call.h"
#include "gateway/send.h"
#include "gateway/single_flight.h"
#include "http/sse_reader.h"

namespace ai_proxy::gateway {
namespace {

constexpr std::string_view kEventStreamType = "text/event-stream";
// One event of a provider may carry a whole tool call or an inline image.
constexpr std::size_t kEventBytesMax = 16 * 1024 * 1024;
// Of a stream that passes through, before its answer begins.
constexpr std::size_t kHeldBytesMax = 64 * 1024;

// Cuts bytes into blocks: an event with the blank line behind it. No copy where a block came whole.
class BlockCutter {
 public:
  // Calls `sink` with each block that is now complete; false from it stops. False: a block became too large.
  template <class Sink>
  bool feed(std::string_view bytes, Sink sink) {
    const bool kept = !rest_.empty();
    if (kept) {
      rest_.append(bytes);
      bytes = rest_;
    }
    std::size_t begin = 0;
    bool going = true;
    for (std::size_t end = 0; going && (end = block_end(bytes, std::max(begin, scanned_))) != 0;
         begin = end) {
      scanned_ = 0;
      going = sink(bytes.substr(begin, end - begin));
    }
    if (kept) {
      rest_.erase(0, begin);
    } else {
      rest_.assign(bytes.substr(begin));
    }
    // A blank line may have begun in the last three bytes.
    scanned_ = rest_.size() > kBlankLineBytes ? rest_.size() - kBlankLineBytes : 0;
    return rest_.size() <= kEventBytesMax;
  }

 private:
  // Behind the first empty line; 0: none has come.
  static std::size_t block_end(std::string_view bytes, std::size_t begin) {
    for (std::size_t at = begin; (at = bytes.find_first_of("\r\n", at)) != std::string_view::npos;) {
      const std::size_t line_end = behind_break(bytes, at);
      if (line_end == 0) return 0;
      if (line_end < bytes.size() && (bytes[line_end] == '\n' || bytes[line_end] == '\r'))
        return behind_break(bytes, line_end);
      at = line_end;
    }
    return 0;
  }
  // Behind the line break at `at`; 0: its CR may still get an LF.
  static std::size_t behind_break(std::string_view bytes, std::size_t at) {
    if (bytes[at] == '\n') return at + 1;
    if (at + 1 == bytes.size()) return 0;
    return bytes[at + 1] == '\n' ? at + 2 : at + 1;
  }

  static constexpr std::size_t kBlankLineBytes = 3;  // CR LF CR, its LF not there yet
  std::string rest_;
  std::size_t scanned_ = 0;  // of rest_: no block ends before
};

// Reads the provider's bytes and makes of them what the caller shall see.
class Relay {
 public:
  explicit Relay(Exchange& exchange)
      : exchange_(exchange),
        reader_(exchange.call.dialect->make_stream_reader()),
        sse_(kEventBytesMax),
        on_delta_([this](const chat::Delta& delta) { delta_seen(delta); }),
        on_event_([this](const http::SseReader::Event& event) { return event_seen(event); }) {}

  // Feeds bytes; what the client shall see is appended to output(). False: nothing more is to be read.
  bool feed(std::string_view bytes) {
    if (exchange_.call.passes_through) {
      if (!blocks_.feed(bytes, [this](std::string_view block) { return block_seen(block); })) {
        too_large();
        return false;  // behind an error event too: nothing grows without a bound
      }
    } else if (!sse_.feed(bytes, on_event_) && !error_ && !reader_->terminated()) {
      too_large();
    }
    return told_failure_ || !error_;
  }

  // The one last event, unless the provider has sent it: the stream is complete, or exchange.error says why
  // not.
  void end() {
    if (exchange_.call.passes_through) {
      if (!reader_->terminated()) output_.append(exchange_.face.door()->terminator);
    } else {
      writer().end(output_, *reader_);
    }
  }
  void fail() {
    if (!told_failure_) writer().fail(output_);
  }

  std::string& output() { return output_; }
  // The caller can be told something: an answer has begun. Before that a failure is a real HTTP status.
  bool started() const { return started_ || output_.size() > kHeldBytesMax; }
  // The provider has sent an event, whatever it says.
  bool spoke() const { return spoke_; }
  bool terminated() const { return reader_->terminated(); }
  const dialects::StreamReader& reader() const { return *reader_; }
  std::optional<Error>& error() { return error_; }

 private:
  bool event_seen(const http::SseReader::Event& event) {
    spoke_ = true;
    if (told_failure_) {  // what a provider says behind its own error event
      append_redacted_block();
      return true;
    }
    Result<void> good = reader_->event(event.type, event.data, on_delta_);
    if (!good) error_ = std::move(good.error());
    if (exchange_.call.passes_through) relay(event);
    // Nothing that follows the terminator matters.
    return (good || told_failure_) && !reader_->terminated();
  }

  // A block without an event is a comment, the provider's keep-alive for us: it goes no further.
  bool block_seen(std::string_view block) {
    block_ = block;
    const bool going = sse_.feed(block, on_event_);
    if (!going && !error_ && !reader_->terminated()) too_large();
    return going;
  }

  // A provider's own words for a failure may quote the key it was called with.
  void append_redacted_block() {
    output_.append(redact_keys(redact(std::string(block_), *exchange_.call.candidate->key)));
  }

  // The event in block_, as it came where the caller may see it so.
  void relay(const http::SseReader::Event& event) {
    const dialects::Door& door = *exchange_.face.door();
    if (error_) {
      told_failure_ = started_ && json::valid(event.data);  // its own words for it, not mere noise
      if (told_failure_) append_redacted_block();
      return;
    }
    if (!door.named_events && !event.type.empty() && event.type != "message") return;
    if (reader_->terminated() && !reader_->complete()) return;  // no end of an answer that has none
    if (door.filter_event == nullptr || exchange_.asked.stream_usage) {
      output_.append(block_);
      return;
    }
    const std::string_view shown = door.filter_event(event.data, space_);
    if (shown.data() == event.data.data()) {
      output_.append(block_);
    } else if (!shown.empty()) {
      output_.append("data: ").append(shown).append("\n\n");
    }
  }

  void delta_seen(const chat::Delta& delta) {
    if (delta.kind != chat::Delta::Kind::started) started_ = true;
    if (!exchange_.first_token && delta.kind == chat::Delta::Kind::text)
      exchange_.first_token = http::Clock::now();
    if (!exchange_.call.passes_through) writer().delta(output_, exchange_.tool_names.restored(delta));
  }

  EventWriter& writer() {
    if (!writer_) writer_ = exchange_.face.make_event_writer(exchange_, *reader_);
    return *writer_;
  }

  void too_large() {
    if (!error_)
      error_ =
          provider_failed(ErrorCode::stream_interrupted, "The provider sent an event larger than 16 MiB.");
  }

  Exchange& exchange_;
  std::unique_ptr<dialects::StreamReader> reader_;
  std::unique_ptr<EventWriter> writer_;  // made when it is first needed: then more is known of the answer
  http::SseReader sse_;
  BlockCutter blocks_;
  dialects::StreamReader::Sink on_delta_;
  http::SseReader::Sink on_event_;
  std::string output_;
  std::string_view block_;  // the one being read
  std::string space_;
  std::optional<Error> error_;
  bool spoke_ = false;         // an event has come
  bool started_ = false;       // a delta has come
  bool told_failure_ = false;  // the provider's own error event has passed through
};

// What is known of the answer, at its end or at its break.
void note_stream(Exchange& exchange, const dialects::StreamReader& reader) {
  note_answer(exchange, reader.model(), reader.usage());
  exchange.finish_reason = chat::effective_finish_reason(reader.finish_reason(), reader.has_tool_calls());
}

// The stream's end: good, or broken or cut short.
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
    relay.fail();
    return;
  }
  if (!exchange.cost.known()) exchange.warnings.add(unknown_cost_warning(exchange));
  relay.end();
}

// Others wait for what this exchange reads.
bool goes_on_for_others(const Exchange& exchange) {
  return exchange.lead != nullptr && !exchange.response.cancellation().requested();
}

// Sends what the relay has made; the head goes before it, unless it has gone. False: the client is gone, and
// nobody else waits.
http::Task<bool> flush(Exchange& exchange, Relay& relay, KeepAlive& keep_alive) {
  const std::string& output = relay.output();
  exchange.response_bytes += output.size();
  bool sent = true;
  if (!exchange.stream_begun) {
    exchange.begin_stream();
    sent = co_await exchange.response.begin_stream(200, kEventStream, stream_fields(exchange), output);
  } else if (!output.empty()) {
    sent = co_await exchange.response.write(output);
  }
  keep_alive.sent();
  relay.output().clear();
  co_return sent || goes_on_for_others(exchange);
}

void note_client_gone(Exchange& exchange, const Relay& relay) {
  note_stream(exchange, relay.reader());
  exchange.error = client_gone();
  exchange.status = http_status(ErrorCode::cancelled);
  exchange.response.abort();
}

http::Task<void> finish_stream(Exchange& exchange, Relay& relay, KeepAlive& keep_alive) {
  const bool sent = co_await flush(exchange, relay, keep_alive);
  if (!sent || !co_await exchange.response.end_stream()) exchange.status = http_status(ErrorCode::cancelled);
}

// What a provider that answers a request for a stream with a JSON body, or anything else, means by it.
Error no_stream(const Exchange& exchange, int status, std::string_view body) {
  dialects::ReplyHead head;
  head.status = status;
  head.request_id = exchange.call.request_id;
  json::Document document;
  const bool is_json = !document.parse(body, json::kProviderLimits);
  if (is_json && document.root()["error"].has_value()) {
    return exchange.call.dialect->parse_error(head, body);
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

namespace {

class ProviderStream final : public StreamSource {
 public:
  explicit ProviderStream(http::ClientReply& reply) : reply_(reply) {}
  http::Task<Result<std::string_view>> read_some() override { return reply_.read_some(); }
  void event_seen() override { reply_.event_seen(); }

 private:
  http::ClientReply& reply_;
};

}  // namespace

http::Task<Result<void>> relay_stream(Exchange& exchange, http::ClientReply& reply, KeepAlive& keep_alive) {
  // A missing type is given the benefit of the doubt.
  const std::string_view type = reply.headers().get("content-type");
  if (!type.empty() && !ascii_iequals(type.substr(0, kEventStreamType.size()), kEventStreamType)) {
    co_return std::unexpected(co_await read_no_stream(exchange, reply));
  }
  keep_alive.answer_begun();
  if (exchange.lead) exchange.lead->answering();
  reply.expect_event_within(exchange.settings->client.first_event_time);
  ProviderStream source(reply);
  co_return co_await relay_stream(exchange, source, keep_alive);
}

http::Task<Result<void>> relay_stream(Exchange& exchange, StreamSource& source, KeepAlive& keep_alive) {
  Relay relay(exchange);
  bool broken = false;  // by the source, not by what it brought
  while (!relay.terminated()) {
    const auto waiting = http::Clock::now();
    Result<std::string_view> bytes = co_await source.read_some();
    exchange.provider_time += http::Clock::now() - waiting;
    if (!bytes) {
      broken = true;
      relay.error() = std::move(bytes.error());
      break;
    }
    const bool going = !bytes->empty() && relay.feed(*bytes);
    if (exchange.lead) exchange.lead->stream(*bytes, relay.started());
    if (!going) break;
    if (relay.spoke()) source.event_seen();
    if (!relay.started()) continue;
    if (!co_await flush(exchange, relay, keep_alive)) {
      note_client_gone(exchange, relay);
      co_return Result<void>();
    }
  }
  if (relay.error()) {
    if (std::optional<Error> cause = cancelled_here(exchange, *relay.error()))
      relay.error() = std::move(cause);
  }
  if (relay.error() && relay.error()->code == ErrorCode::cancelled) {
    note_client_gone(exchange, relay);
    co_return Result<void>();
  }
  const bool failed = relay.error().has_value() || !relay.reader().complete();
  if (failed && !relay.started()) {
    note_stream(exchange, relay.reader());
    co_return std::unexpected(
        relay.error() ? broken_before_answer(std::move(*relay.error()))
                      : provider_failed(ErrorCode::provider_error,
                                        "The provider closed its stream before it sent anything."));
  }
  if (exchange.lead) {
    exchange.lead->stream({}, true);
    if (broken) {
      exchange.lead->fail(*relay.error());
    } else {
      exchange.lead->end();
    }
  }
  append_ending(exchange, relay);
  co_await finish_stream(exchange, relay, keep_alive);
  co_return Result<void>();
}

http::Task<void> fail_stream(Exchange& exchange, KeepAlive& keep_alive, Error error) {
  if (std::optional<Error> cause = cancelled_here(exchange, error)) error = std::move(*cause);
  Relay relay(exchange);
  if (error.code == ErrorCode::cancelled) {
    note_client_gone(exchange, relay);
    co_return;
  }
  note_error(exchange, std::move(error));
  relay.fail();
  co_await finish_stream(exchange, relay, keep_alive);
}

}  // namespace ai_proxy::gateway
