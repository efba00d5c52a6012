// A provider's event stream, translated for a caller as gateway/chat_stream.cpp does it. However the bytes
// are cut, the caller sees the same; what is written is whole events of valid JSON, ends once, and reads as
// what it was in the dialect it is written in.
#include <optional>

#include "dialects/fuzz_checks.h"
#include "dialects/native/native.h"

namespace ai_proxy::dialects {
namespace {

using fuzz::require;

struct Folded {
  std::string text;
  std::size_t calls = 0;
  bool has_nameless_call = false;
  bool complete = false;
  bool failed = false;
  bool operator==(const Folded&) const = default;
};

void fold(Folded& folded, const chat::Delta& delta) {
  const bool text = delta.kind == chat::Delta::Kind::text || delta.kind == chat::Delta::Kind::refusal;
  if (text) folded.text.append(delta.text);  // not every dialect has a place of its own for a refusal
  if (delta.kind == chat::Delta::Kind::tool_call_begin) {
    ++folded.calls;
    folded.has_nameless_call = folded.has_nameless_call || delta.tool_name.empty();
  }
}

struct Outcome {
  Folded read;          // from the provider
  std::string written;  // for the caller
  bool operator==(const Outcome&) const = default;
};

// The caller's side: a door, or our native API.
class Writer {
 public:
  Writer(const Door* door, bool stream_usage) : door_(door), stream_usage_(stream_usage) {}

  void delta(std::string& out, const StreamReader& reader, const chat::Delta& delta) {
    if (door_ == nullptr) return native::render_chunk(out, delta);
    made(reader).delta(out, delta);
  }
  void end(std::string& out, const StreamReader& reader) {
    const chat::FinishReason reason =
        chat::effective_finish_reason(reader.finish_reason(), reader.has_tool_calls());
    if (door_ != nullptr) {
      return made(reader).end(
          out, {.finish_reason = reason, .stop_sequence = reader.stop_sequence(), .usage = reader.usage()});
    }
    const chat::Warnings warnings;
    native::render_done(out, {.finish_reason = reason,
                              .usage = reader.usage(),
                              .cost = {},
                              .latency_ms = 1,
                              .warnings = warnings});
  }
  void fail(std::string& out, const StreamReader& reader, const Error& error) {
    if (door_ != nullptr) return made(reader).fail(out, error);
    native::render_error_event(out, {.error = error, .provider = "openai", .model = "m", .attempts = 1});
  }

 private:
  StreamWriter& made(const StreamReader& reader) {
    if (writer_) return *writer_;
    model_ = reader.model().empty() ? "model-1" : reader.model();
    AnswerContext context{.model = model_, .id = {}, .created = 1'790'000'000, .stream_usage = stream_usage_};
    context.request_id = "req_1";
    context.provider_id = reader.id().empty() ? std::string_view("req_1") : reader.id();
    writer_ = door_->make_stream_writer(context);
    return *writer_;
  }

  const Door* door_;
  bool stream_usage_;
  std::string model_;
  std::unique_ptr<StreamWriter> writer_;
};

Outcome translate(std::string_view bytes, fuzzing::Cut cut, const Dialect& dialect, const Door* door,
                  bool stream_usage) {
  Outcome outcome;
  http::SseReader sse(1 << 24);
  const std::unique_ptr<StreamReader> reader = dialect.make_stream_reader();
  Writer writer(door, stream_usage);
  std::optional<Error> error;
  const StreamReader::Sink on_delta = [&](const chat::Delta& delta) {
    fold(outcome.read, delta);
    writer.delta(outcome.written, *reader, delta);
  };
  const http::SseReader::Sink on_event = [&](const http::SseReader::Event& event) {
    fuzz::note_repeats(event.data);
    Result<void> good = reader->event(event.type, event.data, on_delta);
    if (!good) error = std::move(good.error());
    return good && !reader->terminated();
  };
  fuzzing::feed_pieces(bytes, cut, [&](fuzzing::Block& piece) { return sse.feed(piece.view(), on_event); });
  if (!error && !reader->complete()) error = provider_failed(ErrorCode::stream_interrupted, "It was cut.");
  if (error) {
    writer.fail(outcome.written, *reader, *error);
  } else {
    writer.end(outcome.written, *reader);
  }
  outcome.read.complete = !error;
  outcome.read.failed = error.has_value();
  return outcome;
}

// The written stream, read as the caller's SDK would.
void check_door(const Door& door, const Outcome& outcome) {
  // A call of nothing is the provider's own nonsense: some dialects refuse it.
  if (outcome.read.has_nameless_call) return;
  Folded folded;
  const std::unique_ptr<StreamReader> reader = find_dialect(door.dialect)->make_stream_reader();
  const StreamReader::Sink on_delta = [&](const chat::Delta& delta) { fold(folded, delta); };
  fuzz::require_events(outcome.written, [&](const http::SseReader::Event& event) {
    require(!reader->terminated(), "a stream ends once", outcome.written);
    // OpenAI tells a failure of a response twice.
    if (folded.failed) return require(event.type == "response.failed", "a stream ends once", outcome.written);
    folded.failed = !reader->event(event.type, event.data, on_delta).has_value();
  });
  folded.complete = reader->complete() && !folded.failed;
  require(folded.complete == outcome.read.complete, "a stream ends as its source did", outcome.written);
  require(folded.failed == outcome.read.failed, "a stream fails as its source did", outcome.written);
  // What waits for its turn behind an open call, and Mistral's calls, which are written whole, go with a
  // failure.
  require(folded.failed ? outcome.read.text.starts_with(folded.text) : folded.text == outcome.read.text,
          "a stream's text is its source's", outcome.written);
  require(folded.calls == outcome.read.calls || folded.failed, "no call is lost", outcome.written);
  const bool marked = door.terminator.empty() || outcome.written.ends_with(door.terminator);
  require(marked || folded.failed, "a stream that ends well has its end mark", outcome.written);
}

void check_native(const Outcome& outcome) {
  int ends = 0;
  std::string last;
  fuzz::require_events(outcome.written, [&](const http::SseReader::Event& event) {
    last = event.type;
    if (last != "chunk") ++ends;
  });
  require(ends == 1 && last == (outcome.read.complete ? "done" : "error"),
          "a stream ends once, as its source did", outcome.written);
}

}  // namespace
}  // namespace ai_proxy::dialects

// Input: one byte each for the provider's dialect, the caller's door and whether usage was asked for; the
// bytes.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ai_proxy;
  using namespace ai_proxy::dialects;
  static constexpr std::array<const Door*, 5> kDoors{&kOpenAiChatDoor, &kAnthropicMessagesDoor,
                                                     &kMistralChatDoor, &kOpenAiResponsesDoor, nullptr};
  fuzzing::Input input(data, size);
  const Dialect& dialect = *input.one_of(fuzz::kChatDialects);
  const Door* door = input.one_of(kDoors);
  const bool stream_usage = input.byte() % 2 != 0;
  const std::string_view bytes = input.rest();
  fuzz::provider_repeats = false;
  const Outcome outcome = fuzzing::same_for_every_cut(
      bytes, [&](fuzzing::Cut cut) { return translate(bytes, cut, dialect, door, stream_usage); });
  if (door == nullptr) {
    check_native(outcome);
  } else {
    check_door(*door, outcome);
  }
  // What passes through is valid JSON where it was.
  json::Document event;
  if (!event.parse(bytes, json::kProviderLimits)) {
    std::string shown(event.root().raw());
    if (const std::string_view hidden = kOpenAiChatDoor.hidden_part(event.root()); !hidden.empty())
      shown.erase(static_cast<std::size_t>(hidden.data() - event.root().raw().data()), hidden.size());
    fuzz::require(shown.empty() || json::valid(shown), "a filtered event is JSON", bytes);
  }
  return 0;
}
