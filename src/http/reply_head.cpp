#include "http/reply_head.h"

#include "base/ascii.h"

namespace ai_proxy::http {
namespace {

constexpr std::string_view kRight;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// "HTTP/1.1 200 OK"; the reason may be empty, the blank before it may not be missing.
std::string_view take_status_line(std::string_view line, ReplyHead& head) {
  constexpr std::string_view kShortest = "HTTP/1.1 200 ";
  if (line.size() < kShortest.size()) return "its status line is too short";
  const char version = line[7];
  if (version != '0' && version != '1') return "its version is neither 1.0 nor 1.1";
  head.http_1_0 = version == '0';
  const std::string_view digits = line.substr(9, 3);
  if (line[8] != ' ' || line[12] != ' ' || !is_digit(digits[0]) || !is_digit(digits[1]) ||
      !is_digit(digits[2])) {
    return "its status is not three digits";
  }
  head.status = (digits[0] - '0') * 100 + (digits[1] - '0') * 10 + (digits[2] - '0');
  if (head.status < 100 || head.status > 599) return "its status is not between 100 and 599";
  return kRight;
}

// One number, or the same one several times, in one field or in more (RFC 9110, 8.6).
std::string_view take_content_length(std::string_view value, ReplyHead& head) {
  std::optional<std::string_view> list = value;
  while (const std::optional<std::string_view> element = take_element(list)) {
    const auto length = parse_integer<std::uint64_t>(*element);
    if (!length) return "a Content-Length that is no number";
    if (head.content_length && *head.content_length != *length) return "more than one Content-Length";
    head.content_length = length;
  }
  return kRight;
}

std::string_view apply_field(const Field& field, ReplyHead& head) {
  switch (recognise(field.name)) {
    case FieldName::connection:
      return head.connection.take(field.value) ? kRight : "a Connection field that is no list of words";
    case FieldName::content_length:
      if (head.chunked) return "both Transfer-Encoding and Content-Length";
      return take_content_length(field.value, head);
    case FieldName::transfer_encoding:
      if (head.content_length) return "both Transfer-Encoding and Content-Length";
      if (head.chunked || !is_word(field.value, "chunked")) return "a transfer coding that was not asked for";
      if (head.http_1_0) return "a transfer coding in HTTP/1.0";
      head.chunked = true;
      return kRight;
    case FieldName::content_encoding:
      return is_word(field.value, "identity") ? kRight : "a compressed body that was not asked for";
    default:
      return kRight;
  }
}

}  // namespace

std::string_view parse_reply_head(std::string_view bytes, std::size_t fields_max, ReplyHead& head,
                                  Headers& headers) {
  head = {};
  headers.clear();
  std::string_view rest = bytes;
  if (const std::string_view wrong = take_status_line(take_line(rest), head); !wrong.empty()) return wrong;
  while (!rest.starts_with('\r')) {
    const std::optional<Field> field = take_field(rest);
    if (!field) return "a header line that is no field";
    if (headers.size() >= fields_max) return "too many header fields";
    headers.add(field->name, field->value);
    if (const std::string_view wrong = apply_field(*field, head); !wrong.empty()) return wrong;
  }
  return kRight;
}

}  // namespace ai_proxy::http
