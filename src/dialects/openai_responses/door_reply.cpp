// A whole answer as the Responses API gives it (door_answer.h): thoughts first, then the message, then the
// calls, as a model of OpenAI's does it.
#include <string>

#include "dialects/chat_completions/door_answer.h"
#include "dialects/openai_responses/door_answer.h"
#include "dialects/openai_responses/sealed.h"

namespace ai_proxy::dialects::openai_responses {
namespace {

class Output {
 public:
  Output(const Frame& frame, const chat::Reply& reply, bool cut) : frame_(frame), reply_(reply), cut_(cut) {}

  std::string write() {
    for (const chat::Thinking& thinking : reply_.thinking) reasoning(thinking);
    message();
    for (std::size_t i = 0; i < reply_.tool_calls.size(); ++i) {
      call(reply_.tool_calls[i], i + 1 == reply_.tool_calls.size());
    }
    return std::move(out_);
  }

 private:
  std::string begin(std::string_view prefix) {
    if (count_ > 0) out_.push_back(',');
    return frame_.item_id(prefix, count_++);
  }

  void reasoning(const chat::Thinking& thinking) {
    std::string sealed;
    if (!thinking.redacted_data.empty()) {
      sealed = sealed_redacted(thinking.redacted_data);
    } else if (!thinking.signature.empty()) {
      sealed = sealed_signature(thinking.signature);
    } else if (thinking.text.empty()) {
      return;
    }
    append_reasoning_item(out_, begin("rs"), thinking.text, sealed);
  }

  void message() {
    std::string annotations;
    for (const std::string& raw : reply_.opaque_parts) {
      const auto annotation = annotation_of(raw);
      if (!annotation) continue;
      if (!annotations.empty()) annotations.push_back(',');
      annotations.append(*annotation);
    }
    std::string content;
    const bool nothing_else = count_ == 0 && reply_.tool_calls.empty() && reply_.refusal.empty();
    if (!reply_.text.empty() || !annotations.empty() || nothing_else) {
      append_text_part(content, reply_.text, annotations);
    }
    if (!reply_.refusal.empty()) {
      if (!content.empty()) content.push_back(',');
      append_refusal_part(content, reply_.refusal);
    }
    if (content.empty()) return;
    const bool last = reply_.tool_calls.empty();
    append_message_item(out_, begin("msg"), cut_ && last ? "incomplete" : "completed", content);
  }

  // The one that was being written, and one that never became whole, are not to be executed.
  void call(const chat::ToolCall& call, bool last) {
    const std::string_view arguments = chat_completions::arguments_or_empty_object(call.arguments);
    const bool incomplete = cut_ && (last || !json::valid(arguments));
    append_call_item(out_, begin("fc"), incomplete ? "incomplete" : "completed", arguments, call.id,
                     call.name);
  }

  const Frame& frame_;
  const chat::Reply& reply_;
  bool cut_;  // the answer ended before the model did
  std::string out_;
  std::size_t count_ = 0;
};

}  // namespace

std::string render_reply(const chat::Reply& reply, const AnswerContext& context) {
  constexpr std::size_t kFrame = 2048;  // everything but the answer itself
  const Frame frame(context, reply.id);
  const Frame::Outcome outcome =
      outcome_of(chat::effective_finish_reason(reply.finish_reason, !reply.tool_calls.empty()), reply.usage);
  const std::string output = Output(frame, reply, outcome.status == Frame::Status::incomplete).write();
  std::string out;
  out.reserve(kFrame + output.size());
  frame.append(out, output, outcome);
  return out;
}

}  // namespace ai_proxy::dialects::openai_responses
