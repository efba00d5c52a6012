// Reads one request after the other from bytes that are cut anywhere: head, then body. It refuses what is
// broken or too large as soon as that shows. No I/O, no clock. Protocol source: RFC 9110, RFC 9112.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/json.h"
#include "http/head_lines.h"
#include "http/limits.h"
#include "http/request_chunks.h"
#include "http/request_fault.h"
#include "http/request_head.h"
#include "http/server.h"

namespace ai_proxy::http {

// A slow body is judged by its mean rate, once it has had time to begin.
inline constexpr milliseconds kBodyRateGrace = seconds(5);
bool is_body_late(std::uint64_t bytes, std::chrono::nanoseconds elapsed, const ServerLimits& limits);

class RequestReader {
 public:
  enum class State : std::uint8_t { head, body, complete, fault };

  // Forgets the last request, keeps the memory. `limits` must outlive the request.
  void begin(const ServerLimits& limits);

  // Returns how many of the bytes belong to this request; what is left begins the next one.
  std::size_t feed(std::string_view bytes);

  // Lets `read(char* space, std::size_t room) -> std::size_t` put bytes of a body of known length where they
  // belong, without a copy. Returns what `read` returned. Requires: wants_body_bytes().
  template <class Read>
  std::size_t fill_body(Read read) {
    std::string& body = request_.body;
    const std::size_t size = body.size();
    const std::size_t room = make_room();
    std::size_t got = 0;
    body.resize_and_overwrite(
        size + room, [&](char* text, std::size_t) { return size + (got = read(text + size, room)); });
    finish_body();
    return got;
  }
  bool wants_body_bytes() const { return state_ == State::body && !head_.chunked; }

  State state() const { return state_; }
  const RequestFault& fault() const { return fault_; }
  // Not a byte of a request has come yet. (An empty line before it does not count.)
  bool empty() const { return bytes_.empty() || bytes_ == "\r"; }
  // The client waits for "100 Continue" before it sends the body.
  bool awaits_continue() const { return state_ == State::body && head_.expects_continue && body_bytes_ == 0; }
  // Bytes of the body that have come, framing included.
  std::uint64_t body_bytes() const { return body_bytes_; }

  // Valid once the head is complete.
  const RequestHead& head() const { return head_; }
  // Complete in State::complete; the views point into this reader.
  Request& request() { return request_; }

  // Memory that this request has taken. Of a large body what has come: the rest of its block has no pages
  // yet, but for that of a huge one at its end.
  std::size_t held_bytes() const {
    const std::string& body = request_.body;
    return bytes_.capacity() + (body.size() < kBelievedBodyBytes ? body.capacity() : body.size());
  }
  // Gives back memory that an unusually large request took.
  void trim();

 private:
  // From here on all of a body is believed to come.
  static constexpr std::size_t kBelievedBodyBytes = 1024 * 1024;

  std::size_t feed_head(std::string_view bytes);
  std::size_t feed_body(std::string_view bytes);
  void check_unfinished_head(std::size_t lines_before);
  void finish_head();
  void finish_body();
  std::size_t make_room();
  void refuse(const RequestFault& fault);

  const ServerLimits* limits_ = nullptr;
  State state_ = State::head;
  bool empty_line_skipped_ = false;
  std::string bytes_;  // of the head
  LineScanner scanner_;
  RequestHead head_;
  ChunkDecoder chunks_;
  std::uint64_t body_bytes_ = 0;
  Request request_;
  RequestFault fault_;
};

}  // namespace ai_proxy::http
