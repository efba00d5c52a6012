// A state machine over the bytes of framing.
#include "http/chunk_framing.h"

#include <algorithm>
#include <optional>

namespace ai_proxy::http {
namespace {

constexpr unsigned kClientDigitsMax = 15;  // leading zeros included
constexpr unsigned kNoDigit = 16;

unsigned hex_value(char c) {
  if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a') + 10;
  if (c >= 'A' && c <= 'F') return static_cast<unsigned>(c - 'A') + 10;
  return kNoDigit;
}

bool is_quotable(char c) {
  return c == '\t' || (static_cast<unsigned char>(c) >= 0x20 && c != 0x7F);
}

}  // namespace

std::size_t ChunkFraming::take(std::string_view bytes, const TrailerLimits& limits) {
  if (in_trailer()) return take_trailer(bytes, limits);
  std::size_t used = 0;
  while (used < bytes.size() && state_ != State::payload && !in_trailer()) {
    if (!step(bytes[used])) {
      fault_ = Fault::framing;
      break;
    }
    ++used;
  }
  return used;
}

bool ChunkFraming::step(char c) {
  const bool cr = c == '\r';
  switch (state_) {
    case State::size:
      if (const unsigned digit = hex_value(c); digit != kNoDigit) return add_digit(digit);
      if (digits_ == 0) return false;
      state_ = cr ? State::size_lf : State::extension;
      return cr || c == ';';
    case State::extension:  // behind ';': a name must follow
      if (is_blank(c)) return true;
      state_ = State::extension_name;
      return is_token_character(c);
    case State::extension_name:
      if (is_token_character(c)) return true;
      if (cr) {
        state_ = State::size_lf;
        return true;
      }
      [[fallthrough]];
    case State::extension_blank:  // behind a name: nothing but another extension or a value may follow
      state_ = c == ';' ? State::extension : c == '=' ? State::extension_value : State::extension_blank;
      return c == ';' || c == '=' || is_blank(c);
    case State::extension_value:  // behind '='
      if (is_blank(c)) return true;
      state_ = c == '"' ? State::quoted : State::token;
      return c == '"' || is_token_character(c);
    case State::quoted:
      if (c == '"') state_ = State::quoted_end;
      if (c == '\\') state_ = State::quoted_escape;
      return is_quotable(c);
    case State::quoted_escape:
      state_ = State::quoted;
      return is_quotable(c);
    case State::token:
      if (is_token_character(c)) return true;
      [[fallthrough]];
    case State::quoted_end:
      if (cr) {
        state_ = State::size_lf;
        return true;
      }
      [[fallthrough]];
    case State::value_blank:  // behind a value: nothing but another extension may follow
      state_ = c == ';' ? State::extension : State::value_blank;
      return c == ';' || is_blank(c);
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

bool ChunkFraming::add_digit(unsigned digit) {
  ++digits_;
  if (from_ == From::client && digits_ > kClientDigitsMax) return false;
  if (size_ > UINT64_MAX / 16) return false;
  size_ = size_ * 16 + digit;
  return true;
}

bool ChunkFraming::end_of_size_line() {
  state_ = size_ == 0 ? State::trailer : State::payload;
  digits_ = 0;
  return true;
}

// Trailer fields are checked like header fields.
std::size_t ChunkFraming::take_trailer(std::string_view bytes, const TrailerLimits& limits) {
  const std::size_t before = trailer_.size();
  const std::size_t part = std::min(bytes.size(), limits.bytes_max + 1 - std::min(before, limits.bytes_max));
  trailer_.append(bytes.substr(0, part));
  const std::size_t begin = scanner_.line_begin();
  const LineScanner::Found found = scanner_.scan(trailer_);
  const bool complete = found == LineScanner::Found::end;
  std::string_view lines = std::string_view(trailer_).substr(begin, scanner_.line_begin() - begin);
  while (!lines.empty() && !lines.starts_with('\r') && fault_ == Fault::none) {
    const std::optional<Field> field = take_field(lines);
    if (!field || !may_trail(field->name)) fault_ = Fault::trailer;
  }
  if (found == LineScanner::Found::bad) fault_ = Fault::trailer;
  const std::size_t size = complete ? scanner_.end() : trailer_.size();
  if (fault_ == Fault::none && (size > limits.bytes_max || scanner_.lines() > limits.fields_max)) {
    fault_ = Fault::trailer_too_large;
  }
  if (complete && fault_ == Fault::none) state_ = State::done;
  return size - before;
}

bool ChunkFraming::may_trail(std::string_view name) const {
  if (from_ == From::client) return true;
  const FieldName known = recognise(name);
  return known != FieldName::content_length && known != FieldName::transfer_encoding;
}

}  // namespace ai_proxy::http
