// The only file of the server that knows Boost.Beast: its parser splits the head and calls back with views;
// the rules are applied as the fields come.
#include "http/request_head.h"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>

#include "base/ascii.h"
#include "http/request_lines.h"
#include "http/request_target.h"

namespace ai_proxy::http {
namespace {

namespace beast = boost::beast::http;
using beast::field;
using boost::system::error_code;

constexpr std::size_t kMethodBytesMax = 32;
constexpr std::string_view kVersionPattern = "HTTP/1.1";

std::string_view view(boost::beast::string_view text) {
  return {text.data(), text.size()};
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// Codings that we know, and refuse by name.
bool is_compression(std::string_view coding) {
  for (const std::string_view known : {"gzip", "x-gzip", "deflate", "compress", "x-compress"}) {
    if (ascii_iequals(coding, known)) return true;
  }
  return false;
}

// Splits the head, and applies what can be said of each field by itself.
class HeadParser final : public beast::basic_parser<true> {
 public:
  HeadParser(const ServerLimits& limits, RequestHead& head, Headers& headers)
      : limits_(limits), head_(head), headers_(headers) {
    header_limit(UINT32_MAX);  // the reader has its own bound
    skip(true);
  }

  RequestFault fault;
  std::string_view target;
  std::string_view host;
  bool known_method = false;
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
  void refuse(const RequestFault& reason, error_code& ec) {
    fault = reason;
    ec = make_error_code(beast::error::bad_field);
  }
  void on_request_impl(beast::verb verb, boost::beast::string_view method, boost::beast::string_view text,
                       int version, error_code&) override {
    head_.method = view(method);
    target = view(text);
    head_.http_1_0 = version == 10;
    // QUERY (RFC 10008) is younger than Beast's table. No tunnels, no echoes, no HTTP/2 by prior knowledge.
    known_method = verb != beast::verb::unknown || head_.method == "QUERY";
    if (verb == beast::verb::connect || verb == beast::verb::trace) known_method = false;
  }
  void on_field_impl(field name, boost::beast::string_view name_text, boost::beast::string_view value_text,
                     error_code& ec) override {
    const std::string_view value = view(value_text);
    if (headers_.size() == limits_.fields_max) return refuse(kHeadTooLarge, ec);
    headers_.add(view(name_text), value);
    switch (name) {
      case field::host:
        return on_host(value, ec);
      case field::content_length:
        return on_content_length(value, ec);
      case field::transfer_encoding:
        return on_transfer_encoding(value, ec);
      case field::content_type:
        return only_once(has_content_type, "The Content-Type field may stand only once.", ec);
      case field::authorization:
        return only_once(has_authorization, "The Authorization field may stand only once.", ec);
      case field::content_encoding:
        encoded_body = encoded_body || !(value.empty() || ascii_iequals(value, "identity"));
        return;
      case field::expect:
        head_.expects_continue = ascii_iequals(value, "100-continue");
        if (!head_.expects_continue) unknown_expectation = true;
        return;
      default:
        return;
    }
  }

  void only_once(bool& seen, std::string_view message, error_code& ec) {
    if (seen) return refuse(malformed(message), ec);
    seen = true;
  }
  void on_host(std::string_view value, error_code& ec) {
    only_once(has_host, "The Host field may stand only once.", ec);
    if (!ec && !is_valid_host(value)) refuse(malformed("The Host field names no valid host."), ec);
    host = value;
  }
  void on_content_length(std::string_view value, error_code& ec) {
    only_once(has_length, "The Content-Length field may stand only once.", ec);
    if (ec) return;
    const auto length = parse_integer<std::uint64_t>(value);
    if (!length) return refuse(malformed("The Content-Length field must be a plain number."), ec);
    head_.content_length = *length;
  }
  // A list of codings, maybe over several fields, in the order they were applied: chunked must be the last
  // one.
  void on_transfer_encoding(std::string_view value, error_code& ec) {
    has_coding = true;
    while (true) {
      const std::size_t comma = std::min(value.find(','), value.size());
      const std::string_view coding = ascii_trim(value.substr(0, comma));
      if (coding.empty() || head_.chunked) {
        return refuse(malformed("The Transfer-Encoding field must be chunked, once."), ec);
      }
      if (ascii_iequals(coding, "chunked")) {
        head_.chunked = true;
      } else if (is_compression(coding)) {
        compressed = true;
      } else {
        unknown_coding = true;
      }
      if (comma == value.size()) return;
      value.remove_prefix(comma + 1);
    }
  }

  // Called for answers, or for bodies, which this parser never sees.
  void on_response_impl(int, boost::beast::string_view, int, error_code&) override {}
  void on_header_impl(error_code&) override { head_.keep_alive = keep_alive(); }
  void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code&) override {}
  std::size_t on_body_impl(boost::beast::string_view, error_code&) override { return 0; }
  void on_chunk_header_impl(std::uint64_t, boost::beast::string_view, error_code&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, boost::beast::string_view, error_code&) override { return 0; }
  void on_finish_impl(error_code&) override {}

  const ServerLimits& limits_;
  RequestHead& head_;
  Headers& headers_;
};

// Beast refuses some fields before it calls back.
std::string_view complaint(const error_code& ec) {
  if (ec == beast::error::bad_content_length || ec == beast::error::multiple_content_length) {
    return "The Content-Length field must be one plain number, without Transfer-Encoding.";
  }
  if (ec == beast::error::bad_transfer_encoding) {
    return "The Transfer-Encoding field must be chunked, once, without Content-Length.";
  }
  return "The request's header is not proper HTTP.";
}

// What concerns the whole head: which body follows, and for whom the request is.
RequestFault check_framing(const HeadParser& parser, const RequestHead& head) {
  if (parser.has_length && parser.has_coding) {
    return malformed("A request may have Content-Length or Transfer-Encoding, not both.");
  }
  if (!parser.has_coding) return {};
  if (head.http_1_0) return malformed("HTTP/1.0 has no Transfer-Encoding.");
  if (parser.unknown_coding) return kCodingNotImplemented;
  if (parser.compressed) return head.chunked ? kCompressedTransfer : kCodingNotImplemented;
  return {};
}

RequestFault check_whole(const HeadParser& parser, const ServerLimits& limits, RequestHead& head) {
  if (const RequestFault fault = check_framing(parser, head)) return fault;
  if (!parser.known_method) return kMethodNotImplemented;
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

RequestFault check_request_line(std::string_view line, bool complete, const ServerLimits& limits) {
  constexpr auto bad = "The request line must be: method, target, HTTP/1.1, with one blank between them.";
  const std::size_t method_end = std::min(line.find(' '), line.size());
  const std::string_view method = line.substr(0, method_end);
  if (method.size() > kMethodBytesMax || (!method.empty() && !is_token(method))) return malformed(bad);
  if (method_end == line.size()) return complete ? malformed(bad) : RequestFault{};

  line.remove_prefix(method_end + 1);
  const std::size_t target_end = std::min(line.find(' '), line.size());
  if (target_end > limits.target_bytes_max) return kTargetTooLong;
  if (method.empty() || (target_end == 0 && !line.empty())) return malformed(bad);
  if (target_end == line.size()) return complete ? malformed(bad) : RequestFault{};

  const std::string_view version = line.substr(target_end + 1);
  if (version.size() > kVersionPattern.size() || (complete && version.size() < kVersionPattern.size()))
    return malformed(bad);
  for (std::size_t i = 0; i < version.size(); ++i) {
    if (is_digit(kVersionPattern[i]) ? !is_digit(version[i]) : version[i] != kVersionPattern[i])
      return malformed(bad);
  }
  const bool known =
      version.size() < kVersionPattern.size() || version == "HTTP/1.1" || version == "HTTP/1.0";
  return known ? RequestFault{} : kVersionNotSupported;
}

RequestFault parse_head(std::string_view bytes, bool complete, const ServerLimits& limits, RequestHead& head,
                        Headers& headers) {
  head = {};
  headers.clear();
  HeadParser parser(limits, head, headers);
  error_code ec;
  parser.put(boost::asio::const_buffer(bytes.data(), bytes.size()), ec);
  if (parser.fault) return parser.fault;
  if (ec || !parser.is_done()) return malformed(complaint(ec));
  return complete ? check_whole(parser, limits, head) : RequestFault{};
}

}  // namespace ai_proxy::http
