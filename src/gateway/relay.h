// A stream on its way through: the provider's bytes in, what the caller shall see out.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "dialects/dialect.h"
#include "gateway/block_cutter.h"
#include "gateway/exchange.h"
#include "gateway/face.h"
#include "http/sse_reader.h"

namespace ai_proxy::gateway {

// Of a stream that passes through, before its answer begins.
constexpr std::size_t kHeldBytesMax = 64 * 1024;

// Reads the provider's bytes and makes of them what the caller shall see.
class Relay {
 public:
  explicit Relay(Exchange& exchange);

  // Feeds bytes; what the client shall see is appended to output(). False: nothing more is to be read.
  bool feed(std::string_view bytes);

  // The one last event, unless the provider has sent it: the stream is complete, or exchange.error says why
  // not.
  void end();
  void fail();

  const std::string& output() const { return output_; }
  void output_sent();
  // Of what has come, and is not yet passed on.
  std::size_t held_bytes() const;
  // The caller can be told something: an answer has begun. Before that a failure is a real HTTP status.
  bool started() const { return started_; }
  // The provider has sent an event, whatever it says.
  bool spoke() const { return spoke_; }
  bool terminated() const { return reader_->terminated(); }
  const dialects::StreamReader& reader() const { return *reader_; }
  std::optional<Error>& error() { return error_; }

 private:
  bool event_seen(const http::SseReader::Event& event);

  // A block without an event is a comment, the provider's keep-alive for us: it goes no further.
  bool block_seen(std::string_view block);

  // A provider's own words for a failure may quote the key it was called with.
  void append_redacted_block();

  // The event in block_, as it came where the caller may see it so.
  void relay(const http::SseReader::Event& event);

  void delta_seen(const chat::Delta& delta);

  void give_back_output();

  EventWriter& writer();

  void too_large();

  Exchange& exchange_;
  std::unique_ptr<dialects::StreamReader> reader_;
  std::unique_ptr<EventWriter> writer_;  // made when it is first needed: then more is known of the answer
  http::SseReader sse_;
  BlockCutter blocks_;
  dialects::StreamReader::Sink on_delta_;
  http::SseReader::Sink on_event_;
  std::string output_;
  std::string_view block_;  // the one being read
  std::optional<Error> error_;
  bool spoke_ = false;         // an event has come
  bool started_ = false;       // a delta has come, or more than is held back
  bool told_failure_ = false;  // the provider's own error event has passed through
};

}  // namespace ai_proxy::gateway
