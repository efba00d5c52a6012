// The bytes of an answer's head, and the answer to a request that is none. No I/O. Protocol source: RFC 9110,
// RFC 9112.
#pragma once

#include <ctime>
#include <string>
#include <string_view>

#include "http/request_fault.h"

namespace ai_proxy::http {

// "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n", written anew once per second.
class DateLine {
 public:
  std::string_view at(std::time_t now);

 private:
  std::time_t written_ = -1;
  std::string text_;
};

// Status line, Date, Content-Type (unless empty) and the finished `fields`. The caller adds the framing.
void append_head(std::string& out, int status, std::string_view date_line, std::string_view content_type,
                 std::string_view fields);

// An answer with this status never has a body.
bool is_bodiless(int status);

// {"error":"…","details":{"code":"…"}}
std::string fault_body(const RequestFault& fault);

}  // namespace ai_proxy::http
