// A state machine over the bytes of chunk headers; payload is taken in one piece.
#include "http/request_chunks.h"

#include <algorithm>

namespace ai_proxy::http {
namespace {

constexpr std::string_view kBadChunk = "The chunked framing of the request body is broken.";
constexpr std::string_view kBadTrailer = "The trailer fields of the request body are broken.";
constexpr unsigned kSizeDigitsMax = 15;  // leading zeros included; 60 bits cannot overflow

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool is_field_line(std::string_view line) {
  const std::size_t colon = line.find(':');
  return line.empty() || (colon != std::string_view::npos && is_token(line.substr(0, colon)));
}

}  // namespace

std::size_t ChunkDecoder::feed(std::string_view bytes, std::string& body, const ServerLimits& limits) {
  std::size_t used = 0;
  while (used < bytes.size() && state_ != State::done && !fault_) {
    if (state_ == State::payload) {
      const auto part = static_cast<std::size_t>(std::min<std::uint64_t>(size_, bytes.size() - used));
      body.append(bytes.substr(used, part));
      used += part;
      size_ -= part;
      if (size_ == 0) state_ = State::payload_cr;
      continue;
    }
    if (state_ == State::trailer) {
      used += take_trailer(bytes.substr(used), limits);
      continue;
    }
    if (!step(bytes[used])) {
      fault_ = malformed(kBadChunk);
      break;
    }
    ++used;
    if (++overhead_ > limits.chunk_overhead_bytes + body.size()) {
      fault_ = malformed(
          "The chunks of the request body are mostly framing. Send larger chunks and no extensions.");
    } else if (state_ == State::payload &&
               size_ > limits.body_bytes_max - std::min(body.size(), limits.body_bytes_max)) {
      fault_ = kBodyTooLarge;
    }
  }
  return used;
}

bool ChunkDecoder::step(char c) {
  const bool token = is_token_character(c);
  const bool cr = c == '\r';
  switch (state_) {
    case State::size: {
      const int digit = hex_value(c);
      if (digit >= 0) {
        if (++digits_ > kSizeDigitsMax) return false;
        size_ = size_ * 16 + static_cast<std::uint64_t>(digit);
        return true;
      }
      if (digits_ == 0 || (!cr && c != ';')) return false;
      state_ = cr ? State::size_lf : State::extension;
      return true;
    }
    case State::extension:  // behind ';': a name must follow
      state_ = State::extension_name;
      return token;
    case State::extension_name:
      if (token) return true;
      state_ = cr ? State::size_lf : c == ';' ? State::extension : State::extension_value;
      return cr || c == ';' || c == '=';
    case State::extension_value:  // behind '='
      state_ = c == '"' ? State::quoted : State::token;
      return token || c == '"';
    case State::token:
      if (token) return true;
      [[fallthrough]];
    case State::quoted_end:
      state_ = cr ? State::size_lf : State::extension;
      return cr || c == ';';
    case State::quoted:
      if (c == '"') state_ = State::quoted_end;
      if (c == '\\') state_ = State::quoted_escape;
      return c == '\t' || (static_cast<unsigned char>(c) >= 0x20 && c != 0x7F);
    case State::quoted_escape:
      state_ = State::quoted;
      return c == '\t' || (static_cast<unsigned char>(c) >= 0x20 && c != 0x7F);
    case State::size_lf:
      return c == '\n' && end_of_size_line();
    case State::payload_cr:
      state_ = State::payload_lf;
      return cr;
    case State::payload_lf:
      state_ = State::size;
      return c == '\n';
    case State::payload:
    case State::trailer:
    case State::done:
      break;
  }
  return false;
}

bool ChunkDecoder::end_of_size_line() {
  state_ = size_ == 0 ? State::trailer : State::payload;
  digits_ = 0;
  return true;
}

// Trailer fields are checked like header fields and then dropped: nothing we do may depend on them.
std::size_t ChunkDecoder::take_trailer(std::string_view bytes, const ServerLimits& limits) {
  const std::size_t before = trailer_.size();
  const std::size_t part =
      std::min(bytes.size(), limits.head_bytes_max + 1 - std::min(before, limits.head_bytes_max));
  trailer_.append(bytes.substr(0, part));
  std::size_t begin = scanner_.line_begin();
  const LineScanner::Found found = scanner_.scan(trailer_);
  if (found == LineScanner::Found::bad) fault_ = malformed(scanner_.complaint());
  while (!fault_ && begin < scanner_.line_begin()) {
    const std::size_t end = trailer_.find("\r\n", begin);
    if (!is_field_line(std::string_view(trailer_).substr(begin, end - begin)))
      fault_ = malformed(kBadTrailer);
    begin = end + 2;
  }
  const bool complete = found == LineScanner::Found::end;
  const std::size_t size = complete ? scanner_.end() : trailer_.size();
  if (!fault_ && (size > limits.head_bytes_max || scanner_.lines() > limits.fields_max)) {
    fault_ = kHeadTooLarge;
  }
  if (complete && !fault_) state_ = State::done;
  return size - before;
}

}  // namespace ai_proxy::http
