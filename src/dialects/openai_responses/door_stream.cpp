// A stream as the Responses API gives it: named and numbered events, the items of the output as they come
// (door_output.h), the whole Response first and last (door_answer.h).
#include <string>
#include <utility>

#include "dialects/chat_completions/door_answer.h"
#include "dialects/native/utf8.h"
#include "dialects/openai_chat/door_answer.h"
#include "dialects/openai_responses/door_answer.h"
#include "dialects/openai_responses/door_output.h"

namespace ai_proxy::dialects::openai_responses {
namespace {

using native::append_json_string;

class EventWriter final : public StreamWriter {
 public:
  explicit EventWriter(const AnswerContext& context)
      : frame_(context, context.provider_id.empty() ? std::to_string(context.created)
                                                    : std::string(context.provider_id)) {}

  void delta(std::string& out, const chat::Delta& delta) override {
    begin(out);
    switch (delta.kind) {
      case chat::Delta::Kind::started:
      case chat::Delta::Kind::finished:
        return;
      case chat::Delta::Kind::text:
        return output_.text(out, delta.text);
      case chat::Delta::Kind::refusal:
        return output_.refusal(out, delta.text);
      case chat::Delta::Kind::thinking:
        return output_.thinking(out, delta.text);
      case chat::Delta::Kind::thinking_signature:
        return output_.signature(out, delta);
      case chat::Delta::Kind::tool_call_begin:
        return output_.call_begin(out, delta);
      case chat::Delta::Kind::tool_call_arguments:
        return output_.call_arguments(out, delta.tool_index, delta.text);
      case chat::Delta::Kind::opaque:
        return output_.annotation(out, delta.text);
    }
  }

  void end(std::string& out, const StreamEnd& end) override {
    begin(out);
    const Frame::Outcome outcome = outcome_of(end.finish_reason, end.usage);
    const bool cut = outcome.status == Frame::Status::incomplete;
    output_.close(out, cut);
    response_event(out, cut ? "response.incomplete" : "response.completed", outcome);
  }

  // As recorded: the error nested in its event, then the response that failed. A writer that has not begun
  // begins nothing: it may be ending a stream of the provider's own, whose beginning the caller has seen.
  void fail(std::string& out, const Error& error) override {
    constexpr std::string_view kBefore = R"({"error":)";
    const std::string rendered = openai_chat::render_error(error, {});
    const std::string body = rendered.substr(kBefore.size(), rendered.size() - kBefore.size() - 1);
    events_.begin(out, "error");
    out.append(R"(,"error":)").append(body);
    Events::end(out);

    json::Document document;
    const bool bad = document.parse(body).has_value();
    std::string cause = R"({"code":)";
    append_json_string(cause, bad ? "server_error" : document.root()["code"].string_or("server_error"));
    cause.append(R"(,"message":)");
    append_json_string(cause, chat_completions::error_sentence(error));
    cause.push_back('}');
    Frame::Outcome outcome;
    outcome.status = Frame::Status::failed;
    outcome.error = cause;
    response_event(out, "response.failed", outcome);
  }

  std::size_t held_bytes() const override { return output_.kept_bytes(); }

 private:
  void begin(std::string& out) {
    if (std::exchange(begun_, true)) return;
    response_event(out, "response.created", {});
    response_event(out, "response.in_progress", {});
  }

  void response_event(std::string& out, std::string_view type, const Frame::Outcome& outcome) {
    events_.begin(out, type);
    out.append(R"(,"response":)");
    frame_.append(out, output_.closed(), outcome);
    Events::end(out);
  }

  Frame frame_;
  Events events_;
  Output output_{frame_, events_};
  bool begun_ = false;
};

}  // namespace

std::unique_ptr<StreamWriter> make_stream_writer(const AnswerContext& context) {
  return std::make_unique<EventWriter>(context);
}

}  // namespace ai_proxy::dialects::openai_responses
