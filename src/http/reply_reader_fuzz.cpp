// A provider's bytes: an answer, whichever framing it has. However they are cut, the same status, fields and
// content come out, or the same failure.
#include "http/reply_reader.h"

#include "base/fuzz_input.h"

namespace ai_proxy::http {
namespace {

using fuzzing::require;

struct Outcome {
  int status = 0;
  std::string fields;
  std::string body;
  std::optional<ErrorCode> failure;
  bool keep_alive = false;
  bool extra_bytes = false;
  // What was read before a failure depends on the pieces.
  bool operator==(const Outcome& other) const {
    if (failure || other.failure) return failure == other.failure;
    return status == other.status && fields == other.fields && body == other.body &&
           keep_alive == other.keep_alive && extra_bytes == other.extra_bytes;
  }
};

void note_head(const ReplyReader& reader, Outcome& outcome, const ClientLimits& limits) {
  outcome.status = reader.status();
  require(outcome.status >= 200 && outcome.status <= 999, "the final answer's status");
  require(reader.headers().size() <= limits.fields_max, "fields are bounded");
  for (const Field& field : reader.headers()) {
    require(field.value.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos,
            "a field's value is one line", field.value);
    outcome.fields.append(field.name).append(": ").append(field.value).append("\n");
  }
}

// One piece; false: no more is to be read.
bool feed(ReplyReader& reader, fuzzing::Block& piece, Outcome& outcome, const ClientLimits& limits) {
  std::span<char> bytes = piece.span();
  if (!reader.head_complete()) {
    const Result<std::size_t> taken = reader.read_head(piece.view());
    if (!taken) outcome.failure = taken.error().code;
    if (!taken) return false;
    require(*taken <= bytes.size(), "no more is taken than there is");
    bytes = bytes.subspan(*taken);
    if (!reader.head_complete()) {
      require(bytes.empty(), "an unfinished head takes all bytes");
      return true;
    }
    note_head(reader, outcome, limits);
  }
  if (reader.complete()) {
    outcome.extra_bytes |= !bytes.empty();
    return !outcome.extra_bytes;
  }
  if (bytes.empty()) return true;
  const Result<std::string_view> content = reader.read_body(bytes);
  if (!content) outcome.failure = content.error().code;
  if (!content) return false;
  require(content->size() <= bytes.size(), "content is never more than what came");
  outcome.body += *content;
  outcome.extra_bytes |= reader.extra_bytes();
  return !outcome.extra_bytes;
}

Outcome read(std::string_view bytes, fuzzing::Cut cut, const ClientLimits& limits, bool to_head_request) {
  ReplyReader reader;
  reader.begin(limits, to_head_request);
  Outcome outcome;
  fuzzing::feed_pieces(bytes, cut,
                       [&](fuzzing::Block& piece) { return feed(reader, piece, outcome, limits); });
  if (outcome.failure) return outcome;
  if (!reader.head_complete()) {
    outcome.failure = ErrorCode::provider_unreachable;
  } else if (const auto end = reader.read_end()) {
    outcome.failure = end->code;
  } else {
    outcome.keep_alive = reader.keep_alive() && !outcome.extra_bytes;
  }
  return outcome;
}

}  // namespace
}  // namespace ai_proxy::http

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ai_proxy;
  using namespace ai_proxy::http;
  const std::string_view bytes = fuzzing::Input(data, size).rest();
  ClientLimits small;
  small.head_bytes_max = 256;
  small.fields_max = 6;
  small.interim_answers_max = 2;
  for (const ClientLimits& limits : {ClientLimits{}, small}) {
    for (const bool to_head_request : {false, true}) {
      const Outcome whole = fuzzing::same_for_every_cut(
          bytes, [&](fuzzing::Cut cut) { return read(bytes, cut, limits, to_head_request); });
      fuzzing::require(!to_head_request || whole.failure || whole.body.empty(),
                       "an answer to a HEAD request has no body");
    }
  }
  return 0;
}
