// Payload is taken in one piece; after every run of framing the limits are looked at.
#include "http/request_chunks.h"

#include <algorithm>

namespace ai_proxy::http {

std::size_t ChunkDecoder::feed(std::string_view bytes, std::string& body, const ServerLimits& limits) {
  std::size_t used = 0;
  while (used < bytes.size() && !done() && !fault_) {
    const std::string_view rest = bytes.substr(used);
    if (const std::uint64_t payload = framing_.payload(); payload > 0) {
      const auto part = static_cast<std::size_t>(std::min<std::uint64_t>(payload, rest.size()));
      body.append(rest.substr(0, part));
      framing_.take_payload(part);
      used += part;
      continue;
    }
    const bool in_trailer = framing_.in_trailer();
    const std::size_t part = framing_.take(rest, {limits.head_bytes_max, limits.fields_max});
    used += part;
    if (!in_trailer) overhead_ += part;
    check(body.size(), limits);
  }
  return used;
}

void ChunkDecoder::check(std::size_t body_bytes, const ServerLimits& limits) {
  switch (framing_.fault()) {
    case ChunkFraming::Fault::none:
      break;
    case ChunkFraming::Fault::framing:
      fault_ = malformed("The chunked framing of the request body is broken.");
      return;
    case ChunkFraming::Fault::trailer:
      fault_ = malformed("The trailer fields of the request body are broken.");
      return;
    case ChunkFraming::Fault::trailer_too_large:
      fault_ = kHeadTooLarge;
      return;
  }
  if (overhead_ > limits.chunk_overhead_bytes + body_bytes) {
    fault_ =
        malformed("The chunks of the request body are mostly framing. Send larger chunks and no extensions.");
  } else if (framing_.payload() > limits.body_bytes_max - std::min(body_bytes, limits.body_bytes_max)) {
    fault_ = kBodyTooLarge;
  }
}

}  // namespace ai_proxy::http
