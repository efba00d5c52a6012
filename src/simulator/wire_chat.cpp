// Chat completions as OpenAI and Mistral write them: the same frame, with differences that matter. Sources:
// docs of the two APIs and their recorded answers.
#include "simulator/wire.h"

namespace ai_proxy::simulator {
namespace {

using json::Writer;

std::string chat_id(Flavour flavour, const Answer& answer) {
  return flavour == Flavour::mistral ? hexadecimal_id_of(answer.seed, "", 32)
                                     : id_of(answer.seed, "chatcmpl-", 29);
}

std::string tool_id(Flavour flavour, const Answer& answer, std::size_t index) {
  const std::uint64_t seed = answer.seed + 2 * index;
  return flavour == Flavour::mistral ? id_of(seed, "", 9) : id_of(seed, "call_", 24);
}

std::string_view finish_word(const Answer& answer) {
  return answer.cut ? "length" : answer.tool_calls.empty() ? "stop" : "tool_calls";
}

void write_tier(Writer& out) {
  out.member("service_tier", "default").member("system_fingerprint", "fp_simulated");
}

void write_usage(Writer& out, const Answer& answer, Flavour flavour) {
  out.begin_object()
      .member("prompt_tokens", answer.input_tokens)
      .member("completion_tokens", answer.output_tokens)
      .member("total_tokens", answer.input_tokens + answer.output_tokens)
      .key("prompt_tokens_details")
      .begin_object()
      .member("cached_tokens", 0);
  if (flavour == Flavour::openai) {
    out.member("audio_tokens", 0).end_object().key("completion_tokens_details").begin_object();
    out.member("reasoning_tokens", answer.thinking_tokens).member("audio_tokens", 0);
    out.member("accepted_prediction_tokens", 0).member("rejected_prediction_tokens", 0);
  }
  out.end_object().end_object();
}

void write_tool_call(Writer& out, Flavour flavour, const Answer& answer, std::size_t index, bool with_index,
                     std::string_view arguments) {
  const ToolCall& call = answer.tool_calls[index];
  out.begin_object();
  if (with_index) out.member("index", static_cast<std::int64_t>(index));
  out.member("id", tool_id(flavour, answer, index)).member("type", "function").key("function").begin_object();
  out.member("name", call.name).member("arguments", arguments).end_object().end_object();
}

void write_tool_calls(Writer& out, Flavour flavour, const Answer& answer, bool with_index) {
  out.key("tool_calls").begin_array();
  for (std::size_t i = 0; i < answer.tool_calls.size(); ++i)
    write_tool_call(out, flavour, answer, i, with_index, answer.tool_calls[i].arguments);
  out.end_array();
}

// Mistral's thinking chunk.
void write_thinking(Writer& out, std::string_view thinking, bool closed) {
  out.begin_object().member("type", "thinking").key("thinking").begin_array().begin_object();
  out.member("type", "text").member("text", thinking).end_object().end_array();
  if (closed) out.member("closed", true);
  out.end_object();
}

void write_content(Writer& out, Flavour flavour, const Answer& answer) {
  out.key("content");
  if (flavour == Flavour::mistral && !answer.thinking.empty()) {
    out.begin_array();
    write_thinking(out, answer.thinking, true);
    if (!answer.text.empty())
      out.begin_object().member("type", "text").member("text", answer.text).end_object();
    out.end_array();
  } else if (flavour == Flavour::openai && answer.text.empty() && !answer.tool_calls.empty()) {
    out.null();
  } else {
    out.string(answer.text);
  }
}

class ChatStream : public Stream {
 public:
  ChatStream(Flavour flavour, const Answer& answer)
      : flavour_(flavour), answer_(answer), id_(chat_id(flavour, answer)) {}

  std::string begin() override {
    std::string events = delta({}, false, [&](Writer& out) {
      out.member("role", "assistant");
      if (flavour_ == Flavour::openai && answer_.text.empty() && !answer_.tool_calls.empty()) {
        out.key("content").null();
      } else {
        out.member("content", "");
      }
      if (flavour_ == Flavour::openai) out.key("refusal").null();
    });
    if (flavour_ == Flavour::mistral && !answer_.thinking.empty()) events += thinking();
    return events;
  }

  std::string chunk(std::string_view text) override {
    return delta({}, false, [&](Writer& out) { out.member("content", text); });
  }

  std::string end() override {
    std::string events;
    const bool mistral = flavour_ == Flavour::mistral;
    if (!mistral) events = tool_call_fragments();
    events += delta(finish_word(answer_), mistral, [&](Writer& out) {
      if (!mistral) return;
      out.member("content", "");
      if (!answer_.tool_calls.empty()) write_tool_calls(out, flavour_, answer_, true);
    });
    if (!mistral && answer_.stream_usage) events += frame(true, [](Writer&) {});
    return events + "data: [DONE]\n\n";
  }

  std::string failure() override {
    std::string event = "data: ";
    Writer out(event);
    const bool mistral = flavour_ == Flavour::mistral;
    out.begin_object().key("error").begin_object();
    out.member("message", mistral
                              ? "Service tier capacity exceeded for this model."
                              : "The server had an error while processing your request. Sorry about that!");
    out.member("type", mistral ? "service_tier_capacity_exceeded" : "server_error");
    out.key("param").null().key("code");
    mistral ? out.string("3505") : out.null();
    out.end_object().end_object();
    return event.append("\n\n");
  }

 private:
  // One chat.completion.chunk; `write_choices` fills the choices array.
  template <class WriteChoices>
  std::string frame(bool with_usage, WriteChoices write_choices) {
    std::string event = "data: ";
    Writer out(event);
    out.begin_object().member("id", id_).member("object", "chat.completion.chunk");
    out.member("created", kCreated).member("model", answer_.model);
    if (flavour_ == Flavour::openai) write_tier(out);  // every chunk since 2025
    out.key("choices").begin_array();
    write_choices(out);
    out.end_array();
    if (with_usage) {
      out.key("usage");
      write_usage(out, answer_, flavour_);
    } else if (answer_.stream_usage && flavour_ == Flavour::openai) {
      out.key("usage").null();
    }
    out.end_object();
    return event.append("\n\n");
  }

  template <class WriteDelta>
  std::string delta(std::string_view finish, bool with_usage, WriteDelta write_delta) {
    return frame(with_usage, [&](Writer& out) {
      out.begin_object().member("index", 0).key("delta").begin_object();
      write_delta(out);
      out.end_object().key("finish_reason");
      finish.empty() ? out.null() : out.string(finish);
      out.end_object();
    });
  }

  // OpenAI: name first, then the arguments in two pieces that are no JSON by themselves.
  std::string tool_call_fragments() {
    std::string events;
    for (std::size_t i = 0; i < answer_.tool_calls.size(); ++i) {
      events += delta({}, false, [&](Writer& out) {
        out.key("tool_calls").begin_array();
        write_tool_call(out, flavour_, answer_, i, true, "");
        out.end_array();
      });
      for (const std::string_view piece : split_text(answer_.tool_calls[i].arguments, 2)) {
        events += delta({}, false, [&](Writer& out) {
          out.key("tool_calls").begin_array().begin_object().member("index", static_cast<std::int64_t>(i));
          out.key("function").begin_object().member("arguments", piece).end_object();
          out.end_object().end_array();
        });
      }
    }
    return events;
  }

  std::string thinking() {
    std::string events;
    const auto pieces = split_text(answer_.thinking, 2);
    for (std::size_t i = 0; i < pieces.size(); ++i) {
      events += delta({}, false, [&](Writer& out) {
        out.key("content").begin_array();
        write_thinking(out, pieces[i], i + 1 == pieces.size());
        out.end_array();
      });
    }
    return events;
  }

  Flavour flavour_;
  const Answer& answer_;
  std::string id_;
};

}  // namespace

std::string chat_whole(Flavour flavour, const Answer& answer) {
  std::string body;
  Writer out(body);
  out.begin_object().member("id", chat_id(flavour, answer)).member("object", "chat.completion");
  out.member("created", kCreated).member("model", answer.model).key("choices").begin_array().begin_object();
  out.member("index", 0).key("message").begin_object().member("role", "assistant");
  write_content(out, flavour, answer);
  if (!answer.tool_calls.empty()) {
    write_tool_calls(out, flavour, answer, flavour == Flavour::mistral);
  } else if (flavour == Flavour::mistral) {
    out.key("tool_calls").null();
  }
  if (flavour == Flavour::openai) out.key("refusal").null().key("annotations").begin_array().end_array();
  out.end_object();
  if (flavour == Flavour::openai) out.key("logprobs").null();
  out.member("finish_reason", finish_word(answer)).end_object().end_array().key("usage");
  write_usage(out, answer, flavour);
  if (flavour == Flavour::openai) write_tier(out);
  out.end_object();
  return body;
}

std::unique_ptr<Stream> make_chat_stream(Flavour flavour, const Answer& answer) {
  return std::make_unique<ChatStream>(flavour, answer);
}

}  // namespace ai_proxy::simulator
