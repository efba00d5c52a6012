// A dialect is a wire format, known in both directions; it is not a provider. Pure: bytes in, values out.
//
// Provider side (we are the client): render_request, parse_reply, make_stream_reader, parse_error,
// parse_usage. Each dialect lives in its own folder; dialects.h lists them all.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/json.h"
#include "chat/conversation.h"
#include "chat/model_traits.h"
#include "chat/reply.h"
#include "chat/warnings.h"

namespace ai_proxy::dialects {

// What the provider's answer said outside its body.
struct ReplyHead {
  int status = 200;
  std::string_view content_type;
  std::string_view retry_after;  // header values; empty = absent
  std::string_view retry_after_ms;
  std::string_view should_retry;  // x-should-retry: true | false
  std::string_view request_id;
};

// Far above what a model may call at once (OpenAI takes 128 tools), and what a call's id and name take
// together: bounds on what a broken provider's stream can make us keep. What is beyond them makes no sense.
inline constexpr std::size_t kToolCallsMax = 1024;
inline constexpr std::size_t kToolCallNamesBytesMax = 64 * 1024;

// Reads a provider's event stream, event by event. One per stream; keeps what a whole reply needs.
class StreamReader {
 public:
  // Called for each delta, in order. The views in it live until the next event() call.
  using Sink = std::function<void(const chat::Delta&)>;

  virtual ~StreamReader() = default;

  // One SSE event: its `event:` name (empty = none) and its data. An error: the stream failed (an error
  // object in it, or data that makes no sense); it must not be read on.
  virtual Result<void> event(std::string_view name, std::string_view data, const Sink& sink) = 0;

  // The event read last, as JSON; absent where it held none, or the dialect has no use for it. Lives until
  // the next.
  virtual json::Value body() const { return {}; }

  // Has the provider said that this was all ([DONE], message_stop, or a finish reason where the terminator
  // may be missing)? False at the end of the bytes means: truncated.
  virtual bool complete() const = 0;
  // Has the terminator itself come? Then nothing that follows matters.
  virtual bool terminated() const = 0;

  // As far as known by now.
  virtual const std::string& id() const = 0;
  virtual const std::string& model() const = 0;
  virtual chat::FinishReason finish_reason() const = 0;  // as reported; see chat::effective_finish_reason
  virtual const std::string& provider_finish_reason() const = 0;
  virtual bool has_tool_calls() const = 0;
  // The stop sequence that ended the answer, where the provider tells which; else empty.
  virtual const std::string& stop_sequence() const {
    static const std::string none;
    return none;
  }
  virtual const std::optional<chat::Usage>& usage() const = 0;
  // What it keeps of the stream until it can be told: a bound of memory looks at it.
  virtual std::size_t held_bytes() const { return 0; }
};

struct Dialect {
  std::string_view name;  // openai_chat, anthropic_messages, mistral_chat
  std::string_view path;  // under the base URL: /v1/chat/completions
  // Tool names are 1 to so many letters, digits, _ and -; 0: nothing is known of them.
  std::size_t tool_name_length_max = 0;

  // The body for this provider: request.model is replaced by `wire_model`. Tool names must fit already
  // (chat/tool_names.h). Whatever is adapted or dropped is
  // named in `warnings`; what cannot be expressed at all is an error with the member's path.
  Result<std::string> (*render_request)(const chat::Request& request, std::string_view wire_model,
                                        const chat::ModelTraits& traits, chat::Warnings& warnings);
  // Header lines that this request needs besides `configured`, which every request to the provider has. A
  // line replaces the configured one of its name, and holds what that says. Null: there are never any.
  std::string (*request_fields)(const chat::Request& request, std::string_view configured) = nullptr;
  // A 2xx JSON body. An error: it makes no sense (provider_error), or holds an error object.
  Result<chat::Reply> (*parse_reply)(const json::Value& body);
  std::unique_ptr<StreamReader> (*make_stream_reader)();
  // Any other status, or an error object found in a 2xx. Never fails: a body that is no JSON still has a
  // status.
  Error (*parse_error)(const ReplyHead& head, std::string_view body);
  // The provider's raw usage object; nullopt when it is absent or no object.
  std::optional<chat::Usage> (*parse_usage)(const json::Value& usage);
};

}  // namespace ai_proxy::dialects
