// Server-sent events, read as the WHATWG describes it (html.spec.whatwg.org, "9.2.6 Interpreting an event
// stream"): a state machine fed with bytes, cut anywhere. No I/O.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace ai_proxy::http {

class SseReader {
 public:
  struct Event {
    std::string_view type;  // value of `event:`; "" when not given
    std::string_view data;  // lines of `data:` joined by \n
    std::string_view id;    // last event id
  };
  // Returns false to stop: the rest of the bytes is then left unread.
  using Sink = std::function<bool(const Event&)>;

  // An event (its unfinished lines included) may not be larger than this.
  explicit SseReader(std::size_t event_bytes_max = 1024 * 1024) : event_bytes_max_(event_bytes_max) {}

  // Feeds bytes; calls `sink` for every event that is now complete. Views live during the call only. False:
  // an event broke the bound, or the sink stopped; the reader must not be fed again. An event without data is
  // none.
  bool feed(std::string_view bytes, const Sink& sink);

  // Bytes held back (an unfinished line or event).
  std::size_t buffered() const { return line_.size() + data_.size(); }
  // The last valid `retry:` seen, in milliseconds; -1 = none.
  long retry_ms() const { return retry_ms_; }

 private:
  std::string_view skip_bom(std::string_view bytes);
  bool cut_lines(std::string_view bytes, const Sink& sink);
  bool line(std::string_view text, const Sink& sink);
  void add_data(std::string_view value);
  bool dispatch(const Sink& sink);
  void keep_data();

  std::size_t event_bytes_max_;
  std::string line_;  // the beginning of a line whose end has not come
  std::string type_;
  std::string data_;
  std::string_view data_view_;  // the only data line so far, inside the bytes being fed; else data_ holds it
  std::string id_;
  bool has_data_ = false;
  bool after_cr_ = false;  // swallow the LF of a CR LF that was cut
  std::size_t bom_seen_ = 0;
  bool at_start_ = true;
  long retry_ms_ = -1;
};

}  // namespace ai_proxy::http
