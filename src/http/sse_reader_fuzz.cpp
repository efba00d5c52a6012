// Server-sent events. However the bytes are cut, the same events come out; and they are those of a plain
// reading of the standard (html.spec.whatwg.org, 9.2.6), line by line.
#include "http/sse_reader.h"

#include <vector>

#include "base/ascii.h"
#include "base/fuzz_input.h"

namespace ai_proxy::http {
namespace {

using fuzzing::require;

struct Seen {
  std::string type, data, id;
  bool operator==(const Seen&) const = default;
};

struct Outcome {
  std::vector<Seen> events;
  long retry_ms = -1;
  bool good = true;
  bool operator==(const Outcome&) const = default;
};

Outcome read(std::string_view bytes, fuzzing::Cut cut, std::size_t event_bytes_max, std::size_t events_max) {
  SseReader reader(event_bytes_max);
  Outcome outcome;
  const SseReader::Sink sink = [&](const SseReader::Event& event) {
    require(event.data.size() <= event_bytes_max, "an event is bounded");
    outcome.events.push_back({std::string(event.type), std::string(event.data), std::string(event.id)});
    return outcome.events.size() < events_max;
  };
  fuzzing::feed_pieces(bytes, cut, [&](fuzzing::Block& piece) {
    outcome.good = reader.feed(piece.view(), sink);
    require(!outcome.good || reader.buffered() <= 2 * event_bytes_max, "what is held back is bounded");
    return outcome.good;
  });
  outcome.retry_ms = outcome.good ? reader.retry_ms() : -1;
  return outcome;
}

// The standard's own steps, without regard for speed.
class PlainReader {
 public:
  Outcome read(std::string_view text) {
    if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
    std::string line;
    for (std::size_t i = 0; i < text.size(); ++i) {
      const char c = text[i];
      if (c == '\r' || c == '\n') {
        if (c == '\r' && i + 1 < text.size() && text[i + 1] == '\n') ++i;
        take(line);
        line.clear();
      } else {
        line.push_back(c);
      }
    }
    return std::move(outcome_);
  }

 private:
  void take(const std::string& line) {
    if (line.empty()) {
      if (has_data_) outcome_.events.push_back({type_, data_.substr(0, data_.size() - 1), id_});
      type_.clear();
      data_.clear();
      has_data_ = false;
      return;
    }
    const std::size_t colon = line.find(':');
    if (colon == 0) return;
    const std::string field = line.substr(0, colon);
    std::string value = colon == std::string::npos ? "" : line.substr(colon + 1);
    if (value.starts_with(' ')) value.erase(0, 1);
    if (field == "event") type_ = value;
    if (field == "data") data_ += value + "\n";
    if (field == "data") has_data_ = true;
    if (field == "id" && value.find('\0') == std::string::npos) id_ = value;
    const bool digits = value.find_first_not_of("0123456789") == std::string::npos;
    if (field == "retry" && digits)
      outcome_.retry_ms = parse_integer<long>(value).value_or(outcome_.retry_ms);
  }

  Outcome outcome_;
  std::string type_, data_, id_;
  bool has_data_ = false;
};

}  // namespace
}  // namespace ai_proxy::http

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ai_proxy;
  using namespace ai_proxy::http;
  constexpr std::size_t kPlenty = 1 << 20;
  const std::string_view bytes = fuzzing::Input(data, size).rest();
  const Outcome whole = fuzzing::same_for_every_cut(
      bytes, [&](fuzzing::Cut cut) { return read(bytes, cut, kPlenty, SIZE_MAX); });
  fuzzing::require(whole == PlainReader().read(bytes), "events are those of the standard");
  fuzzing::same_for_every_cut(bytes, [&](fuzzing::Cut cut) { return read(bytes, cut, 48, SIZE_MAX); });
  fuzzing::same_for_every_cut(bytes, [&](fuzzing::Cut cut) { return read(bytes, cut, kPlenty, 2); });
  return 0;
}
