// Splits the head line by line; the rules are applied as the fields come.
#include "http/request_head.h"

#include <algorithm>
#include <array>

#include "base/ascii.h"
#include "http/head_lines.h"
#include "http/request_target.h"

namespace ai_proxy::http {
namespace {

constexpr std::size_t kMethodBytesMax = 32;
constexpr std::string_view kVersionPattern = "HTTP/1.1";
constexpr RequestFault kTwoFramings =
    malformed("A request may have Content-Length or Transfer-Encoding, not both.");

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// Methods that servers know, WebDAV's and UPnP's among them; QUERY is RFC 10008's. No tunnels (CONNECT), no
// echoes (TRACE), no HTTP/2 by prior knowledge (PRI).
bool is_known_method(std::string_view method) {
  static constexpr std::array<std::string_view, 32> kKnown = {
      "POST",   "GET",    "HEAD",       "OPTIONS",    "PUT",    "DELETE",   "PATCH",    "QUERY",
      "ACL",    "BIND",   "CHECKOUT",   "COPY",       "LINK",   "LOCK",     "M-SEARCH", "MERGE",
      "MKCOL",  "MOVE",   "MKACTIVITY", "MKCALENDAR", "NOTIFY", "PROPFIND", "PURGE",    "PROPPATCH",
      "REBIND", "REPORT", "SEARCH",     "SUBSCRIBE",  "UNBIND", "UNLINK",   "UNLOCK",   "UNSUBSCRIBE"};
  return std::ranges::find(kKnown, method) != kKnown.end();
}

// Codings that we know, and refuse by name.
bool is_compression(std::string_view coding) {
  for (const std::string_view known : {"gzip", "x-gzip", "deflate", "compress", "x-compress"}) {
    if (is_word(coding, known)) return true;
  }
  return false;
}

// Splits the head, and applies what can be said of each field by itself.
class HeadParser {
 public:
  HeadParser(const ServerLimits& limits, RequestHead& head, Headers& headers)
      : limits_(limits), head_(head), headers_(headers) {}

  // False: it is refused, as `fault` tells; so below.
  bool take_request_line(const RequestLine& line) {
    head_.method = line.method;
    target = line.target;
    head_.http_1_0 = line.version == "HTTP/1.0";
    return target.find('\t') == std::string_view::npos || refuse(kNotProper);
  }

  // Takes one field line off `lines`.
  bool take_field_line(std::string_view& lines) {
    const std::optional<Field> field = take_field(lines);
    if (!field) return refuse(kNotProper);
    if (headers_.size() == limits_.fields_max) return refuse(kHeadTooLarge);
    headers_.add(field->name, field->value);
    return apply_field(recognise(field->name), field->value);
  }

  RequestFault fault;
  std::string_view target;
  std::string_view host;
  ConnectionOptions connection;
  bool has_host = false;
  bool has_length = false;
  bool has_coding = false;
  bool compressed = false;  // a coding before chunked that we know
  bool unknown_coding = false;
  bool has_content_type = false;
  bool has_authorization = false;
  bool unknown_expectation = false;
  bool encoded_body = false;  // Content-Encoding other than identity

 private:
  static constexpr RequestFault kNotProper = malformed("The request's header is not proper HTTP.");

  bool refuse(const RequestFault& reason) {
    fault = reason;
    return false;
  }

  bool apply_field(FieldName name, std::string_view value) {
    switch (name) {
      case FieldName::host:
        return take_host(value);
      case FieldName::connection:
        return connection.take(value) || refuse(kNotProper);
      case FieldName::content_length:
        return take_content_length(value);
      case FieldName::transfer_encoding:
        return take_transfer_encoding(value);
      case FieldName::content_type:
        return only_once(has_content_type, "The Content-Type field may stand only once.");
      case FieldName::authorization:
        return only_once(has_authorization, "The Authorization field may stand only once.");
      case FieldName::content_encoding:
        encoded_body = encoded_body || !(value.empty() || is_word(value, "identity"));
        return true;
      case FieldName::expect:
        head_.expects_continue = is_word(value, "100-continue");
        if (!head_.expects_continue) unknown_expectation = true;
        return true;
      case FieldName::other:
        return true;
    }
    return true;
  }

  bool only_once(bool& seen, std::string_view message) {
    if (seen) return refuse(malformed(message));
    seen = true;
    return true;
  }
  bool take_host(std::string_view value) {
    host = value;
    if (!only_once(has_host, "The Host field may stand only once.")) return false;
    return is_valid_host(value) || refuse(malformed("The Host field names no valid host."));
  }
  bool take_content_length(std::string_view value) {
    if (!only_once(has_length, "The Content-Length field may stand only once.")) return false;
    if (has_coding) return refuse(kTwoFramings);
    const auto length = parse_integer<std::uint64_t>(value);
    if (!length) return refuse(malformed("The Content-Length field must be a plain number."));
    head_.content_length = *length;
    return true;
  }
  // A list of codings, maybe over several fields, in the order they were applied: chunked must be the last
  // one.
  bool take_transfer_encoding(std::string_view value) {
    if (has_length) return refuse(kTwoFramings);
    has_coding = true;
    std::optional<std::string_view> list = value;
    while (const std::optional<std::string_view> coding = take_element(list)) {
      if (coding->empty() || head_.chunked) {
        return refuse(malformed("The Transfer-Encoding field must be chunked, once."));
      }
      if (is_word(*coding, "chunked")) {
        head_.chunked = true;
      } else if (is_compression(*coding)) {
        compressed = true;
      } else {
        unknown_coding = true;
      }
    }
    return true;
  }

  const ServerLimits& limits_;
  RequestHead& head_;
  Headers& headers_;
};

// What concerns the whole head: which body follows, and for whom the request is.
RequestFault check_coding(const HeadParser& parser, const RequestHead& head) {
  if (!parser.has_coding) return {};
  if (head.http_1_0) return malformed("HTTP/1.0 has no Transfer-Encoding.");
  if (parser.unknown_coding) return kCodingNotImplemented;
  if (parser.compressed) return head.chunked ? kCompressedTransfer : kCodingNotImplemented;
  return {};
}

RequestFault check_whole(const HeadParser& parser, const ServerLimits& limits, RequestHead& head) {
  if (const RequestFault fault = check_coding(parser, head)) return fault;
  if (!is_known_method(head.method)) return kMethodNotImplemented;
  Target target;
  if (const RequestFault fault = parse_target(head.method, parser.target, target)) return fault;
  head.path = target.path;
  head.query = target.query;
  if (!parser.has_host && !head.http_1_0) return malformed("HTTP/1.1 requests need a Host field.");
  if (!target.authority.empty() && parser.has_host && !ascii_iequals(target.authority, parser.host)) {
    return malformed("The request target and the Host field name different hosts.");
  }
  if (parser.encoded_body) return kCompressedBody;
  if (parser.unknown_expectation && !head.http_1_0) return kExpectationFailed;
  if (head.http_1_0) head.expects_continue = false;
  if (head.content_length > limits.body_bytes_max) return kBodyTooLarge;
  return {};
}

}  // namespace

RequestFault read_request_line(std::string_view line, bool complete, const ServerLimits& limits,
                               RequestLine& parts) {
  constexpr auto bad =
      malformed("The request line must be: method, target, HTTP/1.1, with one blank between them.");
  const std::size_t method_end = std::min(line.find(' '), line.size());
  const std::string_view method = line.substr(0, method_end);
  if (method.size() > kMethodBytesMax || (!method.empty() && !is_token(method))) return bad;
  if (method_end == line.size()) return complete ? bad : RequestFault{};

  line.remove_prefix(method_end + 1);
  const std::size_t target_end = std::min(line.find(' '), line.size());
  if (target_end > limits.target_bytes_max) return kTargetTooLong;
  if (method.empty() || (target_end == 0 && !line.empty())) return bad;
  if (target_end == line.size()) return complete ? bad : RequestFault{};

  const std::string_view version = line.substr(target_end + 1);
  parts = {method, line.substr(0, target_end), version};
  if (version == kVersionPattern) return {};
  if (version.size() > kVersionPattern.size() || (complete && version.size() < kVersionPattern.size()))
    return bad;
  for (std::size_t i = 0; i < version.size(); ++i) {
    if (is_digit(kVersionPattern[i]) ? !is_digit(version[i]) : version[i] != kVersionPattern[i]) return bad;
  }
  const bool known = version.size() < kVersionPattern.size() || version == "HTTP/1.0";
  return known ? RequestFault{} : kVersionNotSupported;
}

RequestFault parse_head(std::string_view bytes, bool complete, const ServerLimits& limits, RequestHead& head,
                        Headers& headers) {
  head = {};
  headers.clear();
  std::string_view rest = bytes;
  RequestLine line;
  if (const RequestFault fault = read_request_line(take_line(rest), true, limits, line)) return fault;
  if (bytes.size() > limits.head_bytes_max) return kHeadTooLarge;
  HeadParser parser(limits, head, headers);
  if (!parser.take_request_line(line)) return parser.fault;
  while (!rest.empty() && !rest.starts_with('\r')) {
    if (!parser.take_field_line(rest)) return parser.fault;
  }
  head.keep_alive = parser.connection.persists(head.http_1_0);
  return complete ? check_whole(parser, limits, head) : RequestFault{};
}

}  // namespace ai_proxy::http
