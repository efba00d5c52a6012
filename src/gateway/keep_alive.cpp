#include "gateway/keep_alive.h"

#include "gateway/face.h"

namespace ai_proxy::gateway {

KeepAlive::KeepAlive(Exchange& exchange)
    : exchange_(exchange),
      every_(exchange.settings->streams.keep_alive),
      answer_begun_(exchange.settings->streams.begin_early),
      last_sent_(http::Clock::now()),
      deadline_(exchange.worker.deadlines(), [this] { tick(); }) {
  if (every_.count() > 0) deadline_.arm(every_);
}

void KeepAlive::attempt_begins() {
  answer_begun_ = exchange_.settings->streams.begin_early;
}

void KeepAlive::tick() {
  const auto silence = http::Clock::now() - last_sent_;
  if (silence < every_) {
    deadline_.arm(std::chrono::ceil<std::chrono::milliseconds>(every_ - silence));
    return;
  }
  if (answer_begun_) {
    if (!exchange_.stream_begun) begin();
    const std::string_view ping = exchange_.face.keep_alive();
    if (exchange_.response.fill_silence(ping)) exchange_.response_bytes += ping.size();
    sent(http::Clock::now());
  }
  deadline_.arm(every_);
}

void KeepAlive::begin() {
  if (!exchange_.response.begin_stream_now(200, kEventStream, stream_fields(exchange_), {})) return;
  exchange_.begin_stream();
}

std::string stream_fields(const Exchange& exchange) {
  // Proxies in front of us must neither buffer nor store a stream.
  return response_fields(exchange, false).append("cache-control: no-cache\r\nx-accel-buffering: no\r\n");
}

}  // namespace ai_proxy::gateway
