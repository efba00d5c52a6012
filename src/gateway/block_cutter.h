// Cuts a stream's bytes into events as they stand on the wire. A state machine, fed with bytes cut anywhere.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

#include "http/line_breaks.h"

namespace ai_proxy::gateway {

// One event of a provider may carry a whole tool call or an inline image.
constexpr std::size_t kEventBytesMax = 16 * 1024 * 1024;

// Cuts bytes into blocks: an event with the blank line behind it. No copy where a block came whole.
class BlockCutter {
 public:
  // Calls `sink` with each block that is now complete; false from it stops. False: a block became too large.
  template <class Sink>
  bool feed(std::string_view bytes, Sink sink) {
    const bool kept = !rest_.empty();
    if (kept) {
      rest_.append(bytes);
      bytes = rest_;
    }
    http::LineBreaks breaks(bytes);
    std::size_t begin = 0;
    bool going = true;
    for (std::size_t end = 0; going && (end = block_end(bytes, breaks, std::max(begin, scanned_))) != 0;
         begin = end) {
      scanned_ = 0;
      going = sink(bytes.substr(begin, end - begin));
    }
    if (kept) {
      rest_.erase(0, begin);
    } else {
      rest_.assign(bytes.substr(begin));
    }
    // A blank line may have begun in the last three bytes.
    scanned_ = rest_.size() > kBlankLineBytes ? rest_.size() - kBlankLineBytes : 0;
    return rest_.size() <= kEventBytesMax;
  }
  // What is no whole block yet.
  std::string_view rest() const { return rest_; }

 private:
  // Behind the first empty line; 0: none has come.
  static std::size_t block_end(std::string_view bytes, http::LineBreaks& breaks, std::size_t begin) {
    for (std::size_t at = begin; (at = breaks.next(at)) < bytes.size();) {
      const std::size_t line_end = behind_break(bytes, at);
      if (line_end == 0) return 0;
      if (line_end < bytes.size() && (bytes[line_end] == '\n' || bytes[line_end] == '\r'))
        return behind_break(bytes, line_end);
      at = line_end;
    }
    return 0;
  }
  // Behind the line break at `at`; 0: its CR may still get an LF.
  static std::size_t behind_break(std::string_view bytes, std::size_t at) {
    if (bytes[at] == '\n') return at + 1;
    if (at + 1 == bytes.size()) return 0;
    return bytes[at + 1] == '\n' ? at + 2 : at + 1;
  }

  static constexpr std::size_t kBlankLineBytes = 3;  // CR LF CR, its LF not there yet
  std::string rest_;
  std::size_t scanned_ = 0;  // of rest_: no block ends before
};

}  // namespace ai_proxy::gateway
