// Messages as Anthropic writes them, whole and as events. Sources: its API's documentation (version
// 2023-06-01) and its recorded answers.
#include "simulator/wire.h"

namespace ai_proxy::simulator {
namespace {

using json::Writer;

std::string tool_id(const Answer& answer, std::size_t index) {
  return id_of(answer.seed + 2 * index, "toolu_01", 22);
}

std::string_view stop_reason(const Answer& answer) {
  if (answer.cut) return "max_tokens";
  if (!answer.tool_calls.empty()) return "tool_use";
  return answer.stop_sequence.empty() ? "end_turn" : "stop_sequence";
}

void write_stop_sequence(Writer& out, const Answer& answer) {
  out.key("stop_sequence");
  answer.stop_sequence.empty() ? out.null() : out.string(answer.stop_sequence);
}

void write_usage(Writer& out, const Answer& answer, std::int64_t output_tokens) {
  out.begin_object().member("input_tokens", answer.input_tokens).member("cache_creation_input_tokens", 0);
  out.member("cache_read_input_tokens", 0).key("cache_creation").begin_object();
  out.member("ephemeral_5m_input_tokens", 0).member("ephemeral_1h_input_tokens", 0).end_object();
  out.member("output_tokens", output_tokens).member("service_tier", "standard");
  if (answer.thinking_tokens > 0 && output_tokens == answer.output_tokens) {
    out.key("output_tokens_details").begin_object().member("thinking_tokens", answer.thinking_tokens);
    out.end_object();
  }
  out.end_object();
}

void write_tool_use(Writer& out, const Answer& answer, std::size_t index, std::string_view input) {
  const ToolCall& call = answer.tool_calls[index];
  out.begin_object()
      .member("type", "tool_use")
      .member("id", tool_id(answer, index))
      .member("name", call.name);
  out.raw_member("input", input).key("caller").begin_object().member("type", "direct").end_object();
  out.end_object();
}

// A text block is there when there is text, and when nothing else is (unless a stop sequence came first:
// recorded with empty content).
bool has_text_block(const Answer& answer) {
  return !answer.text.empty() || (answer.tool_calls.empty() && answer.stop_sequence.empty());
}

// `event: TYPE` and its data, as Anthropic writes them.
template <class WriteMembers>
std::string event_of(std::string_view type, WriteMembers write_members) {
  std::string event = "event: ";
  event.append(type).append("\ndata: ");
  Writer out(event);
  out.begin_object().member("type", type);
  write_members(out);
  out.end_object();
  return event.append("\n\n");
}

class MessagesStream : public Stream {
 public:
  explicit MessagesStream(const Answer& answer) : answer_(answer) {}

  std::string begin() override {
    std::string events = event_of("message_start", [&](Writer& out) {
      out.key("message").begin_object().member("model", answer_.model);
      out.member("id", id_of(answer_.seed, "msg_01", 22)).member("type", "message");
      out.member("role", "assistant").key("content").begin_array().end_array();
      out.key("stop_reason").null().key("stop_sequence").null().key("usage");
      write_usage(out, answer_, 1);
      out.end_object();
    });
    if (!answer_.thinking.empty()) events += thinking();
    if (has_text_block(answer_)) {
      events += start(
          [&](Writer& out) { out.begin_object().member("type", "text").member("text", "").end_object(); });
      text_is_open_ = true;
    }
    return events + "event: ping\ndata: {\"type\": \"ping\"}\n\n";
  }

  std::string chunk(std::string_view text) override { return delta("text_delta", "text", text); }

  std::string end() override {
    std::string events;
    if (text_is_open_) events += stop();
    for (std::size_t i = 0; i < answer_.tool_calls.size(); ++i) {
      events += start([&](Writer& out) { write_tool_use(out, answer_, i, "{}"); });
      events += delta("input_json_delta", "partial_json", "");
      for (const std::string_view piece : split_text(answer_.tool_calls[i].arguments, 2)) {
        if (answer_.tool_calls[i].arguments != "{}")
          events += delta("input_json_delta", "partial_json", piece);
      }
      events += stop();
    }
    events += event_of("message_delta", [&](Writer& out) {
      out.key("delta").begin_object().member("stop_reason", stop_reason(answer_));
      write_stop_sequence(out, answer_);
      out.end_object().key("usage");
      write_usage(out, answer_, answer_.output_tokens);
    });
    return events + event_of("message_stop", [](Writer&) {});
  }

  std::string failure() override {
    return event_of("error", [](Writer& out) {
      out.key("error").begin_object().member("type", "overloaded_error").member("message", "Overloaded");
      out.end_object().member("request_id", "req_simulated");
    });
  }

 private:
  template <class WriteBlock>
  std::string start(WriteBlock write_block) {
    return event_of("content_block_start", [&](Writer& out) {
      out.member("index", index_).key("content_block");
      write_block(out);
    });
  }

  std::string delta(std::string_view type, std::string_view name, std::string_view text) {
    return event_of("content_block_delta", [&](Writer& out) {
      out.member("index", index_).key("delta").begin_object().member("type", type).member(name, text);
      out.end_object();
    });
  }

  std::string stop() {
    return event_of("content_block_stop", [&](Writer& out) { out.member("index", index_++); });
  }

  std::string thinking() {
    std::string events = start([&](Writer& out) {
      out.begin_object()
          .member("type", "thinking")
          .member("thinking", "")
          .member("signature", "")
          .end_object();
    });
    for (const std::string_view piece : split_text(answer_.thinking, 2))
      events += delta("thinking_delta", "thinking", piece);
    events += delta("signature_delta", "signature", signature_of(answer_.thinking));
    return events + stop();
  }

  const Answer& answer_;
  std::int64_t index_ = 0;
  bool text_is_open_ = false;
};

}  // namespace

std::string messages_whole(const Answer& answer) {
  std::string body;
  Writer out(body);
  out.begin_object().member("model", answer.model).member("id", id_of(answer.seed, "msg_01", 22));
  out.member("type", "message").member("role", "assistant").key("content").begin_array();
  if (!answer.thinking.empty()) {
    out.begin_object().member("type", "thinking").member("thinking", answer.thinking);
    out.member("signature", signature_of(answer.thinking)).end_object();
  }
  if (has_text_block(answer))
    out.begin_object().member("type", "text").member("text", answer.text).end_object();
  for (std::size_t i = 0; i < answer.tool_calls.size(); ++i)
    write_tool_use(out, answer, i, answer.tool_calls[i].arguments);
  out.end_array().member("stop_reason", stop_reason(answer));
  write_stop_sequence(out, answer);
  out.key("usage");
  write_usage(out, answer, answer.output_tokens);
  out.end_object();
  return body;
}

std::unique_ptr<Stream> make_messages_stream(const Answer& answer) {
  return std::make_unique<MessagesStream>(answer);
}

}  // namespace ai_proxy::simulator
