// Answers from the cache, whole and streaming, each from an entry of either kind; and the keeping of streams.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "cache/cache.h"
#include "gateway/block_cutter.h"
#include "gateway/exchange.h"

namespace ai_proxy::gateway {

// What is kept of one stream at most.
constexpr std::size_t kKeptStreamBytesMax = 4 * 1024 * 1024;

// Gives the caller what was kept. False: the entry is of no use here, and nothing has been sent.
http::Task<bool> answer_from_entry(Exchange& exchange, std::shared_ptr<const cache::Entry> entry);

// Notes a stream as it comes: each event with its time.
class StreamRecorder {
 public:
  void take(std::string_view bytes);
  std::size_t held_bytes() const { return body_.capacity() + events_.capacity() * sizeof(cache::EventMark); }
  // The stream has come to its proper end: keeps it, unless it was too large.
  void keep(Exchange& exchange);

 private:
  void add(std::string_view event);

  BlockCutter blocks_;
  std::string body_;
  std::vector<cache::EventMark> events_;
  http::Clock::time_point begin_;  // of the first event
  http::Clock::time_point last_;   // of the last read
  bool too_large_ = false;
};

}  // namespace ai_proxy::gateway
