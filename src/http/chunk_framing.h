// The framing of a chunked body, cut anywhere: tells what is framing and what is payload, for requests and
// answers alike. Strict: no sign, prefix or bare line feed is let pass, because what one parser forgives is
// how a second message is smuggled past another. Extensions and trailer fields are checked and dropped:
// nothing we do may depend on them. No I/O. Protocol source: RFC 9112, 7.1.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "http/head_lines.h"

namespace ai_proxy::http {

class ChunkFraming {
 public:
  // Who framed the body. From a client a size has at most 15 digits, and no blank may stand anywhere. From a
  // provider any 64 bits are a size, blanks inside extensions (behind the first `;`) are read as RFC
  // 9112, 7.1.1 tells recipients to ("bad whitespace"), and a trailer that speaks of the framing once more is
  // refused.
  enum class From : std::uint8_t { client, provider };
  enum class Fault : std::uint8_t { none, framing, trailer, trailer_too_large };
  struct TrailerLimits {
    std::size_t bytes_max;
    std::size_t fields_max;
  };

  explicit ChunkFraming(From from) : from_(from) {}

  // Takes framing off the front of `bytes`, up to payload, the trailer, the body's end or a fault; returns
  // how many bytes that were. Requires: payload() == 0, not done(), no fault().
  std::size_t take(std::string_view bytes, const TrailerLimits& limits);
  // Bytes of payload that come next.
  std::uint64_t payload() const { return state_ == State::payload ? size_ : 0; }
  // So many of them have been taken; at most payload().
  void take_payload(std::uint64_t bytes) {
    size_ -= bytes;
    if (size_ == 0) state_ = State::payload_cr;
  }

  // Behind the last chunk's line: field lines, maybe none, and an empty line.
  bool in_trailer() const { return state_ == State::trailer; }
  bool done() const { return state_ == State::done; }
  Fault fault() const { return fault_; }

 private:
  enum class State : std::uint8_t {
    size,
    extension,
    extension_name,
    extension_blank,
    extension_value,
    token,
    quoted,
    quoted_escape,
    quoted_end,
    value_blank,
    size_lf,
    payload,
    payload_cr,
    payload_lf,
    trailer,
    done
  };

  // One byte of framing. False: it may not stand there.
  bool step(char c);
  bool add_digit(unsigned digit);
  bool end_of_size_line();
  bool is_blank(char c) const { return from_ == From::provider && (c == ' ' || c == '\t'); }
  std::size_t take_trailer(std::string_view bytes, const TrailerLimits& limits);
  bool may_trail(std::string_view name) const;

  State state_ = State::size;
  From from_;
  Fault fault_ = Fault::none;
  unsigned digits_ = 0;
  std::uint64_t size_ = 0;  // of the chunk being read; then what is left of it
  LineScanner scanner_;
  std::string trailer_;
};

}  // namespace ai_proxy::http
