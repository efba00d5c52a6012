// The bytes of the head are kept whole, because the request's views point into them.
#include "http/request_reader.h"

namespace ai_proxy::http {
namespace {

// A body's memory grows with what has really come, so that announcing much costs us nothing.
constexpr std::size_t kFirstBodyBytes = 64 * 1024;
constexpr std::size_t kKeptBodyBytes = 64 * 1024;
constexpr std::size_t kKeptHeadBytes = 8 * 1024;

}  // namespace

bool is_body_late(std::uint64_t bytes, std::chrono::nanoseconds elapsed, const ServerLimits& limits) {
  if (elapsed >= limits.body_time) return true;
  if (elapsed < kBodyRateGrace) return false;
  const auto milliseconds_passed = static_cast<std::uint64_t>(elapsed / milliseconds(1));
  return bytes * 1000 < limits.body_bytes_per_second_min * milliseconds_passed;
}

void RequestReader::begin(const ServerLimits& limits) {
  limits_ = &limits;
  state_ = State::head;
  empty_line_skipped_ = false;
  bytes_.clear();
  scanner_ = {};
  head_ = {};
  chunks_ = {};
  body_bytes_ = 0;
  request_.headers.clear();
  request_.body.clear();
  fault_ = {};
}

std::size_t RequestReader::feed(std::string_view bytes) {
  std::size_t used = 0;
  while (used < bytes.size() && (state_ == State::head || state_ == State::body)) {
    const std::string_view rest = bytes.substr(used);
    used += state_ == State::head ? feed_head(rest) : feed_body(rest);
  }
  return used;
}

std::size_t RequestReader::feed_head(std::string_view bytes) {
  const std::size_t before = bytes_.size();
  const std::size_t lines_before = scanner_.lines();
  const std::size_t part = std::min(bytes.size(), limits_->head_bytes_max + 1 - before);
  // A head that comes in one piece is looked at where it lies: what follows it is not copied.
  const std::string_view text = before == 0 ? bytes.substr(0, part) : bytes_.append(bytes.substr(0, part));
  const LineScanner::Found found = scanner_.scan(text);
  if (before == 0) bytes_.assign(text.substr(0, found == LineScanner::Found::end ? scanner_.end() : part));
  switch (found) {
    case LineScanner::Found::bad:
      refuse(malformed(scanner_.complaint()));
      return part;
    case LineScanner::Found::more:
      check_unfinished_head(lines_before);
      return part;
    case LineScanner::Found::end:
      break;
  }
  const std::size_t end = scanner_.end();
  bytes_.resize(end);
  if (scanner_.lines() > 0) {
    finish_head();
  } else if (empty_line_skipped_) {
    refuse(malformed("Empty lines came where a request was expected."));
  } else {
    // RFC 9112, 2.2: old clients send one behind a body.
    empty_line_skipped_ = true;
    bytes_.clear();
    scanner_ = {};
  }
  return end - before;
}

// Refuses early what no further byte can mend: a client may wait for an answer, or send without end.
void RequestReader::check_unfinished_head(std::size_t lines_before) {
  if (scanner_.lines() == 0) {
    std::string_view line = bytes_;
    if (line.ends_with('\r')) line.remove_suffix(1);
    RequestLine parts;
    if (const RequestFault fault = read_request_line(line, false, *limits_, parts)) return refuse(fault);
  } else if (scanner_.lines() > lines_before) {
    const std::string_view so_far = std::string_view(bytes_).substr(0, scanner_.line_begin());
    const RequestFault fault = parse_head(so_far, false, *limits_, head_, request_.headers);
    head_ = {};  // its views are into what may move
    request_.headers.clear();
    if (fault) return refuse(fault);
  }
  if (bytes_.size() > limits_->head_bytes_max) refuse(kHeadTooLarge);
}

void RequestReader::finish_head() {
  if (const RequestFault fault = parse_head(bytes_, true, *limits_, head_, request_.headers))
    return refuse(fault);
  request_.method = head_.method;
  request_.path = head_.path;
  request_.query = head_.query;
  state_ = State::body;
  if (!head_.chunked) finish_body();
}

std::size_t RequestReader::feed_body(std::string_view bytes) {
  std::string& body = request_.body;
  if (head_.chunked) {
    const std::size_t needed = body.size() + bytes.size() + json::kPadding;
    if (body.capacity() < needed) body.reserve(std::max(needed, 2 * body.capacity()));
    const std::size_t used = chunks_.feed(bytes, body, *limits_);
    body_bytes_ += used;
    if (chunks_.fault()) {
      refuse(chunks_.fault());
    } else if (chunks_.done()) {
      finish_body();
    }
    return used;
  }
  const std::size_t part = std::min(bytes.size(), make_room());
  body.append(bytes.substr(0, part));
  finish_body();
  return part;
}

// Room for more of a body of known length; may be less than the whole rest. Once much of it is there, the
// rest is believed to come: the pages of so large a block cost nothing until they are filled, and those of a
// block that is outgrown cost as much as the body's own.
std::size_t RequestReader::make_room() {
  std::string& body = request_.body;
  const auto length = static_cast<std::size_t>(head_.content_length);  // at most body_bytes_max
  const bool believed = body.size() >= kBelievedBodyBytes;
  const std::size_t wanted = believed ? length : std::min(length, std::max(kFirstBodyBytes, 2 * body.size()));
  if (body.capacity() < wanted + json::kPadding) body.reserve(wanted + json::kPadding);
  return std::min(length, body.capacity() - json::kPadding) - body.size();
}

void RequestReader::finish_body() {
  std::string& body = request_.body;
  if (head_.chunked) {
    if (!chunks_.done()) return;
  } else {
    body_bytes_ = body.size();
    if (body_bytes_ < head_.content_length) return;
  }
  if (body.capacity() < body.size() + json::kPadding) body.reserve(body.size() + json::kPadding);
  state_ = State::complete;
}

void RequestReader::refuse(const RequestFault& fault) {
  fault_ = fault;
  state_ = State::fault;
}

void RequestReader::trim() {
  if (request_.body.capacity() > kKeptBodyBytes + json::kPadding) std::string().swap(request_.body);
  if (bytes_.capacity() > kKeptHeadBytes) std::string().swap(bytes_);
}

}  // namespace ai_proxy::http
