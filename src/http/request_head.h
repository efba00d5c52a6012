// The head of a request: its grammar, and every rule whose breach makes two HTTP implementations see two
// different messages. No I/O. Protocol source: RFC 9110, RFC 9112.
#pragma once

#include <cstdint>
#include <string_view>

#include "http/headers.h"
#include "http/limits.h"
#include "http/request_fault.h"

namespace ai_proxy::http {

// Views point into the bytes of the head.
struct RequestHead {
  std::string_view method;
  std::string_view path;
  std::string_view query;
  std::uint64_t content_length = 0;
  bool http_1_0 = false;
  bool keep_alive = false;  // what the client asks for
  bool chunked = false;
  bool expects_continue = false;
};

struct RequestLine {
  std::string_view method;
  std::string_view target;
  std::string_view version;
};

// The request line alone, as far as it has come (without its CRLF when `complete`): refuses what can no
// longer become one. Fills `parts` when nothing is wrong and it is complete.
RequestFault read_request_line(std::string_view line, bool complete, const ServerLimits& limits,
                               RequestLine& parts);

// `bytes` are whole lines that a LineScanner has passed, the request line first. `complete`: they end with
// the empty line. A head that goes on is judged by what is there. Fills `head` and `headers` anew, with views
// into `bytes`; they are of use only when nothing is wrong and the head is complete.
RequestFault parse_head(std::string_view bytes, bool complete, const ServerLimits& limits, RequestHead& head,
                        Headers& headers);

}  // namespace ai_proxy::http
