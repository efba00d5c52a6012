#include "gateway/chat_stream.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/ascii.h"
#include "base/json.h"
#include "gateway/chat_whole.h"
#include "gateway/face.h"
#include "gateway/provider_call.h"
#include "gateway/relay.h"
#include "gateway/replay.h"
#include "gateway/send.h"
#include "gateway/single_flight.h"

namespace ai_proxy::gateway {
namespace {

constexpr std::string_view kEventStreamType = "text/event-stream";
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

// So that memory that runs out is looked for here too.
void note_held(Exchange& exchange, std::size_t held) {
  exchange.response.cancellation().held_bytes = held + (exchange.lead ? exchange.lead->held_bytes() : 0);
}

// Hands the client what the relay has made; the head goes before it, unless it has gone. False: the client is
// gone. What the kernel does not take is owed.
bool flush(Exchange& exchange, Relay& relay) {
  const std::string& output = relay.output();
  exchange.response_bytes += output.size();
  bool sent = true;
  if (!exchange.call.rendered.empty()) std::string().swap(exchange.call.rendered);  // nobody else is asked
  if (!exchange.stream_begun) {
    exchange.begin_stream();
    sent = exchange.response.begin_stream_now(200, kEventStream, stream_fields(exchange), output);
  } else {
    sent = exchange.response.write_now(output);
  }
  relay.output_sent();
  return sent;
}

void note_client_gone(Exchange& exchange, const Relay& relay) {
  note_stream(exchange, relay.reader());
  exchange.error = client_gone();
  exchange.status = http_status(ErrorCode::cancelled);
  exchange.response.abort();
}

http::Task<void> finish_stream(Exchange& exchange, Relay& relay) {
  const bool sent = flush(exchange, relay);
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

http::Task<Result<void>> fail_no_stream(Exchange& exchange, http::ClientReply& reply) {
  constexpr std::size_t kBodyBytesMax = 256 * 1024;
  const int status = reply.status();
  const ProviderWait wait(exchange);
  Result<std::string> body = co_await reply.read_all(kBodyBytesMax);
  if (!body && body.error().code == ErrorCode::cancelled) co_return std::unexpected(std::move(body.error()));
  co_return std::unexpected(no_stream(exchange, status, body ? std::string_view(*body) : std::string_view()));
}

class ProviderStream final : public StreamSource {
 public:
  explicit ProviderStream(http::ClientReply& reply) : reply_(reply) {}
  http::Task<Result<std::string_view>> read_some() override { return reply_.read_some(); }
  void event_seen() override { reply_.event_seen(); }

 private:
  http::ClientReply& reply_;
};

// One stream's way through the gateway. What it does between two waits stands in functions of its own: a
// coroutine keeps what it holds across its waits, and one of them waits in every open stream.
class StreamPassage {
 public:
  [[gnu::noinline]] StreamPassage(Exchange& exchange, StreamSource& source, KeepAlive& keep_alive)
      : exchange_(exchange), source_(source), keep_alive_(keep_alive), relay_(exchange) {
    if (exchange.cache_write && exchange.cache_state != CacheState::hit)
      recorder_ = std::make_unique<StreamRecorder>();
  }

  bool over() const { return over_ || relay_.terminated(); }
  void begin_wait() { waiting_ = http::Clock::now(); }
  // What the source has brought goes to the caller. True: the kernel has not taken all of it.
  [[gnu::noinline]] bool pass_on(Result<std::string_view>&& bytes);
  // The caller has taken it, or is gone.
  void passed_on(bool sent);
  // True: the stream's last words are to be sent. False: nothing more is to be said here.
  [[gnu::noinline]] bool conclude();
  // An error: it failed before anything had been sent.
  [[gnu::noinline]] Result<void> outcome();
  Relay& relay() { return relay_; }

 private:
  void leave_behind();
  void lead_no_more();

  Exchange& exchange_;
  StreamSource& source_;
  KeepAlive& keep_alive_;
  Relay relay_;
  std::unique_ptr<StreamRecorder> recorder_;
  http::Clock::time_point waiting_;
  bool over_ = false;
  bool broken_ = false;  // by the source, not by what it brought
  bool gone_ = false;    // the caller, and nobody else waits
  bool failed_ = false;  // before anything was sent
};

bool StreamPassage::pass_on(Result<std::string_view>&& bytes) {
  const auto read = http::Clock::now();
  exchange_.provider_time += read - waiting_;
  if (!bytes) {
    over_ = broken_ = true;
    relay_.error() = std::move(bytes.error());
    return false;
  }
  over_ = bytes->empty() || !relay_.feed(*bytes);
  if (exchange_.lead && !exchange_.lead->stream(*bytes, relay_.started())) lead_no_more();
  if (recorder_) recorder_->take(*bytes);
  note_held(exchange_, relay_.held_bytes() + (recorder_ ? recorder_->held_bytes() : 0));
  if (over_) return false;
  if (relay_.spoke()) source_.event_seen();
  if (!relay_.started()) return false;
  const bool sent = flush(exchange_, relay_);
  keep_alive_.sent(read);
  const bool owes = sent && exchange_.response.owed_bytes() > 0;
  const bool followed = exchange_.lead != nullptr && exchange_.lead->followed();
  if (owes && !followed) return true;
  if (owes) leave_behind();
  passed_on(sent);
  return false;
}

// Others who wait for the same stream are not held up by a caller of ours that reads slowly: it is owed what
// it does not take, and is given up where that is as much as a follower may be behind.
void StreamPassage::leave_behind() {
  if (exchange_.response.owed_bytes() <= cache::kFlightBytesMax) return;
  Error error = provider_failed(ErrorCode::stream_interrupted,
                                "The stream was read too slowly: others wait for the same answer.");
  error.blame = Blame::gateway;
  note_error(exchange_, std::move(error));
  exchange_.response.abort();
  exchange_.response.cancellation().request(http::Cancellation::Reason::client_gone);
}

// Who waits calls the provider itself.
void StreamPassage::lead_no_more() {
  const bool caller_gone = exchange_.lead->caller_gone();
  exchange_.lead.reset();
  exchange_.response.cancellation().held_bytes = 0;
  if (caller_gone) exchange_.response.cancellation().request(http::Cancellation::Reason::client_gone);
}

void StreamPassage::passed_on(bool sent) {
  gone_ = !sent && !goes_on_for_others(exchange_);
  over_ = over_ || gone_;
}

bool StreamPassage::conclude() {
  std::optional<Error>& error = relay_.error();
  if (error && !gone_) {
    if (std::optional<Error> cause = cancelled_here(exchange_, *error)) {
      error = std::move(cause);
      exchange_.lead.reset();  // ended here alone: those who follow have been given nothing wrong
    }
    gone_ = error->code == ErrorCode::cancelled;
  }
  if (gone_) {
    note_client_gone(exchange_, relay_);
    return false;
  }
  const bool complete = !error && relay_.reader().complete();
  if (!complete && !relay_.started()) {
    note_stream(exchange_, relay_.reader());
    failed_ = true;
    error = error ? broken_before_answer(std::move(*error))
                  : provider_failed(ErrorCode::provider_error,
                                    "The provider closed its stream before it sent anything.");
    return false;
  }
  // Kept before the flight ends: who comes too late to follow finds it in the cache.
  if (recorder_ && !error && relay_.terminated() && worth_keeping(relay_.reader().finish_reason()))
    recorder_->keep(exchange_);
  if (exchange_.lead) {
    exchange_.lead->begin();
    if (broken_) {
      exchange_.lead->fail(*error);
    } else {
      exchange_.lead->end();
    }
    exchange_.lead.reset();  // its followers need no leader any more
  }
  append_ending(exchange_, relay_);
  return true;
}

Result<void> StreamPassage::outcome() {
  if (failed_) return std::unexpected(std::move(*relay_.error()));
  return {};
}

// The source lives as long as this, where it is its own.
http::Task<Result<void>> relay_all(Exchange& exchange, StreamSource& source, KeepAlive& keep_alive,
                                   std::unique_ptr<StreamSource> /*own*/) {
  StreamPassage passage(exchange, source, keep_alive);
  while (!passage.over()) {
    passage.begin_wait();
    if (!passage.pass_on(co_await source.read_some())) continue;
    passage.passed_on(co_await exchange.response.settle());
    keep_alive.sent(http::Clock::now());
  }
  if (passage.conclude()) co_await finish_stream(exchange, passage.relay());
  co_return passage.outcome();
}

}  // namespace

// No coroutines of their own, which would be kept for as long as the stream lasts.
http::Task<Result<void>> relay_stream(Exchange& exchange, http::ClientReply& reply, KeepAlive& keep_alive) {
  // A missing type is given the benefit of the doubt.
  const std::string_view type = reply.headers().get("content-type");
  if (!type.empty() && !ascii_iequals(type.substr(0, kEventStreamType.size()), kEventStreamType))
    return fail_no_stream(exchange, reply);
  keep_alive.answer_begun();
  if (exchange.lead) exchange.lead->answering();
  reply.expect_event_within(exchange.settings->client.first_event_time);
  auto own = std::make_unique<ProviderStream>(reply);
  StreamSource& source = *own;
  return relay_all(exchange, source, keep_alive, std::move(own));
}

http::Task<Result<void>> relay_stream(Exchange& exchange, StreamSource& source, KeepAlive& keep_alive) {
  return relay_all(exchange, source, keep_alive, nullptr);
}

http::Task<void> send_stream(Exchange& exchange, std::string_view events) {
  exchange.begin_stream();
  exchange.response_bytes += events.size();
  const bool sent =
      co_await exchange.response.begin_stream(200, kEventStream, stream_fields(exchange), events);
  if (!sent || !co_await exchange.response.end_stream()) exchange.status = http_status(ErrorCode::cancelled);
}

http::Task<void> fail_stream(Exchange& exchange, Error error) {
  if (std::optional<Error> cause = cancelled_here(exchange, error)) error = std::move(*cause);
  Relay relay(exchange);
  if (error.code == ErrorCode::cancelled) {
    note_client_gone(exchange, relay);
    co_return;
  }
  note_error(exchange, std::move(error));
  relay.fail();
  co_await finish_stream(exchange, relay);
}

}  // namespace ai_proxy::gateway
