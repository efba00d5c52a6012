// Keeps a caller's stream from looking dead while its provider is silent: proxies and clients give up on a
// connection that says nothing for a minute, and a model may think for longer.
#pragma once

#include "gateway/exchange.h"
#include "http/deadline.h"

namespace ai_proxy::gateway {

// Lives as long as the exchange waits for its provider. Writes the keep-alive of the caller's dialect
// whenever nothing has been sent for streams.keep_alive, and begins the stream for it when it must: then the
// status is 200, and what fails from there on fails inside the stream.
class KeepAlive {
 public:
  explicit KeepAlive(Exchange& exchange);

  // A provider is called: its answer has not begun, whatever an earlier one's did.
  void attempt_begins();
  // The provider has begun its answer: a stream may begin before its first event. Until then only
  // streams.begin_early allows it.
  void answer_begun() { answer_begun_ = true; }
  // Something has been sent, then.
  void sent(http::Clock::time_point when) { last_sent_ = when; }

 private:
  void tick();
  void begin();

  Exchange& exchange_;
  std::chrono::milliseconds every_;
  bool answer_begun_;
  http::Clock::time_point last_sent_;
  http::Deadline deadline_;
};

// The header lines with which an exchange's stream begins.
std::string stream_fields(const Exchange& exchange);
inline constexpr std::string_view kEventStream = "text/event-stream; charset=utf-8";

}  // namespace ai_proxy::gateway
