// The three providers' words for the same answer. Sources: docs of the three APIs and their recorded answers.
#include "simulator/wire.h"

#include "base/json_writer.h"

namespace ai_proxy::simulator {
namespace {

using json::Writer;

constexpr std::int64_t kCreated =
    1'790'000'000;  // a fixed time, so that the same request gives the same bytes

std::string id_of(std::uint64_t seed, std::string_view prefix, int length) {
  constexpr char kAlphabet[] = "0123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
  std::string id(prefix);
  std::uint64_t state = seed | 1;
  for (int i = 0; i < length; ++i) {
    state = state * 6364136223846793005ull + 1442695040888963407ull;
    id.push_back(kAlphabet[(state >> 33) % (sizeof kAlphabet - 1)]);
  }
  return id;
}

std::string tool_id(Flavour flavour, const Answer& answer) {
  if (flavour == Flavour::mistral) return id_of(answer.seed, "", 9);
  return flavour == Flavour::anthropic ? id_of(answer.seed, "toolu_01", 22) : id_of(answer.seed, "call_", 24);
}

std::string_view finish_word(Flavour flavour, const Answer& answer) {
  if (flavour == Flavour::anthropic)
    return answer.cut ? "max_tokens" : answer.tool_name.empty() ? "end_turn" : "tool_use";
  return answer.cut ? "length" : answer.tool_name.empty() ? "stop" : "tool_calls";
}

void write_openai_usage(Writer& out, const Answer& answer, Flavour flavour) {
  out.begin_object()
      .member("prompt_tokens", answer.input_tokens)
      .member("completion_tokens", answer.output_tokens);
  out.member("total_tokens", answer.input_tokens + answer.output_tokens);
  if (flavour == Flavour::openai) {
    out.key("prompt_tokens_details")
        .begin_object()
        .member("cached_tokens", 0)
        .member("audio_tokens", 0)
        .end_object();
    out.key("completion_tokens_details")
        .begin_object()
        .member("reasoning_tokens", 0)
        .member("audio_tokens", 0);
    out.member("accepted_prediction_tokens", 0).member("rejected_prediction_tokens", 0).end_object();
  } else {
    out.key("prompt_tokens_details").begin_object().member("cached_tokens", 0).end_object();
  }
  out.end_object();
}

void write_anthropic_usage(Writer& out, std::int64_t input_tokens, std::int64_t output_tokens) {
  out.begin_object().member("input_tokens", input_tokens).member("cache_creation_input_tokens", 0);
  out.member("cache_read_input_tokens", 0).key("cache_creation").begin_object();
  out.member("ephemeral_5m_input_tokens", 0).member("ephemeral_1h_input_tokens", 0).end_object();
  out.member("output_tokens", output_tokens).member("service_tier", "standard").end_object();
}

void write_openai_tool_call(Writer& out, Flavour flavour, const Answer& answer, bool with_index) {
  out.key("tool_calls").begin_array().begin_object();
  if (with_index) out.member("index", 0);
  out.member("id", tool_id(flavour, answer)).member("type", "function").key("function").begin_object();
  out.member("name", answer.tool_name).member("arguments", answer.tool_arguments).end_object();
  out.end_object().end_array();
}

std::string chat_id(Flavour flavour, const Answer& answer) {
  return flavour == Flavour::mistral ? id_of(answer.seed, "", 32) : id_of(answer.seed, "chatcmpl-", 29);
}

std::string openai_whole(Flavour flavour, const Answer& answer) {
  std::string body;
  Writer out(body);
  out.begin_object().member("id", chat_id(flavour, answer)).member("object", "chat.completion");
  out.member("created", kCreated).member("model", answer.model).key("choices").begin_array().begin_object();
  out.member("index", 0).key("message").begin_object().member("role", "assistant");
  if (answer.tool_name.empty()) {
    out.member("content", answer.text);
  } else {
    flavour == Flavour::mistral ? out.member("content", "") : out.key("content").null();
    write_openai_tool_call(out, flavour, answer, false);
  }
  if (flavour == Flavour::openai) out.key("refusal").null().key("annotations").begin_array().end_array();
  out.end_object();
  if (flavour == Flavour::openai) out.key("logprobs").null();
  out.member("finish_reason", finish_word(flavour, answer)).end_object().end_array().key("usage");
  write_openai_usage(out, answer, flavour);
  if (flavour == Flavour::openai)
    out.member("service_tier", "default").member("system_fingerprint", "fp_simulated");
  out.end_object();
  return body;
}

std::string anthropic_whole(const Answer& answer) {
  std::string body;
  Writer out(body);
  out.begin_object()
      .member("model", answer.model)
      .member("id", id_of(answer.seed, "msg_01", 22))
      .member("type", "message");
  out.member("role", "assistant").key("content").begin_array().begin_object();
  if (answer.tool_name.empty()) {
    out.member("type", "text").member("text", answer.text);
  } else {
    out.member("type", "tool_use")
        .member("id", tool_id(Flavour::anthropic, answer))
        .member("name", answer.tool_name);
    out.raw_member("input", answer.tool_arguments);
  }
  out.end_object()
      .end_array()
      .member("stop_reason", finish_word(Flavour::anthropic, answer))
      .key("stop_sequence")
      .null();
  out.key("usage");
  write_anthropic_usage(out, answer.input_tokens, answer.output_tokens);
  out.end_object();
  return body;
}

// One chat.completion.chunk; `write_choices` fills the choices array.
template <class WriteChoices>
std::string openai_chunk(Flavour flavour, const Answer& answer, bool with_usage, WriteChoices write_choices) {
  std::string event = "data: ";
  Writer out(event);
  out.begin_object().member("id", chat_id(flavour, answer)).member("object", "chat.completion.chunk");
  out.member("created", kCreated).member("model", answer.model).key("choices").begin_array();
  write_choices(out);
  out.end_array();
  if (with_usage) {
    out.key("usage");
    write_openai_usage(out, answer, flavour);
  } else if (answer.stream_usage && flavour == Flavour::openai) {
    out.key("usage").null();
  }
  out.end_object();
  return event.append("\n\n");
}

template <class WriteDelta>
std::string openai_delta(Flavour flavour, const Answer& answer, std::string_view finish, bool with_usage,
                         WriteDelta write_delta) {
  return openai_chunk(flavour, answer, with_usage, [&](Writer& out) {
    out.begin_object().member("index", 0).key("delta").begin_object();
    write_delta(out);
    out.end_object().key("finish_reason");
    finish.empty() ? out.null() : out.string(finish);
    out.end_object();
  });
}

// `event: TYPE` and its data, as Anthropic writes them.
template <class WriteMembers>
std::string anthropic_event(std::string_view type, WriteMembers write_members) {
  std::string event = "event: ";
  event.append(type).append("\ndata: ");
  Writer out(event);
  out.begin_object().member("type", type);
  write_members(out);
  out.end_object();
  return event.append("\n\n");
}

std::string anthropic_stream_begin(const Answer& answer) {
  std::string events = anthropic_event("message_start", [&](Writer& out) {
    out.key("message")
        .begin_object()
        .member("model", answer.model)
        .member("id", id_of(answer.seed, "msg_01", 22));
    out.member("type", "message").member("role", "assistant").key("content").begin_array().end_array();
    out.key("stop_reason").null().key("stop_sequence").null().key("usage");
    write_anthropic_usage(out, answer.input_tokens, 1);
    out.end_object();
  });
  events += anthropic_event("content_block_start", [&](Writer& out) {
    out.member("index", 0).key("content_block").begin_object();
    if (answer.tool_name.empty()) {
      out.member("type", "text").member("text", "");
    } else {
      out.member("type", "tool_use")
          .member("id", tool_id(Flavour::anthropic, answer))
          .member("name", answer.tool_name);
      out.key("input").begin_object().end_object();
    }
    out.end_object();
  });
  events += "event: ping\ndata: {\"type\": \"ping\"}\n\n";
  if (answer.tool_name.empty()) return events;
  return events + anthropic_event("content_block_delta", [&](Writer& out) {
           out.member("index", 0).key("delta").begin_object().member("type", "input_json_delta");
           out.member("partial_json", answer.tool_arguments).end_object();
         });
}

std::string anthropic_stream_end(const Answer& answer) {
  std::string events = anthropic_event("content_block_stop", [](Writer& out) { out.member("index", 0); });
  events += anthropic_event("message_delta", [&](Writer& out) {
    out.key("delta").begin_object().member("stop_reason", finish_word(Flavour::anthropic, answer));
    out.key("stop_sequence").null().end_object().key("usage");
    write_anthropic_usage(out, answer.input_tokens, answer.output_tokens);
  });
  return events + anthropic_event("message_stop", [](Writer&) {});
}

}  // namespace

std::string render_whole(Flavour flavour, const Answer& answer) {
  return flavour == Flavour::anthropic ? anthropic_whole(answer) : openai_whole(flavour, answer);
}

std::string render_stream_begin(Flavour flavour, const Answer& answer) {
  if (flavour == Flavour::anthropic) return anthropic_stream_begin(answer);
  return openai_delta(flavour, answer, {}, false, [&](Writer& out) {
    out.member("role", "assistant");
    if (answer.tool_name.empty() || flavour == Flavour::mistral) {
      out.member("content", "");
    } else {
      out.key("content").null();
    }
    if (!answer.tool_name.empty() && flavour == Flavour::openai)
      write_openai_tool_call(out, flavour, answer, true);
  });
}

std::string render_stream_chunk(Flavour flavour, const Answer& answer, std::string_view text) {
  if (flavour == Flavour::anthropic) {
    return anthropic_event("content_block_delta", [&](Writer& out) {
      out.member("index", 0)
          .key("delta")
          .begin_object()
          .member("type", "text_delta")
          .member("text", text)
          .end_object();
    });
  }
  return openai_delta(flavour, answer, {}, false, [&](Writer& out) { out.member("content", text); });
}

std::string render_stream_end(Flavour flavour, const Answer& answer) {
  if (flavour == Flavour::anthropic) return anthropic_stream_end(answer);
  const bool mistral = flavour == Flavour::mistral;
  std::string events = openai_delta(flavour, answer, finish_word(flavour, answer), mistral, [&](Writer& out) {
    if (!mistral) return;
    out.member("content", "");
    if (!answer.tool_name.empty()) write_openai_tool_call(out, flavour, answer, true);
  });
  if (!mistral && answer.stream_usage) events += openai_chunk(flavour, answer, true, [](Writer&) {});
  return events + "data: [DONE]\n\n";
}

Refusal render_refusal(Flavour flavour, int status, std::string_view message) {
  Refusal refusal;
  refusal.status = status;
  Writer out(refusal.body);
  if (flavour == Flavour::anthropic) {
    const std::string_view type = status == 429   ? "rate_limit_error"
                                  : status == 529 ? "overloaded_error"
                                  : status == 404 ? "not_found_error"
                                  : status < 500  ? "invalid_request_error"
                                                  : "api_error";
    out.begin_object()
        .member("type", "error")
        .key("error")
        .begin_object()
        .member("type", type)
        .member("message", message);
    out.end_object().member("request_id", "req_simulated").end_object();
  } else if (flavour == Flavour::openai) {
    out.begin_object().key("error").begin_object().member("message", message);
    out.member("type", status == 429 ? "requests" : status >= 500 ? "server_error" : "invalid_request_error");
    out.key("param").null().key("code");
    status == 429   ? out.string("rate_limit_exceeded")
    : status == 503 ? out.string("server_is_overloaded")
                    : out.null();
    out.end_object().end_object();
  } else {
    out.begin_object().member("object", "error").member("message", message);
    out.member("type", status == 429   ? "rate_limited"
                       : status >= 500 ? "internal_server_error"
                                       : "invalid_request_error");
    out.key("param")
        .null()
        .member("code", status == 429 ? "1300" : "1000")
        .member("raw_status_code", status)
        .end_object();
  }
  if (status == 429) refusal.fields = "retry-after: 1\r\n";
  return refusal;
}

}  // namespace ai_proxy::simulator
