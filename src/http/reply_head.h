// The head of a provider's answer, interim or final: its grammar, and what of it tells how the body is
// framed. No I/O. Protocol source: RFC 9112, 4 and 6.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "http/head_lines.h"
#include "http/headers.h"

namespace ai_proxy::http {

struct ReplyHead {
  int status = 0;  // 100 to 599
  bool http_1_0 = false;
  bool chunked = false;
  std::optional<std::uint64_t> content_length;  // bytes; never together with chunked
  ConnectionOptions connection;
};

// `bytes` begin with "HTTP/1.", end with the empty line and have passed a LineScanner. Fills `head` and
// `headers` anew; views point into `bytes`. Returns what is wrong, to stand behind "not proper HTTP: "; ""
// when nothing is. Refused although the grammar allows it: another transfer coding than chunked, and any
// content coding (we never ask for one).
std::string_view parse_reply_head(std::string_view bytes, std::size_t fields_max, ReplyHead& head,
                                  Headers& headers);

}  // namespace ai_proxy::http
