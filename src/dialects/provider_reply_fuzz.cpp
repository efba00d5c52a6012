// A provider's answer, good or bad. Every door makes valid JSON of it, which its own dialect reads again; a
// failure keeps a status, a cause and a sentence that may be shown.
#include "dialects/error_text.h"
#include "dialects/fuzz_checks.h"
#include "dialects/native/native.h"

namespace ai_proxy::dialects {
namespace {

using fuzz::require;
using fuzz::require_json;

// Input: one byte each for dialect, status and which header fields there are; these, a line each; the body.
constexpr std::array<const Dialect*, 7> kDialects{
    &kOpenAiChat,       &kAnthropicMessages, &kMistralChat,        &kOpenAiResponses,
    &kOpenAiEmbeddings, &kMistralEmbeddings, &kAnthropicTokenCount};
constexpr std::array kStatuses{200, 400, 401, 402, 403, 404, 408, 409, 413, 422,
                               424, 429, 500, 502, 503, 504, 529, 302, 418, 999};

ReplyHead head_of(fuzzing::Input& input) {
  ReplyHead head;
  head.status = input.one_of(kStatuses);
  const unsigned present = input.byte();
  if ((present & 1) != 0) head.retry_after = input.until('\n');
  if ((present & 2) != 0) head.retry_after_ms = input.until('\n');
  if ((present & 4) != 0) head.should_retry = input.until('\n');
  if ((present & 8) != 0) head.request_id = input.until('\n');
  if ((present & 16) != 0) head.content_type = input.until('\n');
  return head;
}

AnswerContext context() {
  return {
      .model = "model-1", .id = {}, .created = 1'790'000'000, .stream_usage = true, .request_id = "req_1"};
}

void check_error(const Error& error) {
  require(!error.message.empty() && error.message.size() <= 4 * kErrorTextBytesMax,
          "an error has a bounded sentence", error.message);
  require(error.status() >= 400 && error.status() <= 599, "an error has a status");
  if (error.retry_after)
    require(error.retry_after->count() >= 0 && *error.retry_after <= kRetryAfterMax, "a wait is bounded");
  for (const Door* door : fuzz::kChatDoors) {
    require_json(door->render_error(error, "req_1"), "an error is JSON");
    const int status = door->error_status(error);
    require(status >= 400 && status <= 599, "an error's status");
  }
  const native::ErrorView view{.error = error, .provider = "openai", .model = "model-1", .attempts = 1};
  require_json(native::render_error(view), "an error is JSON");
  std::string event;
  native::render_error_event(event, view);
  fuzz::require_events(event, [](const http::SseReader::Event&) {});
}

void check_door(const Door& door, const chat::Reply& reply) {
  const std::string body = door.render_reply(reply, context());
  require_json(body, "an answer is JSON");
  // A call of nothing is the provider's own nonsense: some dialects refuse it.
  if (std::ranges::any_of(reply.tool_calls, [](const chat::ToolCall& call) { return call.name.empty(); }))
    return;
  json::Document document;
  require(!document.parse(body, json::kProviderLimits), "an answer is JSON", body);
  const Result<chat::Reply> again = find_dialect(door.dialect)->parse_reply(document.root());
  require(again.has_value(), "an answer is read again by its own dialect", body);
  // Not every dialect has a place of its own for a refusal, and some show it as the text too.
  const std::string shown = again->text + again->refusal;
  require(shown.contains(reply.text) && shown.contains(reply.refusal), "an answer's text is the provider's",
          body);
  require(again->tool_calls.size() == reply.tool_calls.size(), "no call is lost", body);
}

void check_reply(const Dialect& dialect, const chat::Reply& reply) {
  if (dialect.name.ends_with("_embeddings")) {
    const bool mistral = dialect.name.starts_with("mistral");
    const Door& door = mistral ? kMistralEmbeddingsDoor : kEmbeddingsDoor;
    require_json(door.render_reply(reply, context()), "an answer is JSON");
    return;
  }
  for (const Door* door : fuzz::kChatDoors) check_door(*door, reply);
  const chat::Warnings warnings;
  require_json(native::render_reply({.provider = "openai",
                                     .model = "model-1",
                                     .reply = reply,
                                     .cost = {},
                                     .latency_ms = 1,
                                     .cached = false,
                                     .warnings = warnings}),
               "an answer is JSON");
}

}  // namespace
}  // namespace ai_proxy::dialects

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ai_proxy;
  using namespace ai_proxy::dialects;
  fuzzing::Input input(data, size);
  const Dialect& dialect = *input.one_of(kDialects);
  const ReplyHead head = head_of(input);
  const fuzzing::Block body(input.rest());
  fuzz::provider_repeats = false;
  fuzz::note_repeats(body.view());
  check_error(dialect.parse_error(head, body.view()));
  json::Document document;
  if (document.parse(body.view(), json::kProviderLimits)) return 0;
  const Result<chat::Reply> reply = dialect.parse_reply(document.root());
  if (reply) {
    check_reply(dialect, *reply);
  } else {
    check_error(reply.error());
  }
  return 0;
}
