// The raw lines of a head or a trailer section, looked at byte by byte before anything is parsed: where they
// end, and whether they hold what makes two parsers disagree (bare CR or LF, NUL and other control
// characters, folded lines). No I/O. Protocol source: RFC 9112, 2.2 and 5.2.
#pragma once

#include <cstddef>
#include <string_view>

namespace ai_proxy::http {

class LineScanner {
 public:
  enum class Found : unsigned char { more, end, bad };

  // Goes on where the last call stopped. Requires: `text` begins with the bytes of the last call.
  Found scan(std::string_view text);

  std::size_t lines() const { return lines_; }            // complete lines, without the empty one at the end
  std::size_t line_begin() const { return line_begin_; }  // where the unfinished line begins
  std::size_t end() const { return position_; }           // behind the empty line, once found
  std::string_view complaint() const { return complaint_; }

 private:
  Found bad(std::string_view complaint);

  std::size_t position_ = 0;
  std::size_t line_begin_ = 0;
  std::size_t lines_ = 0;
  std::string_view complaint_;
};

// RFC 9110, 5.6.2: what methods and field names are made of.
bool is_token(std::string_view text);
bool is_token_character(char c);

}  // namespace ai_proxy::http
