// A chunked body. However it is cut, the same payload comes out and as many bytes are left; and a payload
// framed again comes out as it went in.
#include "http/request_chunks.h"

#include <charconv>

#include "base/fuzz_input.h"

namespace ai_proxy::http {
namespace {

struct Decoded {
  std::string body;
  std::size_t used = 0;
  bool done = false;
  bool refused = false;
  // What was read before a refusal depends on the pieces, and which of several faults came first.
  bool operator==(const Decoded& other) const {
    if (refused || other.refused) return refused == other.refused;
    return body == other.body && used == other.used && done == other.done;
  }
};

Decoded decode(std::string_view bytes, fuzzing::Cut cut, const ServerLimits& limits) {
  ChunkDecoder decoder;
  Decoded decoded;
  fuzzing::feed_pieces(bytes, cut, [&](fuzzing::Block& piece) {
    const std::size_t used = decoder.feed(piece.view(), decoded.body, limits);
    decoded.used += used;
    decoded.done = decoder.done();
    decoded.refused = static_cast<bool>(decoder.fault());
    const bool going = !decoded.done && !decoded.refused;
    fuzzing::require(used == piece.view().size() || !going, "all bytes are used while it goes on");
    fuzzing::require(decoded.body.size() <= limits.body_bytes_max, "a body is bounded");
    return going;
  });
  return decoded;
}

// The text, in chunks whose sizes it decides itself.
std::string framed(std::string_view text) {
  std::string bytes;
  fuzzing::feed_pieces(text, fuzzing::Cut::anywhere, [&bytes](fuzzing::Block& piece) {
    char digits[16];
    const char* const end = std::to_chars(digits, digits + sizeof digits, piece.view().size(), 16).ptr;
    bytes.append(std::string_view(digits, end)).append("\r\n").append(piece.view()).append("\r\n");
    return true;
  });
  return bytes.append("0\r\n\r\n");
}

}  // namespace
}  // namespace ai_proxy::http

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ai_proxy;
  using namespace ai_proxy::http;
  const std::string_view bytes = fuzzing::Input(data, size).rest();
  ServerLimits limits;
  fuzzing::same_for_every_cut(bytes, [&](fuzzing::Cut cut) { return decode(bytes, cut, limits); });

  limits.chunk_overhead_bytes = SIZE_MAX / 2;
  const std::string chunks = framed(bytes) + "next";
  const Decoded again = decode(chunks, fuzzing::Cut::anywhere, limits);
  fuzzing::require(again.done && again.body == bytes && again.used == chunks.size() - 4,
                   "a payload framed again comes out as it went in");

  limits.head_bytes_max = 32;
  limits.fields_max = 2;
  limits.body_bytes_max = 64;
  limits.chunk_overhead_bytes = 32;
  fuzzing::same_for_every_cut(bytes, [&](fuzzing::Cut cut) { return decode(bytes, cut, limits); });
  return 0;
}
