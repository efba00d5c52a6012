// Removes chunked framing from a request body, cut anywhere. Strict: no blank, sign, prefix or bare line feed
// is let pass, because what one parser forgives is how a second request is smuggled past another. Our own and
// not Beast's, which needs whole lines in one buffer and waits for more where it could refuse at once. No
// I/O. Protocol source: RFC 9112, 7.1.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "http/head_lines.h"
#include "http/limits.h"
#include "http/request_fault.h"

namespace ai_proxy::http {

class ChunkDecoder {
 public:
  // Appends the payload of `bytes` to `body`; returns how many bytes were used (all of them unless done or
  // fault).
  std::size_t feed(std::string_view bytes, std::string& body, const ServerLimits& limits);

  bool done() const { return state_ == State::done; }
  const RequestFault& fault() const { return fault_; }

 private:
  enum class State : std::uint8_t {
    size,
    extension,
    extension_name,
    extension_value,
    token,
    quoted,
    quoted_escape,
    quoted_end,
    size_lf,
    payload,
    payload_cr,
    payload_lf,
    trailer,
    done
  };

  // One byte of framing. False: it may not stand there.
  bool step(char c);
  bool end_of_size_line();
  std::size_t take_trailer(std::string_view bytes, const ServerLimits& limits);

  State state_ = State::size;
  std::uint64_t size_ = 0;  // of the chunk being read; then what is left of it
  unsigned digits_ = 0;
  std::size_t overhead_ = 0;  // bytes that were not payload
  LineScanner scanner_;
  std::string trailer_;
  RequestFault fault_;
};

}  // namespace ai_proxy::http
