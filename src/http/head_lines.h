// The lines of an HTTP/1 head or trailer section, of requests and answers alike: where they end, whether they
// hold what makes two parsers disagree, and what a field line says. Bytes are looked at once by a
// LineScanner; what follows relies on it. No I/O, nothing is copied. Protocol source: RFC 9110, 5 and 7.6.1;
// RFC 9112, 2.2 and 5.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>

#include "http/headers.h"

namespace ai_proxy::http {

// Refuses bare CR or LF, NUL and other control characters, and folded lines, wherever they stand.
class LineScanner {
 public:
  enum class Found : unsigned char { more, end, bad };

  // Goes on where the last call stopped. Requires: `text` begins with the bytes of the last call.
  Found scan(std::string_view text);

  std::size_t lines() const { return lines_; }            // complete lines, without the empty one at the end
  std::size_t line_begin() const { return line_begin_; }  // where the unfinished line begins
  std::size_t end() const { return position_; }           // behind the empty line, once found
  std::string_view complaint() const { return complaint_; }  // a sentence for the client, once bad

 private:
  Found bad(std::string_view complaint);

  std::size_t position_ = 0;
  std::size_t line_begin_ = 0;
  std::size_t lines_ = 0;
  std::string_view complaint_;
};

// RFC 9110, 5.6.2: what methods and field names are made of.
inline constexpr std::array<bool, 256> kTokenCharacters = [] {
  std::array<bool, 256> table{};
  for (unsigned c = '0'; c <= '9'; ++c) table[c] = true;
  for (unsigned c = 'a'; c <= 'z'; ++c) table[c] = true;
  for (unsigned c = 'A'; c <= 'Z'; ++c) table[c] = true;
  for (const char c : std::string_view("!#$%&'*+-.^_`|~")) table[static_cast<unsigned char>(c)] = true;
  return table;
}();
inline bool is_token_character(char c) {
  return kTokenCharacters[static_cast<unsigned char>(c)];
}
bool is_token(std::string_view text);

// --- the rest requires text that a LineScanner has passed ---

// Takes the first line off `text`, and its CR LF, which is not in the result. Requires: a whole line.
std::string_view take_line(std::string_view& text);
// The same for a field line (RFC 9112, 5): a token, a colon, and the value without blanks around it. Nullopt
// for any other line, the empty one too; `text` is then left as it is.
std::optional<Field> take_field(std::string_view& text);
// Takes the first element off a comma-separated list: without blanks around it, maybe empty. Nullopt behind
// the last one, of which `list` keeps nothing.
std::optional<std::string_view> take_element(std::optional<std::string_view>& list);

// `word`, in whichever case? Requires: `word` is made of lower-case letters, digits and '-'. (What differs
// from these in nothing but the bit of the case is a control character, which `text` does not hold.)
inline bool is_word(std::string_view text, std::string_view word) {
  const auto differ = [&]<class Bits>(std::size_t at, Bits case_bits) {
    Bits ours;
    Bits theirs;
    std::memcpy(&ours, word.data() + at, sizeof ours);
    std::memcpy(&theirs, text.data() + at, sizeof theirs);
    return (theirs | case_bits) != ours;
  };
  if (text.size() != word.size()) return false;
  std::size_t at = 0;
  for (; at + 8 <= word.size(); at += 8) {
    if (differ(at, std::uint64_t{0x2020202020202020})) return false;
  }
  for (; at + 4 <= word.size(); at += 4) {
    if (differ(at, std::uint32_t{0x20202020})) return false;
  }
  for (; at < word.size(); ++at) {
    if ((text[at] | 0x20) != word[at]) return false;
  }
  return true;
}

// The fields that say how a message is to be read.
enum class FieldName : std::uint8_t {
  other,
  host,
  expect,
  connection,  // and Proxy-Connection, which old clients send instead
  content_type,
  authorization,
  content_length,
  content_encoding,
  transfer_encoding
};
FieldName recognise(std::string_view name);

// What the Connection fields of a head ask for.
struct ConnectionOptions {
  bool close = false;
  bool keep_alive = false;

  // One field's value. False: it is no list of tokens.
  bool take(std::string_view value);
  // May another message follow? HTTP/1.1: unless told otherwise; HTTP/1.0: only when asked for (RFC
  // 9112, 9.3).
  bool persists(bool http_1_0) const { return !close && (!http_1_0 || keep_alive); }
};

}  // namespace ai_proxy::http
