// Reads one answer of a provider, head and body, from bytes that come in any pieces. No I/O. What is no
// proper HTTP/1.0 or 1.1 is refused, never guessed at: a body whose end is in doubt could swallow the next
// answer. Protocol source: RFC 9112.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"
#include "http/chunk_framing.h"
#include "http/head_lines.h"
#include "http/headers.h"
#include "http/limits.h"
#include "http/reply_head.h"

namespace ai_proxy::http {

class ReplyReader {
 public:
  ReplyReader() = default;
  ReplyReader(const ReplyReader&) = delete;
  ReplyReader& operator=(const ReplyReader&) = delete;

  // Begins a new answer; keeps the memory of the last one. The answer to a HEAD request has no body.
  void begin(const ClientLimits& limits, bool to_head_request);

  // Takes bytes until the final answer's head is complete (interim answers are skipped); returns how many it
  // took, the rest belongs to the body. The head is copied: headers() lives until begin(). Error:
  // provider_error.
  Result<std::size_t> read_head(std::string_view bytes);
  bool head_complete() const { return head_complete_; }
  // Nothing of a head has come, or only whole interim answers.
  bool between_heads() const { return head_.empty(); }

  // Removes the framing in place and returns the content, which lies at the front of `bytes`. All bytes are
  // taken, unless the body ends among them: then complete() holds, and extra_bytes() tells whether some
  // followed. Error: provider_error. Requires: head_complete() and not complete().
  Result<std::string_view> read_body(std::span<char> bytes);
  // The connection has ended. Error: stream_interrupted, when the body should have gone on.
  std::optional<Error> read_end();
  bool complete() const { return complete_; }
  bool extra_bytes() const { return extra_bytes_; }

  int status() const { return parsed_.status; }  // of the last head that was complete, interim or final
  const Headers& headers() const { return headers_; }
  // May another request follow on this connection? Holds once complete().
  bool keep_alive() const;
  // Bytes of content still to come, when a Content-Length told.
  std::optional<std::uint64_t> content_left() const;

 private:
  // RFC 9112, 6.3.
  enum class Body : std::uint8_t { none, length, chunked, until_close };

  std::optional<Error> finish_head();
  Body body_of(const ReplyHead& head) const;
  Result<std::string_view> read_chunks(std::span<char> bytes);

  std::string head_;  // the head's bytes, and nothing else
  LineScanner scanner_;
  ReplyHead parsed_;
  Headers headers_;
  ChunkFraming chunks_{ChunkFraming::From::provider};
  std::size_t chunk_head_bytes_ = 0;  // of the chunk whose payload has not begun
  std::uint64_t content_left_ = 0;    // Body::length
  std::size_t head_bytes_max_ = 0;
  std::size_t fields_max_ = 0;
  std::size_t interim_left_ = 0;
  Body body_ = Body::none;
  bool to_head_request_ = false;
  bool head_complete_ = false;
  bool complete_ = false;
  bool extra_bytes_ = false;
};

}  // namespace ai_proxy::http
