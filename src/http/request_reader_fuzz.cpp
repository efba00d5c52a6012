// A client's bytes, one request behind the other. However they are cut, the same requests come out, or the
// same refusal; and what is accepted means one request only: written out again it reads the same.
#include "http/request_reader.h"

#include <vector>

#include "base/fuzz_input.h"

namespace ai_proxy::http {
namespace {

using fuzzing::require;

struct Seen {
  RequestReader::State state = RequestReader::State::head;
  std::string text;  // the request, written out again
  std::string path, query, body;
  bool keep_alive = false;
  bool awaits_continue = false;
  bool operator==(const Seen&) const = default;
};

bool is_printed(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7F; });
}

void check(RequestReader& reader, const ServerLimits& limits) {
  const Request& request = reader.request();
  require(is_token(request.method), "a method is a token", request.method);
  require(!request.path.empty() && is_printed(request.path) && is_printed(request.query),
          "a target is visible ASCII", request.path);
  require(request.path.size() + request.query.size() <= limits.target_bytes_max, "a target is bounded");
  require(request.headers.size() <= limits.fields_max, "fields are bounded");
  for (const Field& field : request.headers) {
    require(is_token(field.name), "a field's name is a token", field.name);
    require(field.value == ascii_trim(field.value), "a field's value has no blanks around it", field.value);
    require(field.value.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos,
            "a field's value is one line", field.value);
  }
  require(request.body.size() <= limits.body_bytes_max, "a body is bounded");
  require(request.body.capacity() >= request.body.size() + json::kPadding, "a body has room behind it");
}

// As we would send it on: its own head, and a body of known length.
std::string written(RequestReader& reader) {
  const Request& request = reader.request();
  std::string text(request.method);
  text.append(" ").append(request.path);
  if (!request.query.empty()) text.append("?").append(request.query);
  text.append(reader.head().http_1_0 ? " HTTP/1.0\r\n" : " HTTP/1.1\r\n");
  for (const Field& field : request.headers) {
    if (ascii_iequals(field.name, "content-length") || ascii_iequals(field.name, "transfer-encoding"))
      continue;
    text.append(field.name).append(": ").append(field.value).append("\r\n");
  }
  text.append("Content-Length: ");
  append_integer(text, request.body.size());
  return text.append("\r\n\r\n").append(request.body);
}

// As the server does it: a body of known length goes straight to its place.
std::size_t feed(RequestReader& reader, std::string_view bytes, bool fill) {
  if (!fill || !reader.wants_body_bytes()) return reader.feed(bytes);
  return reader.fill_body([bytes](char* space, std::size_t room) {
    require(room > 0, "there is room for what is wanted");
    return bytes.copy(space, room);
  });
}

std::vector<Seen> read(std::string_view bytes, fuzzing::Cut cut, const ServerLimits& limits) {
  std::vector<Seen> all;
  RequestReader reader;
  reader.begin(limits);
  bool open = true;
  const auto note = [&] {
    // Which of several faults is told depends on which came first.
    Seen seen{.state = reader.state(), .text = {}, .path = {}, .query = {}, .body = {}};
    if (seen.state == RequestReader::State::fault) {
      require(!reader.fault().code.empty() && reader.fault().message.ends_with('.'), "a refusal says why");
    } else if (seen.state == RequestReader::State::complete) {
      check(reader, limits);
      const Request& request = reader.request();
      seen.text = written(reader);
      seen.path = request.path;
      seen.query = request.query;
      seen.body = request.body;
      seen.keep_alive = reader.head().keep_alive;
    } else {
      seen.awaits_continue = reader.awaits_continue();
    }
    all.push_back(std::move(seen));
    open = all.back().keep_alive;
  };
  fuzzing::feed_pieces(bytes, cut, [&](fuzzing::Block& piece) {
    std::string_view part = piece.view();
    while (open && !part.empty()) {
      const std::size_t used = feed(reader, part, cut == fuzzing::Cut::anywhere);
      require(used <= part.size(), "no more is taken than there is");
      part.remove_prefix(used);
      const bool ended =
          reader.state() == RequestReader::State::fault || reader.state() == RequestReader::State::complete;
      require(ended || used > 0, "what goes on takes bytes");
      if (!ended) continue;
      note();
      if (open) reader.begin(limits);
    }
    return open;
  });
  if (open) note();
  return all;
}

// Small enough that an input can break every one of them.
ServerLimits small_limits() {
  ServerLimits limits;
  limits.head_bytes_max = 256;
  limits.target_bytes_max = 64;
  limits.fields_max = 6;
  limits.body_bytes_max = 128;
  limits.chunk_overhead_bytes = 48;
  return limits;
}

// What is written out again may have a field more, Content-Length.
ServerLimits roomy_limits() {
  ServerLimits limits;
  limits.head_bytes_max += 64;
  limits.fields_max += 1;
  return limits;
}

}  // namespace
}  // namespace ai_proxy::http

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ai_proxy;
  using namespace ai_proxy::http;
  static const ServerLimits kSmall = small_limits();
  static const ServerLimits kDefault;
  static const ServerLimits kRoomy = roomy_limits();
  const std::string_view bytes = fuzzing::Input(data, size).rest();
  fuzzing::same_for_every_cut(bytes, [&](fuzzing::Cut cut) { return read(bytes, cut, kSmall); });
  const auto requests =
      fuzzing::same_for_every_cut(bytes, [&](fuzzing::Cut cut) { return read(bytes, cut, kDefault); });
  for (const Seen& request : requests) {
    if (request.state != RequestReader::State::complete) continue;
    const auto again = read(request.text, fuzzing::Cut::nowhere, kRoomy);
    fuzzing::require(!again.empty() && again.front().text == request.text &&
                         again.front().path == request.path && again.front().body == request.body,
                     "a request written out again is the same one", request.text);
  }
  return 0;
}
