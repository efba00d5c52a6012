// What is wrong with a request, before any handler sees it: the status, the stable word and the sentence of
// the answer. All texts are constants; nothing the client sent is repeated.
#pragma once

#include <string_view>

namespace ai_proxy::http {

struct RequestFault {
  int status = 0;            // 0: nothing is wrong
  std::string_view code;     // details.code
  std::string_view message;  // a sentence a person can act on

  explicit operator bool() const { return status != 0; }
};

constexpr RequestFault malformed(std::string_view message) {
  return {400, "malformed_request", message};
}

inline constexpr RequestFault kHeadTooLarge{
    431, "head_too_large",
    "The request's header fields are too many or too large. Send fewer or shorter ones."};
inline constexpr RequestFault kTargetTooLong{
    414, "target_too_long", "The request target is too long. Send the data in the body instead."};
inline constexpr RequestFault kBodyTooLarge{413, "body_too_large",
                                            "The request body is larger than this server accepts. Send less, "
                                            "or raise the limit in the configuration."};
inline constexpr RequestFault kVersionNotSupported{505, "http_version_not_supported",
                                                   "Only HTTP/1.1 and HTTP/1.0 are spoken here."};
inline constexpr RequestFault kMethodNotImplemented{501, "method_not_implemented",
                                                    "This request method is not supported."};
inline constexpr RequestFault kCodingNotImplemented{501, "transfer_coding_not_implemented",
                                                    "The only transfer coding supported is chunked."};
inline constexpr RequestFault kCompressedTransfer{
    415, "compressed_transfer",
    "Request bodies may not be compressed. Send Transfer-Encoding: chunked alone."};
inline constexpr RequestFault kCompressedBody{
    415, "compressed_body", "Request bodies may not be compressed. Send the body without Content-Encoding."};
inline constexpr RequestFault kExpectationFailed{417, "expectation_failed",
                                                 "The only expectation supported is 100-continue."};
inline constexpr RequestFault kOverloaded{
    503, "overloaded", "This server has as much to do as it can. Send the request again in a moment."};
inline constexpr RequestFault kHeadTimeout{408, "request_timeout",
                                           "The request's header did not arrive in time. Send it again."};
inline constexpr RequestFault kBodyTimeout{
    408, "request_timeout", "The request's body did not arrive in time. Send it again, and faster."};

}  // namespace ai_proxy::http
