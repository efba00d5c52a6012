#include "gateway/relay.h"

#include <utility>

#include "base/json.h"
#include "base/secret.h"

namespace ai_proxy::gateway {
namespace {

// Something that the model has said, thought or called for.
bool is_token(chat::Delta::Kind kind) {
  return kind != chat::Delta::Kind::started && kind != chat::Delta::Kind::finished;
}

}  // namespace

Relay::Relay(Exchange& exchange)
    : exchange_(exchange),
      reader_(exchange.call.dialect->make_stream_reader()),
      sse_(kEventBytesMax),
      on_delta_([this](const chat::Delta& delta) { delta_seen(delta); }),
      on_event_([this](const http::SseReader::Event& event) { return event_seen(event); }) {}

bool Relay::feed(std::string_view bytes) {
  if (output_.empty()) output_.swap(exchange_.worker.spare_text());
  if (exchange_.call.passes_through) {
    if (!blocks_.feed(bytes, [this](std::string_view block) { return block_seen(block); })) {
      too_large();
      return false;  // behind an error event too: nothing grows without a bound
    }
  } else if (!sse_.feed(bytes, on_event_) && !error_ && !reader_->terminated()) {
    too_large();
  }
  started_ = started_ || output_.size() > kHeldBytesMax;
  if (output_.empty()) give_back_output();
  return !error_;
}

std::size_t Relay::held_bytes() const {
  return blocks_.rest().size() + sse_.buffered() + reader_->held_bytes() +
         (writer_ ? writer_->held_bytes() : 0);
}

void Relay::output_sent() {
  output_.clear();
  give_back_output();
}

// A stream that waits holds no memory for what it will say; the thread keeps the larger of two.
void Relay::give_back_output() {
  std::string& spare = exchange_.worker.spare_text();
  if (output_.capacity() > spare.capacity() && output_.capacity() <= kHeldBytesMax) output_.swap(spare);
  std::string().swap(output_);
}

void Relay::end() {
  if (exchange_.call.passes_through) {
    if (!reader_->terminated()) output_.append(exchange_.face.door()->terminator);
  } else {
    writer().end(output_, *reader_);
  }
}

void Relay::fail() {
  if (!told_failure_) writer().fail(output_);
}

bool Relay::event_seen(const http::SseReader::Event& event) {
  spoke_ = true;
  if (told_failure_) {
    const std::string_view failed = exchange_.face.door()->failed_event;
    if (failed.empty() || event.type != failed) return !failed.empty();  // nothing else matters any more
    append_redacted_block();
    return false;
  }
  Result<void> good = reader_->event(event.type, event.data, on_delta_);
  if (!good) error_ = std::move(good.error());
  if (exchange_.call.passes_through) relay(event);
  // Nothing that follows the terminator matters.
  return (good || told_failure_) && !reader_->terminated();
}

bool Relay::block_seen(std::string_view block) {
  block_ = block;
  const bool going = sse_.feed(block, on_event_);
  if (!going && !error_ && !reader_->terminated()) too_large();
  return going;
}

void Relay::append_redacted_block() {
  output_.append(redact_keys(redact(std::string(block_), *exchange_.call.candidate->key)));
}

void Relay::relay(const http::SseReader::Event& event) {
  const dialects::Door& door = *exchange_.face.door();
  if (error_) {
    told_failure_ = started_ && json::valid(event.data);  // its own words for it, not mere noise
    if (told_failure_) append_redacted_block();
    return;
  }
  if (!door.named_events && !event.type.empty() && event.type != "message") return;
  if (reader_->terminated() && !reader_->complete()) return;  // no end of an answer that has none
  std::string_view hidden;
  if (door.hidden_part != nullptr && !exchange_.asked.stream_usage)
    hidden = door.hidden_part(reader_->body());
  if (hidden.empty()) {
    output_.append(block_);
    return;
  }
  const std::string_view whole = reader_->body().raw();
  if (hidden.size() == whole.size()) return;
  const auto begin = static_cast<std::size_t>(hidden.data() - whole.data());
  const std::size_t line = output_.size();
  output_.append("data: ").append(whole.substr(0, begin)).append(whole.substr(begin + hidden.size()));
  // An event may have come in several lines; between JSON's tokens a line break is as good as a blank.
  for (std::size_t at = output_.find('\n', line); at != std::string::npos; at = output_.find('\n', at + 1))
    output_[at] = ' ';
  output_.append("\n\n");
}

void Relay::delta_seen(const chat::Delta& delta) {
  if (delta.kind != chat::Delta::Kind::started) started_ = true;
  if (!exchange_.first_token && is_token(delta.kind)) exchange_.first_token = http::Clock::now();
  if (!exchange_.call.passes_through) writer().delta(output_, exchange_.with_names_restored(delta));
}

EventWriter& Relay::writer() {
  if (!writer_) writer_ = exchange_.face.make_event_writer(exchange_, *reader_);
  return *writer_;
}

void Relay::too_large() {
  if (!error_)
    error_ = provider_failed(ErrorCode::stream_interrupted, "The provider sent an event larger than 16 MiB.");
}

}  // namespace ai_proxy::gateway
