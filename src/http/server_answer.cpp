// Appended piece by piece to one reused string: the head of an answer costs no allocation.
#include "http/server_answer.h"

#include "base/ascii.h"
#include "base/json_writer.h"

namespace ai_proxy::http {
namespace {

std::string_view reason(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 204:
      return "No Content";
    case 304:
      return "Not Modified";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 402:
      return "Payment Required";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 406:
      return "Not Acceptable";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 411:
      return "Length Required";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 415:
      return "Unsupported Media Type";
    case 417:
      return "Expectation Failed";
    case 422:
      return "Unprocessable Content";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 502:
      return "Bad Gateway";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    case 505:
      return "HTTP Version Not Supported";
    case 529:
      return "Overloaded";
    default:
      return "Status";
  }
}

void append_two_digits(std::string& text, int value) {
  text.push_back(static_cast<char>('0' + value / 10 % 10));
  text.push_back(static_cast<char>('0' + value % 10));
}

}  // namespace

std::string_view DateLine::at(std::time_t now) {
  if (now == written_) return text_;
  constexpr std::string_view kDays = "SunMonTueWedThuFriSat";
  constexpr std::string_view kMonths = "JanFebMarAprMayJunJulAugSepOctNovDec";
  std::tm date{};
  gmtime_r(&now, &date);
  text_.assign("Date: ").append(kDays.substr(static_cast<std::size_t>(date.tm_wday) * 3, 3)).append(", ");
  append_two_digits(text_, date.tm_mday);
  text_.append(" ").append(kMonths.substr(static_cast<std::size_t>(date.tm_mon) * 3, 3)).append(" ");
  append_integer(text_, date.tm_year + 1900);
  for (const auto& [before, value] : {std::pair{' ', date.tm_hour}, {':', date.tm_min}, {':', date.tm_sec}}) {
    text_.push_back(before);
    append_two_digits(text_, value);
  }
  text_.append(" GMT\r\n");
  written_ = now;
  return text_;
}

void append_head(std::string& out, int status, std::string_view date_line, std::string_view content_type,
                 std::string_view fields) {
  out.append("HTTP/1.1 ");
  append_integer(out, status);
  out.append(" ").append(reason(status)).append("\r\n").append(date_line);
  if (!content_type.empty()) out.append("Content-Type: ").append(content_type).append("\r\n");
  out.append(fields);
}

bool is_bodiless(int status) {
  return status == 204 || status == 304;
}

std::string fault_body(const RequestFault& fault) {
  std::string text;
  json::Writer out(text);
  out.begin_object()
      .member("error", fault.message)
      .key("details")
      .begin_object()
      .member("code", fault.code)
      .end_object()
      .end_object();
  return text;
}

}  // namespace ai_proxy::http
