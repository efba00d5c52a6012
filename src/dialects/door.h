// A door is the caller's side of a dialect: how requests come in, and how answers, streams and errors go out.
// The provider's side of the same wire formats is dialect.h. Pure: bytes in, values out. doors.h lists them
// all.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/json.h"
#include "chat/conversation.h"
#include "chat/reply.h"
#include "chat/warnings.h"

namespace ai_proxy::dialects {

// What must be known of a request before it is placed: read without judging the rest, so that a request which
// its own provider understands passes through unjudged.
struct Glance {
  std::string_view model;
  bool stream = false;
  bool stream_usage = false;  // the caller asked for a usage chunk (stream_options.include_usage)
};

// What an answer says besides the reply itself.
struct AnswerContext {
  std::string_view model;     // shown to the caller: the provider's word for it, else the one asked for
  std::string_view id;        // of the answer, in this dialect's form; empty: derived from the provider's
  std::int64_t created = 0;   // Unix seconds
  bool stream_usage = false;  // as asked in the request
  std::string_view request_id =
      {};  // ours: named in a stream's error event where the dialect has a place for it
  std::string_view provider_id = {};  // the provider's id of a stream's answer (a whole one has reply.id)
  json::Value request = {};           // the caller's body, for dialects whose answers repeat what was asked
};

// How a stream ended.
struct StreamEnd {
  chat::FinishReason finish_reason = chat::FinishReason::unknown;  // effective
  std::string_view stop_sequence;                                  // the matched one, where known
  const std::optional<chat::Usage>& usage;
};

// Turns canonical deltas into this dialect's events. One per stream.
class StreamWriter {
 public:
  virtual ~StreamWriter() = default;
  // Appends complete events (with their blank line) for this delta; may append nothing. Opens and closes
  // blocks, numbers tool calls, puts the role into the first event: whatever the dialect's SDKs insist on.
  virtual void delta(std::string& out, const chat::Delta& delta) = 0;
  // Exactly one of these two ends a stream. end() appends everything up to and including the terminator.
  virtual void end(std::string& out, const StreamEnd& end) = 0;
  // The dialect's own form of a failure inside a stream; never looks like a clean end.
  virtual void fail(std::string& out, const Error& error) = 0;
  // What it keeps for what it will say later: a bound of memory looks at it.
  virtual std::size_t held_bytes() const { return 0; }
};

struct Door {
  // Name of the dialect it speaks: openai_chat, openai_responses, anthropic_messages, mistral_chat.
  std::string_view dialect;
  // The answer's header field that holds the request's id, besides x-request-id; empty: there is no other.
  std::string_view request_id_field = {};
  // False: its streams have no named events, and its SDKs stumble over one.
  bool named_events = true;
  // The event that belongs to a stream's `error`, and passes where it comes right behind it; empty: none
  // does.
  std::string_view failed_event = {};
  // What must stand at the end of a stream, for a provider whose stream passes through and ends without it.
  std::string_view terminator = {};

  // What a silent stream says to show that it lives. A comment of one line: several SDKs take the blank line
  // of a block without data for an empty event.
  std::string_view keep_alive = ": ping\n";

  // An error: the body is no object, `model` is missing or no string, `stream` is no boolean.
  Result<Glance> (*glance)(const json::Value& body);
  // The whole request, checked: members that no other provider could take become warnings, what makes no
  // sense an error with the member's path. Views live in the body's document.
  Result<chat::Request> (*parse_request)(const json::Value& body, chat::Warnings& warnings);
  // The body for a provider that speaks the same dialect: the caller's bytes, with only `model` replaced and,
  // for streams where the dialect needs asking, usage asked for. Everything else survives byte for byte.
  // nullopt: it goes as it came.
  std::optional<std::string> (*pass_through)(const json::Value& body, std::string_view wire_model,
                                             const Glance& glance);

  // The part of an event's text, event.raw(), that a caller who did not ask for usage shall not see, where
  // its stream passes through: none, a piece, or all of it; then the event is left out. Null: there is never
  // any.
  std::string_view (*hidden_part)(const json::Value& event) = nullptr;

  // The whole answer to a request whose provider has no such operation, where one can be made without it;
  // null: there is none.
  Result<std::string> (*answer_alone)(const json::Value& body, chat::Warnings& warnings) = nullptr;

  std::string (*render_reply)(const chat::Reply& reply, const AnswerContext& context);
  std::unique_ptr<StreamWriter> (*make_stream_writer)(const AnswerContext& context);
  // Status and body by which the dialect's SDKs raise the right exception. A failure of our own key at the
  // provider never looks like the caller's bad key.
  int (*error_status)(const Error& error);
  std::string (*render_error)(const Error& error, std::string_view request_id);
};

}  // namespace ai_proxy::dialects
