// The head is gathered and read whole; the body is taken as it comes, and never copied but to close the gaps
// that chunk framing leaves.
#include "http/reply_reader.h"

#include <algorithm>
#include <cstring>

namespace ai_proxy::http {
namespace {

// The line with a chunk's size, with extensions; for the last one the trailer fields too.
constexpr std::size_t kChunkHeadBytesMax = 16 * 1024;
constexpr std::string_view kHeadStart = "HTTP/1.";

Error no_proper_http(std::string_view what) {
  return provider_failed(ErrorCode::provider_error,
                         std::string("The provider's answer is not proper HTTP: ").append(what) + ".");
}

std::string_view complaint(ChunkFraming::Fault fault) {
  switch (fault) {
    case ChunkFraming::Fault::framing:
      return "a bad chunk size or extension";
    case ChunkFraming::Fault::trailer:
      return "bad trailer fields";
    case ChunkFraming::Fault::none:
    case ChunkFraming::Fault::trailer_too_large:
      break;
  }
  return "a chunk's head is too large";
}

}  // namespace

void ReplyReader::begin(const ClientLimits& limits, bool to_head_request) {
  head_.clear();
  scanner_ = {};
  parsed_ = {};
  headers_.clear();
  chunks_ = ChunkFraming(ChunkFraming::From::provider);
  chunk_head_bytes_ = 0;
  content_left_ = 0;
  head_bytes_max_ = limits.head_bytes_max;
  fields_max_ = limits.fields_max;
  interim_left_ = limits.interim_answers_max;
  body_ = Body::none;
  to_head_request_ = to_head_request;
  head_complete_ = false;
  complete_ = false;
  extra_bytes_ = false;
}

Result<std::size_t> ReplyReader::read_head(std::string_view bytes) {
  std::size_t taken = 0;
  while (!head_complete_ && taken < bytes.size()) {
    const std::size_t before = head_.size();
    const std::string_view next = bytes.substr(taken, head_bytes_max_ + 1 - before);
    // A head that comes in one piece is looked at where it lies: what follows it is not copied.
    const std::string_view text = before == 0 ? next : head_.append(next);
    const std::size_t start = std::min(text.size(), kHeadStart.size());
    if (text.substr(0, start) != kHeadStart.substr(0, start)) {
      return std::unexpected(no_proper_http("it does not begin with HTTP/1."));
    }
    const LineScanner::Found found = scanner_.scan(text);
    if (found == LineScanner::Found::bad) {
      return std::unexpected(no_proper_http("a folded line or a control character in its head"));
    }
    const std::size_t size = found == LineScanner::Found::end ? scanner_.end() : text.size();
    if (size > head_bytes_max_) return std::unexpected(no_proper_http("its head is too large"));
    if (before == 0) {
      head_.assign(text.substr(0, size));
    } else {
      head_.resize(size);
    }
    taken += size - before;
    if (found == LineScanner::Found::more) continue;
    if (std::optional<Error> error = finish_head()) return std::unexpected(std::move(*error));
  }
  return taken;
}

std::optional<Error> ReplyReader::finish_head() {
  const std::string_view wrong = parse_reply_head(head_, fields_max_, parsed_, headers_);
  if (!wrong.empty()) return no_proper_http(wrong);
  if (parsed_.status >= 200) {
    head_complete_ = true;
    body_ = body_of(parsed_);
    content_left_ = parsed_.content_length.value_or(0);
    complete_ = body_ == Body::none;
    return std::nullopt;
  }
  if (parsed_.status == 101) return no_proper_http("it switches protocols unasked");
  if (interim_left_ == 0) return no_proper_http("too many interim answers");
  --interim_left_;
  head_.clear();
  scanner_ = {};
  return std::nullopt;
}

ReplyReader::Body ReplyReader::body_of(const ReplyHead& head) const {
  if (to_head_request_ || head.status == 204 || head.status == 304) return Body::none;
  if (head.chunked) return Body::chunked;
  if (!head.content_length) return Body::until_close;
  return *head.content_length > 0 ? Body::length : Body::none;
}

Result<std::string_view> ReplyReader::read_body(std::span<char> bytes) {
  if (body_ == Body::chunked) return read_chunks(bytes);
  std::size_t size = bytes.size();
  if (body_ == Body::length) {
    size = static_cast<std::size_t>(std::min<std::uint64_t>(content_left_, size));
    content_left_ -= size;
    complete_ = content_left_ == 0;
    extra_bytes_ = size < bytes.size();
  }
  return std::string_view(bytes.data(), size);
}

Result<std::string_view> ReplyReader::read_chunks(std::span<char> bytes) {
  char* const front = bytes.data();
  std::size_t gathered = 0;
  while (!bytes.empty() && !chunks_.done()) {
    std::size_t size = 0;
    if (const std::uint64_t payload = chunks_.payload(); payload > 0) {
      size = static_cast<std::size_t>(std::min<std::uint64_t>(payload, bytes.size()));
      if (front + gathered != bytes.data()) std::memmove(front + gathered, bytes.data(), size);
      gathered += size;
      chunks_.take_payload(size);
      chunk_head_bytes_ = 0;
    } else {
      size = chunks_.take({bytes.data(), bytes.size()}, {kChunkHeadBytesMax, kChunkHeadBytesMax});
      chunk_head_bytes_ += size;
      if (chunks_.fault() != ChunkFraming::Fault::none || chunk_head_bytes_ > kChunkHeadBytesMax) {
        return std::unexpected(no_proper_http(complaint(chunks_.fault())));
      }
    }
    bytes = bytes.subspan(size);
  }
  complete_ = chunks_.done();
  extra_bytes_ = !bytes.empty();
  return std::string_view(front, gathered);
}

std::optional<Error> ReplyReader::read_end() {
  if (body_ == Body::until_close) complete_ = true;
  if (complete_) return std::nullopt;
  return provider_failed(ErrorCode::stream_interrupted,
                         "The provider closed the connection in the middle of its answer.");
}

bool ReplyReader::keep_alive() const {
  return !extra_bytes_ && body_ != Body::until_close && parsed_.connection.persists(parsed_.http_1_0);
}

std::optional<std::uint64_t> ReplyReader::content_left() const {
  if (body_ != Body::length) return std::nullopt;
  return content_left_;
}

}  // namespace ai_proxy::http
