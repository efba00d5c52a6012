#include "gateway/replay.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <utility>

#include "chat/retell.h"
#include "dialects/dialects.h"
#include "gateway/chat_stream.h"
#include "gateway/chat_whole.h"
#include "gateway/face.h"
#include "gateway/provider_call.h"
#include "gateway/send.h"
#include "gateway/single_flight.h"
#include "gateway/stream_source.h"
#include "http/connection_signal.h"
#include "http/sse_reader.h"

namespace ai_proxy::gateway {
namespace {

using std::chrono::ceil;
using std::chrono::floor;
using std::chrono::milliseconds;

// A caller of a paced stream waits for no event longer than this, however long it once took.
constexpr milliseconds kPauseMax(2000);
// Events that are due together leave together, up to here.
constexpr std::size_t kBurstBytes = 16 * 1024;

// A kept stream, as its provider sent it: at once, or at its own pace.
class KeptStream final : public StreamSource {
 public:
  KeptStream(Exchange& exchange, const cache::Entry& entry)
      : exchange_(exchange),
        entry_(entry),
        paced_(exchange.settings->cache.streams == config::StreamReplay::paced),
        due_(http::Clock::now()) {}

  http::Task<Result<std::string_view>> read_some() override {
    if (next_ == entry_.events.size()) co_return std::string_view();
    if (due_ > http::Clock::now() && !co_await wait()) co_return std::unexpected(client_gone());
    const std::size_t begin = end_;
    const auto now = http::Clock::now();
    do {
      const cache::EventMark& event = entry_.events[next_++];
      end_ += event.bytes;
      if (paced_ && next_ < entry_.events.size()) {
        const milliseconds pause(entry_.events[next_].milliseconds - event.milliseconds);
        due_ += std::min(pause, kPauseMax);
      }
    } while (next_ < entry_.events.size() && due_ <= now && end_ - begin < kBurstBytes);
    co_return std::string_view(entry_.body).substr(begin, end_ - begin);
  }

 private:
  // False: the client has gone.
  http::Task<bool> wait() {
    http::Cancellation& cancellation = exchange_.response.cancellation();
    if (cancellation.requested()) co_return false;
    http::Signal over(exchange_.worker.executor());
    http::Deadline deadline(exchange_.worker.deadlines(), [&over] { over.raise(); });
    const http::Cancellation::Guard guard(cancellation, [&over] { over.raise(); });
    deadline.arm(ceil<milliseconds>(due_ - http::Clock::now()));
    co_await over.wait();
    co_return !cancellation.requested();
  }

  Exchange& exchange_;
  const cache::Entry& entry_;
  const bool paced_;
  http::Clock::time_point due_;  // the next event
  std::size_t next_ = 0;
  std::size_t end_ = 0;  // of what has been given out
};

// What a stream's writer asks of its reader, told of a whole reply.
class ReplyReader final : public dialects::StreamReader {
 public:
  explicit ReplyReader(const chat::Reply& reply) : reply_(reply) {}

  Result<void> event(std::string_view /*name*/, std::string_view /*data*/, const Sink& /*sink*/) override {
    return {};
  }
  bool complete() const override { return true; }
  bool terminated() const override { return true; }
  const std::string& id() const override { return reply_.id; }
  const std::string& model() const override { return reply_.model; }
  chat::FinishReason finish_reason() const override { return reply_.finish_reason; }
  const std::string& provider_finish_reason() const override { return reply_.provider_finish_reason; }
  bool has_tool_calls() const override { return !reply_.tool_calls.empty(); }
  const std::string& stop_sequence() const override { return reply_.stop_sequence; }
  const std::optional<chat::Usage>& usage() const override { return reply_.usage; }

 private:
  const chat::Reply& reply_;
};

// The reply that a kept stream makes up; null: it makes up none.
std::optional<chat::Reply> gathered(const Exchange& exchange, std::string_view events) {
  const std::unique_ptr<dialects::StreamReader> reader = exchange.call.dialect->make_stream_reader();
  chat::ReplyBuilder builder;
  bool good = true;
  http::SseReader sse(kKeptStreamBytesMax);
  const dialects::StreamReader::Sink add = [&builder](const chat::Delta& delta) { builder.add(delta); };
  sse.feed(events, [&](const http::SseReader::Event& event) {
    good = reader->event(event.type, event.data, add).has_value();
    return good && !reader->terminated();
  });
  if (!good || !reader->complete() || !builder.complete()) return std::nullopt;
  chat::Reply reply = builder.take();
  reply.id = reader->id();
  reply.model = reader->model();
  reply.finish_reason = reader->finish_reason();
  reply.provider_finish_reason = reader->provider_finish_reason();
  reply.stop_sequence = reader->stop_sequence();
  reply.usage = reader->usage();
  return reply;
}

// A whole answer for a caller that asked for a stream.
http::Task<bool> stream_reply(Exchange& exchange, const chat::Reply& reply) {
  const ReplyReader reader(reply);
  const std::unique_ptr<EventWriter> writer = exchange.face.make_event_writer(exchange, reader);
  std::string events;
  const bool told = chat::retell(reply, [&](const chat::Delta& delta) { writer->delta(events, delta); });
  if (!told) co_return false;
  writer->end(events, reader);
  exchange.first_token = http::Clock::now();
  exchange.lead.reset();
  co_await send_stream(exchange, events);
  co_return true;
}

// Then a whole answer and a stream can be made of each other.
bool one_reply_holds(const Exchange& exchange) {
  json::Document call;
  return !call.parse(exchange.call.body()) && !dialects::asks_beyond_a_reply(call.root());
}

void note_known(Exchange& exchange, const cache::Known& known) {
  exchange.answered_model = known.model;
  exchange.finish_reason = known.finish_reason;
  if (known.input_tokens && known.output_tokens) {
    chat::Usage& usage = exchange.usage.emplace();
    usage.input_tokens = *known.input_tokens;
    usage.output_tokens = *known.output_tokens;
  }
  exchange.saved = known.cost;
  exchange.cost = pricing::Cost::zero();
}

http::Task<bool> give(Exchange& exchange, const cache::Entry& entry) {
  // Where it leads, its followers find the entry too; but only one that is of use.
  if (entry.known && exchange.call.passes_through && !exchange.asked.stream) {
    exchange.lead.reset();
    note_known(exchange, *entry.known);
    co_await send(exchange, 200, entry.body, true);
    co_return true;
  }
  const bool is_stream = !entry.events.empty();
  if (is_stream && exchange.asked.stream) {
    exchange.lead.reset();
    KeepAlive keep_alive(exchange);
    KeptStream source(exchange, entry);
    const Result<void> relayed = co_await relay_stream(exchange, source, keep_alive);
    co_return relayed.has_value();
  }
  if (is_stream != exchange.asked.stream && !one_reply_holds(exchange)) co_return false;
  WholeAnswer answer;
  if (is_stream) {
    answer.reply = gathered(exchange, entry.body);
  } else if (Result<WholeAnswer> whole = understand(exchange, entry.body)) {
    answer = std::move(*whole);
  }
  if (!answer.reply) co_return false;
  note_reply(exchange, *answer.reply);
  if (exchange.asked.stream) co_return co_await stream_reply(exchange, *answer.reply);
  exchange.lead.reset();
  co_await send_whole(exchange, answer);
  co_return true;
}

}  // namespace

http::Task<bool> answer_from_entry(Exchange& exchange, std::shared_ptr<const cache::Entry> entry) {
  if (dialects::find_dialect(entry->dialect) != exchange.call.dialect) co_return false;
  if (entry->provider != exchange.call.candidate->provider->name) co_return false;
  const CacheState planned = std::exchange(exchange.cache_state, CacheState::hit);
  exchange.call.request_id = entry->request_id;
  if (co_await give(exchange, *entry)) co_return true;
  exchange.cache_state = planned;
  exchange.call.request_id.clear();
  exchange.usage.reset();
  exchange.cost = {};
  exchange.saved = 0;
  exchange.finish_reason = chat::FinishReason::unknown;
  exchange.answered_model.clear();
  co_return false;
}

void StreamRecorder::add(std::string_view event) {
  if (events_.empty()) begin_ = last_;
  const auto since = floor<milliseconds>(last_ - begin_).count();
  body_.append(event);
  events_.push_back({static_cast<std::uint32_t>(event.size()), static_cast<std::uint32_t>(since)});
}

void StreamRecorder::take(std::string_view bytes) {
  if (too_large_) return;
  last_ = http::Clock::now();
  const bool cut = blocks_.feed(bytes, [this](std::string_view block) {
    add(block);
    return body_.size() <= kKeptStreamBytesMax;
  });
  if (cut && body_.size() <= kKeptStreamBytesMax) return;
  too_large_ = true;
  body_ = {};
  events_ = {};
}

void StreamRecorder::keep(Exchange& exchange) {
  if (too_large_) return;
  // The last line break of a CR LF may be missing, and the terminator have been understood without it.
  if (!blocks_.rest().empty()) add(blocks_.rest());
  cache::Entry entry{.provider = exchange.call.candidate->provider->name,
                     .dialect = std::string(exchange.call.dialect->name),
                     .request_id = exchange.call.request_id,
                     .body = std::move(body_),
                     .events = std::move(events_)};
  exchange.cache->put(*exchange.call.cache_key, std::move(entry), exchange.cache_ttl);
}

}  // namespace ai_proxy::gateway
