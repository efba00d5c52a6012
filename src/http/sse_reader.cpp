// Reading server-sent events (html.spec.whatwg.org, 9.2.6). A line that lies whole inside the fed bytes is
// never copied, and neither is the data of an event of one data line: nearly every event of a provider is
// just that.
#include "http/sse_reader.h"

#include <algorithm>

#include "base/ascii.h"
#include "http/line_breaks.h"

namespace ai_proxy::http {
namespace {

constexpr std::string_view kBom = "\xEF\xBB\xBF";

}  // namespace

bool SseReader::feed(std::string_view bytes, const Sink& sink) {
  if (at_start_) bytes = skip_bom(bytes);
  if (after_cr_ && !bytes.empty()) {
    after_cr_ = false;
    if (bytes.front() == '\n') bytes.remove_prefix(1);
  }
  const bool going = cut_lines(bytes, sink);
  keep_data();
  return going;
}

// One byte order mark at the very beginning is not part of the stream; it may come in pieces.
std::string_view SseReader::skip_bom(std::string_view bytes) {
  while (!bytes.empty() && bytes.front() == kBom[bom_seen_]) {
    bytes.remove_prefix(1);
    if (++bom_seen_ == kBom.size()) {
      at_start_ = false;
      return bytes;
    }
  }
  if (bytes.empty()) return bytes;
  at_start_ = false;
  line_.assign(kBom.substr(0, bom_seen_));  // it was none: what looked like it begins the first line
  return bytes;
}

bool SseReader::cut_lines(std::string_view bytes, const Sink& sink) {
  LineBreaks breaks(bytes);
  std::size_t begin = 0;
  while (begin < bytes.size()) {
    const std::size_t end = breaks.next(begin);
    const std::string_view text = bytes.substr(begin, end - begin);
    // The same for a line that came whole and for one that comes in pieces.
    if (line_.size() + text.size() + data_.size() + data_view_.size() > event_bytes_max_) return false;
    if (end == bytes.size()) {
      line_.append(text);
      return true;
    }
    begin = end + 1;
    if (bytes[end] == '\r') {
      after_cr_ = begin == bytes.size();
      if (!after_cr_ && bytes[begin] == '\n') ++begin;
    }
    if (line_.empty()) {
      if (!line(text, sink)) return false;
    } else {
      line_.append(text);
      const bool going = line(line_, sink);
      keep_data();  // the view may point into line_
      line_.clear();
      if (!going) return false;
    }
  }
  return true;
}

bool SseReader::line(std::string_view text, const Sink& sink) {
  if (text.empty()) return dispatch(sink);
  const std::size_t colon = std::min(text.find(':'), text.size());
  const std::string_view field = text.substr(0, colon);
  std::string_view value = text.substr(std::min(colon + 1, text.size()));
  if (value.starts_with(' ')) value.remove_prefix(1);

  if (field == "data") {
    add_data(value);
  } else if (field == "event") {
    type_.assign(value);
  } else if (field == "id") {
    if (value.find('\0') == std::string_view::npos) id_.assign(value);
  } else if (field == "retry") {
    const bool digits = std::all_of(value.begin(), value.end(), [](char c) { return c >= '0' && c <= '9'; });
    if (digits) retry_ms_ = parse_integer<long>(value).value_or(retry_ms_);
  }
  return true;  // a comment, or a field that nobody knows
}

void SseReader::add_data(std::string_view value) {
  if (!has_data_) {
    has_data_ = true;
    data_view_ = value;
  } else {
    keep_data();
    data_.push_back('\n');
    data_.append(value);
  }
}

bool SseReader::dispatch(const Sink& sink) {
  const bool complete = has_data_;
  has_data_ = false;
  bool going = true;
  if (complete) going = sink(Event{type_, data_view_.empty() ? std::string_view(data_) : data_view_, id_});
  type_.clear();
  data_.clear();
  data_view_ = {};
  return going;
}

void SseReader::keep_data() {
  if (data_view_.empty()) return;
  data_.assign(data_view_);
  data_view_ = {};
}

}  // namespace ai_proxy::http
