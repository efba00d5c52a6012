// Boost.Beast's parser does the grammar; it is seen in this file only. It is fed whole heads (so that its
// views point into our copy), then the body as it comes. On top of it: no folded lines, no other transfer
// coding than chunked, no content coding (we never ask for one), no switching of protocols.
#include "http/reply_reader.h"

#include <algorithm>
#include <boost/beast/http/basic_parser.hpp>
#include <cstring>
#include <utility>

#include "base/ascii.h"
#include "http/asio.h"

namespace ai_proxy::http {
namespace {

namespace beast = boost::beast;

// The line with a chunk's size, with extensions; for the last one the trailer fields too.
constexpr std::size_t kChunkHeadBytesMax = 16 * 1024;
constexpr std::string_view kBareLineFeed = "a line feed alone in its chunks";
constexpr std::string_view kOpenQuote = "a quoted chunk extension without an end";
constexpr std::string_view kHeadStart = "HTTP/1.";

Error no_proper_http(std::string_view what) {
  return provider_failed(ErrorCode::provider_error,
                         std::string("The provider's answer is not proper HTTP: ").append(what) + ".");
}

std::string_view view_of(beast::string_view text) {
  return {text.data(), text.size()};
}

// A line that begins with a blank continues the one before (obs-fold, RFC 9112 section 5.2): refused.
bool has_folded_line(std::string_view head) {
  for (std::size_t at = head.find('\n'); at != std::string_view::npos; at = head.find('\n', at + 1)) {
    if (at + 1 < head.size() && (head[at + 1] == ' ' || head[at + 1] == '\t')) return true;
  }
  return false;
}

// In what stands around chunks a line ends with CR LF or the framing is broken. Beast would go on waiting for
// the end of the trailer, and asserts that no line before it is shorter than that.
bool has_bare_line_feed(std::string_view text) {
  for (std::size_t at = text.find('\n'); at != std::string_view::npos; at = text.find('\n', at + 1)) {
    if (at == 0 || text[at - 1] != '\r') return true;
  }
  return false;
}

// Does the line with a chunk's size end inside a quoted extension? Beast would look for the quote's end
// behind it, as far as the bytes happen to reach.
bool has_open_quote(std::string_view chunk_head) {
  if (chunk_head.starts_with("\r\n")) chunk_head.remove_prefix(2);  // the end of the chunk before
  const std::size_t end = chunk_head.find("\r\n");
  if (end == std::string_view::npos) return false;
  bool open = false;
  for (std::size_t i = 0; i < end; ++i) {
    if (chunk_head[i] == '"') open = !open;
    if (chunk_head[i] == '\\' && open) ++i;
  }
  return open;
}

class AnswerParser final : public beast::http::basic_parser<false> {
 public:
  AnswerParser(Headers& headers, std::size_t fields_max) : headers_(headers), fields_max_(fields_max) {
    body_limit(boost::none);
    header_limit(UINT32_MAX);  // the caller has measured the head
  }

  int status() const { return status_; }
  // Where the content of the body is gathered.
  void gather_at(char* front) {
    front_ = front;
    gathered_ = 0;
  }
  std::size_t gathered() const { return gathered_; }
  // What we refuse although the grammar allows it; "" for the parser's own faults.
  std::string_view refusal() const { return refusal_; }

 private:
  using Code = beast::error_code;

  void refuse(std::string_view why, Code& code) {
    refusal_ = why;
    code = beast::http::error::bad_value;
  }

  void on_request_impl(beast::http::verb, beast::string_view, beast::string_view, int, Code&) override {}

  void on_response_impl(int status, beast::string_view, int version, Code& code) override {
    status_ = status;
    version_ = version;
    if (status < 100 || status > 599) refuse("the status is not between 100 and 599", code);
  }

  void on_field_impl(beast::http::field, beast::string_view raw_name, beast::string_view raw_value,
                     Code& code) override {
    if (is_header_done() || in_trailer_) return;
    const std::string_view name = view_of(raw_name);
    const std::string_view value = view_of(raw_value);
    if (headers_.size() >= fields_max_) return refuse("too many header fields", code);
    if (ascii_iequals(name, "transfer-encoding")) {
      if (!ascii_iequals(value, "chunked")) return refuse("a transfer coding that was not asked for", code);
      if (version_ < 11) return refuse("a transfer coding in HTTP/1.0", code);
    } else if (ascii_iequals(name, "content-encoding")) {
      if (!ascii_iequals(value, "identity")) return refuse("a compressed body that was not asked for", code);
    }
    headers_.add(name, value);
  }

  void on_header_impl(Code&) override { in_trailer_ = true; }
  void on_body_init_impl(const boost::optional<std::uint64_t>&, Code&) override {}

  std::size_t on_body_impl(beast::string_view body, Code&) override {
    char* const end = front_ + gathered_;
    if (end != body.data()) std::memmove(end, body.data(), body.size());
    gathered_ += body.size();
    return body.size();
  }

  void on_chunk_header_impl(std::uint64_t, beast::string_view extensions, Code& code) override {
    if (!extensions.empty() && extensions.front() != ';') refuse("a bad chunk size", code);
    if (extensions.find('\n') != beast::string_view::npos) refuse(kBareLineFeed, code);
  }

  std::size_t on_chunk_body_impl(std::uint64_t, beast::string_view body, Code& code) override {
    return on_body_impl(body, code);
  }

  void on_finish_impl(Code&) override {}

  Headers& headers_;
  std::size_t fields_max_;
  std::string_view refusal_;
  char* front_ = nullptr;
  std::size_t gathered_ = 0;
  int status_ = 0;
  int version_ = 11;
  bool in_trailer_ = false;
};

}  // namespace

struct ReplyReader::Parser {
  std::optional<AnswerParser> answer;

  std::size_t put(const char* data, std::size_t size, error_code& code) {
    return answer->put(asio::const_buffer(data, size), code);
  }
  Error fault(const error_code& code) const {
    return no_proper_http(answer->refusal().empty() ? std::string_view(code.message()) : answer->refusal());
  }
};

ReplyReader::ReplyReader() : parser_(std::make_unique<Parser>()) {}
ReplyReader::~ReplyReader() = default;

void ReplyReader::begin(const ClientLimits& limits, bool to_head_request) {
  parser_->answer.reset();
  headers_.clear();
  head_.clear();
  carried_.clear();
  head_bytes_max_ = limits.head_bytes_max;
  fields_max_ = limits.fields_max;
  interim_left_ = limits.interim_answers_max;
  status_ = 0;
  to_head_request_ = to_head_request;
  head_complete_ = false;
  extra_bytes_ = false;
}

Result<std::size_t> ReplyReader::read_head(std::string_view bytes) {
  constexpr std::string_view kHeadEnd = "\r\n\r\n";
  std::size_t taken = 0;
  while (!head_complete_ && taken < bytes.size()) {
    const std::size_t before = head_.size();
    const std::string_view next = bytes.substr(taken, head_bytes_max_ + kHeadEnd.size() - before);
    head_.append(next);
    const std::size_t start = std::min(head_.size(), kHeadStart.size());
    if (std::string_view(head_).substr(0, start) != kHeadStart.substr(0, start)) {
      return std::unexpected(no_proper_http("it does not begin with HTTP/1."));
    }
    const std::size_t end = head_.find(kHeadEnd, before < 3 ? 0 : before - 3);
    const std::size_t size = end == std::string::npos ? head_.size() : end + kHeadEnd.size();
    if (size > head_bytes_max_) return std::unexpected(no_proper_http("its head is too large"));
    taken += size - before;
    if (end == std::string::npos) continue;
    head_.resize(size);
    if (const Result<void> parsed = parse_head(); !parsed) return std::unexpected(parsed.error());
  }
  return taken;
}

Result<void> ReplyReader::parse_head() {
  if (has_folded_line(head_)) return std::unexpected(no_proper_http("a folded header line"));
  headers_.clear();
  AnswerParser& answer = parser_->answer.emplace(headers_, fields_max_);
  answer.skip(to_head_request_);
  error_code code;
  const std::size_t taken = parser_->put(head_.data(), head_.size(), code);
  if (code) return std::unexpected(parser_->fault(code));
  if (taken != head_.size() || !answer.is_header_done()) {
    return std::unexpected(no_proper_http("its head ends too early"));
  }
  status_ = answer.status();
  if (status_ >= 200) {
    head_complete_ = true;
    return {};
  }
  if (status_ == 101) return std::unexpected(no_proper_http("it switches protocols unasked"));
  if (interim_left_ == 0) return std::unexpected(no_proper_http("too many interim answers"));
  --interim_left_;
  head_.clear();
  return {};
}

Result<void> ReplyReader::read_carried(std::span<char>& bytes) {
  while (!carried_.empty() && !bytes.empty()) {
    // Only up to the line's end: what follows may be content, which is never copied.
    const void* line_end = std::memchr(bytes.data(), '\n', bytes.size());
    const std::size_t size =
        line_end == nullptr ? bytes.size()
                            : static_cast<std::size_t>(static_cast<const char*>(line_end) - bytes.data()) + 1;
    if (carried_.size() + size > kChunkHeadBytesMax) {
      return std::unexpected(no_proper_http("a chunk's head is too large"));
    }
    carried_.append(bytes.data(), size);
    bytes = bytes.subspan(size);
    if (line_end == nullptr) return {};
    if (carried_.size() < 2 || carried_[carried_.size() - 2] != '\r') {
      return std::unexpected(no_proper_http(kBareLineFeed));
    }
    if (has_open_quote(carried_)) return std::unexpected(no_proper_http(kOpenQuote));
    error_code code;
    const std::size_t taken = parser_->put(carried_.data(), carried_.size(), code);
    if (code == beast::http::error::need_more) continue;
    if (code) return std::unexpected(parser_->fault(code));
    if (taken != carried_.size()) return std::unexpected(no_proper_http("a bad chunk size"));
    carried_.clear();
  }
  return {};
}

Result<std::string_view> ReplyReader::read_body(std::span<char> bytes) {
  const char* const front = bytes.data();
  parser_->answer->gather_at(bytes.data());
  if (!carried_.empty()) {
    if (const Result<void> read = read_carried(bytes); !read) return std::unexpected(read.error());
  }
  while (!bytes.empty() && !parser_->answer->is_done()) {
    error_code code;
    const std::size_t taken = parser_->put(bytes.data(), bytes.size(), code);
    bytes = bytes.subspan(taken);
    if (code == beast::http::error::need_more) {
      if (bytes.size() > kChunkHeadBytesMax) {
        return std::unexpected(no_proper_http("a chunk's head is too large"));
      }
      carried_.assign(bytes.data(), bytes.size());
      if (has_bare_line_feed(carried_)) {
        return std::unexpected(no_proper_http(kBareLineFeed));
      }
      if (has_open_quote(carried_)) return std::unexpected(no_proper_http(kOpenQuote));
      bytes = {};
    } else if (code) {
      return std::unexpected(parser_->fault(code));
    }
  }
  extra_bytes_ = !bytes.empty();
  return std::string_view(front, parser_->answer->gathered());
}

std::optional<Error> ReplyReader::read_end() {
  if (complete()) return std::nullopt;
  error_code code;
  if (parser_->answer->need_eof()) {
    parser_->answer->put_eof(code);
    if (!code) return std::nullopt;
  }
  return provider_failed(ErrorCode::stream_interrupted,
                         "The provider closed the connection in the middle of its answer.");
}

bool ReplyReader::complete() const {
  return head_complete_ && parser_->answer->is_done();
}

bool ReplyReader::keep_alive() const {
  return !extra_bytes_ && parser_->answer->keep_alive();
}

std::optional<std::uint64_t> ReplyReader::content_left() const {
  const auto left = parser_->answer->content_length_remaining();
  if (!left) return std::nullopt;
  return *left;
}

}  // namespace ai_proxy::http
