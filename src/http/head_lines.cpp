// Eight bytes at a time while they are harmless; a head has a special byte only at its line ends.
#include "http/head_lines.h"

#include <algorithm>
#include <bit>

#include "base/eight_bytes.h"

namespace ai_proxy::http {
namespace {

bool is_special(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
}

// The first control character at or after `from`; text.size() when there is none.
std::size_t find_special(std::string_view text, std::size_t from) {
  if constexpr (std::endian::native == std::endian::little) {
    for (; from + 8 <= text.size(); from += 8) {
      const std::uint64_t word = eight_bytes(text.data() + from);
      const std::uint64_t low = (word - repeated(0x20)) & ~word & kTopBits;  // set where a byte < 0x20
      const std::uint64_t hits = low | zero_bytes(word ^ repeated(0x7F));
      // A borrow may set bits above a true hit, never below: the lowest one is right.
      if (hits != 0) return from + static_cast<std::size_t>(std::countr_zero(hits)) / 8;
    }
  }
  while (from < text.size() && !is_special(text[from])) ++from;
  return from;
}

bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

std::string_view trim_blanks(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

}  // namespace

LineScanner::Found LineScanner::scan(std::string_view text) {
  while (position_ < text.size()) {
    if (position_ == line_begin_ && (text[position_] == ' ' || text[position_] == '\t')) {
      return bad("A header line may not begin with a blank (folded lines are not accepted).");
    }
    position_ = find_special(text, position_);
    if (position_ == text.size()) return Found::more;
    if (text[position_] == '\t') {
      ++position_;
      continue;
    }
    if (text[position_] != '\r')
      return bad("The request's header holds a control character or a bare line feed.");
    if (position_ + 1 == text.size()) return Found::more;
    if (text[position_ + 1] != '\n')
      return bad("The request's header holds a carriage return without a line feed.");
    const bool empty = position_ == line_begin_;
    position_ += 2;
    line_begin_ = position_;
    if (empty) return Found::end;
    ++lines_;
  }
  return Found::more;
}

LineScanner::Found LineScanner::bad(std::string_view complaint) {
  complaint_ = complaint;
  return Found::bad;
}

bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_token_character);
}

std::string_view take_line(std::string_view& text) {
  const auto* const end = static_cast<const char*>(std::memchr(text.data(), '\r', text.size()));
  const std::string_view line(text.data(), end);
  text = {end + 2, text.data() + text.size()};
  return line;
}

// The line's CR is neither a token character nor a blank: no other end needs to be looked for.
std::optional<Field> take_field(std::string_view& text) {
  const char* const begin = text.data();
  const char* at = begin;
  while (is_token_character(*at)) ++at;
  if (at == begin || *at != ':') return std::nullopt;
  const std::string_view name(begin, at);
  do ++at;
  while (is_blank(*at));
  std::string_view rest(at, begin + text.size());
  std::string_view value = take_line(rest);
  while (!value.empty() && is_blank(value.back())) value.remove_suffix(1);
  text = rest;
  return Field{name, value};
}

std::optional<std::string_view> take_element(std::optional<std::string_view>& list) {
  if (!list) return std::nullopt;
  const std::size_t comma = list->find(',');
  const std::string_view element = trim_blanks(list->substr(0, comma));
  if (comma == std::string_view::npos) {
    list.reset();
  } else {
    list->remove_prefix(comma + 1);
  }
  return element;
}

FieldName recognise(std::string_view name) {
  const auto is = [name](std::string_view word, FieldName field) {
    return is_word(name, word) ? field : FieldName::other;
  };
  switch (name.size()) {
    case 4:
      return is("host", FieldName::host);
    case 6:
      return is("expect", FieldName::expect);
    case 10:
      return is("connection", FieldName::connection);
    case 12:
      return is("content-type", FieldName::content_type);
    case 13:
      return is("authorization", FieldName::authorization);
    case 14:
      return is("content-length", FieldName::content_length);
    case 16:
      if (is_word(name, "proxy-connection")) return FieldName::connection;
      return is("content-encoding", FieldName::content_encoding);
    case 17:
      return is("transfer-encoding", FieldName::transfer_encoding);
    default:
      return FieldName::other;
  }
}

bool ConnectionOptions::take(std::string_view value) {
  std::optional<std::string_view> list = value;
  while (const std::optional<std::string_view> option = take_element(list)) {
    if (is_word(*option, "close")) {
      close = true;
    } else if (is_word(*option, "keep-alive")) {
      keep_alive = true;
    } else if (!option->empty() && !is_token(*option)) {
      return false;
    }
  }
  return true;
}

}  // namespace ai_proxy::http
