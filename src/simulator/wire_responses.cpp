// OpenAI's Responses API, whole and as numbered events (no [DONE] at the end). Sources: its recorded answers,
// whose member order this follows.
#include "simulator/wire.h"

namespace ai_proxy::simulator {
namespace {

using json::Writer;

std::string item_id(const Answer& answer, std::string_view prefix, std::size_t index) {
  return hexadecimal_id_of(answer.seed + 2 * index, prefix, 50);
}

std::string call_id(const Answer& answer, std::size_t index) {
  return id_of(answer.seed + 2 * index, "call_", 24);
}

void write_part(Writer& out, std::string_view text) {
  out.begin_object().member("type", "output_text").key("annotations").begin_array().end_array();
  out.key("logprobs").begin_array().end_array().member("text", text).end_object();
}

void write_message(Writer& out, const Answer& answer, std::string_view status) {
  out.begin_object().member("id", item_id(answer, "msg_", 0)).member("type", "message");
  out.member("status", status).key("content").begin_array();
  if (status != "in_progress") write_part(out, answer.text);
  out.end_array().member("role", "assistant").end_object();
}

void write_reasoning(Writer& out, const Answer& answer) {
  out.begin_object().member("id", item_id(answer, "rs_", 0)).member("type", "reasoning");
  out.key("summary").begin_array().end_array().end_object();
}

void write_call(Writer& out, const Answer& answer, std::size_t index, bool done) {
  const ToolCall& call = answer.tool_calls[index];
  out.begin_object().member("id", item_id(answer, "fc_", index)).member("type", "function_call");
  out.member("status", done ? "completed" : "in_progress");
  out.member("arguments", done ? std::string_view(call.arguments) : "");
  out.member("call_id", call_id(answer, index)).member("name", call.name).end_object();
}

bool has_message(const Answer& answer) {
  return !answer.text.empty() || answer.tool_calls.empty();
}

std::string_view item_status(const Answer& answer) {
  return answer.cut ? "incomplete" : "completed";
}

void write_output(Writer& out, const Answer& answer) {
  out.begin_array();
  if (!answer.thinking.empty()) write_reasoning(out, answer);
  if (has_message(answer)) write_message(out, answer, item_status(answer));
  for (std::size_t i = 0; i < answer.tool_calls.size(); ++i) write_call(out, answer, i, true);
  out.end_array();
}

void write_usage(Writer& out, const Answer& answer) {
  out.begin_object().member("input_tokens", answer.input_tokens).key("input_tokens_details");
  out.begin_object().member("cached_tokens", 0).end_object().member("output_tokens", answer.output_tokens);
  out.key("output_tokens_details").begin_object().member("reasoning_tokens", answer.thinking_tokens);
  out.end_object().member("total_tokens", answer.input_tokens + answer.output_tokens).end_object();
}

// A member that the answer repeats from the request.
void write_echo(Writer& out, const Answer& answer, std::string_view name, std::string_view otherwise) {
  const json::Value value = answer.request[name];
  out.raw_member(name, value.has_value() ? value.raw() : otherwise);
}

void write_response(Writer& out, const Answer& answer, std::string_view status) {
  const bool failed = status == "failed";
  const bool ended = status == "completed" || status == "incomplete";
  out.begin_object().member("id", hexadecimal_id_of(answer.seed, "resp_", 50)).member("object", "response");
  out.member("created_at", kCreated).member("status", status).member("background", false);
  out.raw_member("error",
                 failed ? R"({"code":"server_error","message":"The model failed to answer."})" : "null");
  out.raw_member("incomplete_details", status == "incomplete" ? R"({"reason":"max_output_tokens"})" : "null");
  write_echo(out, answer, "instructions", "null");
  write_echo(out, answer, "max_output_tokens", "null");
  out.raw_member("max_tool_calls", "null").member("model", answer.model).key("output");
  ended ? write_output(out, answer) : (void)out.begin_array().end_array();
  write_echo(out, answer, "parallel_tool_calls", "true");
  write_echo(out, answer, "previous_response_id", "null");
  const std::string_view effort = answer.request["reasoning"]["effort"].raw();
  out.key("reasoning").begin_object().raw_member("effort", effort.empty() ? "null" : effort);
  out.raw_member("summary", "null").end_object();
  out.member("service_tier", ended ? "default" : "auto");
  write_echo(out, answer, "store", "true");
  write_echo(out, answer, "temperature", "1.0");
  write_echo(out, answer, "text", R"({"format":{"type":"text"},"verbosity":"medium"})");
  write_echo(out, answer, "tool_choice", R"("auto")");
  write_echo(out, answer, "tools", "[]");
  out.member("top_logprobs", 0);
  write_echo(out, answer, "top_p", "1.0");
  out.member("truncation", "disabled").key("usage");
  ended ? write_usage(out, answer) : (void)out.null();
  write_echo(out, answer, "user", "null");
  write_echo(out, answer, "metadata", "{}");
  out.end_object();
}

class ResponsesStream : public Stream {
 public:
  explicit ResponsesStream(const Answer& answer) : answer_(answer) {}

  std::string begin() override {
    std::string events =
        state("response.created", "in_progress") + state("response.in_progress", "in_progress");
    if (!answer_.thinking.empty()) {
      events += item("response.output_item.added", [&](Writer& out) { write_reasoning(out, answer_); });
      events += item("response.output_item.done", [&](Writer& out) { write_reasoning(out, answer_); });
      ++output_index_;
    }
    if (!has_message(answer_)) return events;
    events +=
        item("response.output_item.added", [&](Writer& out) { write_message(out, answer_, "in_progress"); });
    return events + text_event("response.content_part.added", [](Writer& out) {
             out.key("part");
             write_part(out, "");
           });
  }

  std::string chunk(std::string_view text) override {
    return text_event("response.output_text.delta", [&](Writer& out) {
      out.member("delta", text).key("logprobs").begin_array().end_array();
    });
  }

  std::string end() override {
    std::string events;
    if (has_message(answer_)) events += end_of_message();
    for (std::size_t i = 0; i < answer_.tool_calls.size(); ++i) events += call(i);
    const bool cut = answer_.cut;
    return events + state(cut ? "response.incomplete" : "response.completed", item_status(answer_));
  }

  std::string failure() override {
    std::string events = event("error", [](Writer& out) {
      out.key("error").begin_object().member("type", "server_error").member("code", "server_error");
      out.member("message", "The model failed to answer.").key("param").null().end_object();
    });
    return events + state("response.failed", "failed");
  }

 private:
  template <class WriteMembers>
  std::string event(std::string_view type, WriteMembers write_members) {
    std::string text = "event: ";
    text.append(type).append("\ndata: ");
    Writer out(text);
    out.begin_object().member("type", type);
    write_members(out);
    out.member("sequence_number", sequence_number_++).end_object();
    return text.append("\n\n");
  }

  std::string state(std::string_view type, std::string_view status) {
    return event(type, [&](Writer& out) {
      out.key("response");
      write_response(out, answer_, status);
    });
  }

  template <class WriteItem>
  std::string item(std::string_view type, WriteItem write_item) {
    return event(type, [&](Writer& out) {
      out.key("item");
      write_item(out);
      out.member("output_index", output_index_);
    });
  }

  template <class WriteMembers>
  std::string text_event(std::string_view type, WriteMembers write_members) {
    return event(type, [&](Writer& out) {
      out.member("content_index", 0).member("item_id", item_id(answer_, "msg_", 0));
      out.member("output_index", output_index_);
      write_members(out);
    });
  }

  std::string end_of_message() {
    std::string events = text_event("response.output_text.done", [&](Writer& out) {
      out.key("logprobs").begin_array().end_array().member("text", answer_.text);
    });
    events += text_event("response.content_part.done", [&](Writer& out) {
      out.key("part");
      write_part(out, answer_.text);
    });
    events += item("response.output_item.done",
                   [&](Writer& out) { write_message(out, answer_, item_status(answer_)); });
    ++output_index_;
    return events;
  }

  std::string call(std::size_t index) {
    const std::string& arguments = answer_.tool_calls[index].arguments;
    const std::string id = item_id(answer_, "fc_", index);
    std::string events =
        item("response.output_item.added", [&](Writer& out) { write_call(out, answer_, index, false); });
    for (const std::string_view piece : split_text(arguments, 2)) {
      events += event("response.function_call_arguments.delta", [&](Writer& out) {
        out.member("delta", piece).member("item_id", id).member("output_index", output_index_);
      });
    }
    events += event("response.function_call_arguments.done", [&](Writer& out) {
      out.member("arguments", arguments).member("item_id", id).member("output_index", output_index_);
    });
    events += item("response.output_item.done", [&](Writer& out) { write_call(out, answer_, index, true); });
    ++output_index_;
    return events;
  }

  const Answer& answer_;
  std::int64_t sequence_number_ = 0;
  std::int64_t output_index_ = 0;
};

}  // namespace

std::string responses_whole(const Answer& answer) {
  std::string body;
  Writer out(body);
  write_response(out, answer, item_status(answer));
  return body;
}

std::unique_ptr<Stream> make_responses_stream(const Answer& answer) {
  return std::make_unique<ResponsesStream>(answer);
}

}  // namespace ai_proxy::simulator
