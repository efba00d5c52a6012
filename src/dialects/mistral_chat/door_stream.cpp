// A stream as Mistral gives it: thinking as chunks of content, tool calls whole (its SDK refuses pieces
// without a name), reason and usage together on the last chunk, [DONE] (door_answer.h). Runs once per token.
#include <utility>
#include <vector>

#include "base/ascii.h"
#include "dialects/chat_completions/door_answer.h"
#include "dialects/mistral_chat/door_answer.h"
#include "dialects/native/utf8.h"

namespace ai_proxy::dialects::mistral_chat {
namespace {

using native::append_json_string;

// Of all calls' arguments and a signature together; above what any model writes.
constexpr std::size_t kHeldBytesMax = 16 * 1024 * 1024;

class ChunkWriter final : public StreamWriter {
 public:
  explicit ChunkWriter(const AnswerContext& context) {
    head_ = R"(data: {"id":)";
    append_json_string(head_, answer_id(context.id, context.provider_id));
    head_.append(R"(,"object":"chat.completion.chunk","created":)");
    append_integer(head_, context.created);
    head_.append(R"(,"model":)");
    append_json_string(head_, context.model);
    head_.append(R"(,"choices":[{"index":0,"delta":)");
  }

  void delta(std::string& out, const chat::Delta& delta) override {
    switch (delta.kind) {
      case chat::Delta::Kind::started:
      case chat::Delta::Kind::finished:
      case chat::Delta::Kind::opaque:
        return;
      case chat::Delta::Kind::text:
      case chat::Delta::Kind::refusal:
        return text(out, delta.text);
      case chat::Delta::Kind::thinking:
        return thinking(out, delta.text);
      case chat::Delta::Kind::thinking_signature:
        if (!delta.redacted && hold(delta.text.size())) signature_.append(delta.text);
        return;
      case chat::Delta::Kind::tool_call_begin:
        return call_begin(delta);
      case chat::Delta::Kind::tool_call_arguments:
        if (delta.tool_index < calls_.size() && hold(delta.text.size()))
          calls_[delta.tool_index].arguments.append(delta.text);
        return;
    }
  }

  void end(std::string& out, const StreamEnd& end) override {
    if (overflown_) {
      return fail(out, provider_failed(ErrorCode::provider_error, "The provider's tool calls are too long."));
    }
    close_thought(out);
    begin(out);
    out.append(head_).append(R"({"content":"")");
    for (std::size_t i = 0; i < calls_.size(); ++i) {
      out.append(i == 0 ? R"(,"tool_calls":[)" : ",");
      append_tool_call(out, i, calls_[i].id, calls_[i].name, calls_[i].arguments);
    }
    if (!calls_.empty()) out.push_back(']');
    out.append(R"(},"finish_reason":")").append(chat_completions::finish_word(end.finish_reason));
    out.append(R"("}])");
    if (const chat::Usage* usage = chat_completions::credible(end.usage)) {
      out.append(R"(,"usage":)");
      append_usage(out, *usage);
    }
    out.append("}\n\ndata: [DONE]\n\n");
  }

  // A chunk without choices, which the SDK's check of each event refuses, whatever is in it.
  void fail(std::string& out, const Error& error) override {
    Error shown = error;
    if (shown.provider_status == 0) shown.provider_status = http_status(error.code);  // never a 422's list
    out.append("data: ").append(render_error(shown, {})).append("\n\n");
  }

  std::size_t held_bytes() const override { return held_bytes_; }

 private:
  static constexpr std::string_view kChunkEnd = R"(,"finish_reason":null}]})"
                                                "\n\n";

  void begin(std::string& out) {
    if (std::exchange(begun_, true)) return;
    out.append(head_).append(R"({"role":"assistant","content":""})").append(kChunkEnd);
  }

  void text(std::string& out, std::string_view piece) {
    if (piece.empty()) return;
    close_thought(out);
    begin(out);
    out.append(head_).append(R"({"content":)");
    append_json_string(out, piece);
    out.append("}").append(kChunkEnd);
  }

  // closed: false, because true is what a caller takes for granted.
  void thinking(std::string& out, std::string_view piece) {
    if (piece.empty()) return;
    if (!signature_.empty()) close_thought(out);
    begin(out);
    thinking_ = true;
    out.append(head_).append(
        R"({"content":[{"type":"thinking","closed":false,"thinking":[{"type":"text","text":)");
    append_json_string(out, piece);
    out.append("}]}]}").append(kChunkEnd);
  }

  void close_thought(std::string& out) {
    if (!thinking_ && signature_.empty()) return;
    thinking_ = false;
    const std::string signature = std::exchange(signature_, {});
    begin(out);
    out.append(head_).append(R"({"content":[{"type":"thinking","closed":true,"thinking":[])");
    if (!signature.empty()) {
      out.append(R"(,"signature":)");
      append_json_string(out, signature);
    }
    out.append("}]}").append(kChunkEnd);
  }

  void call_begin(const chat::Delta& delta) {
    if (delta.tool_index != calls_.size()) return;  // they come in order, counted from 0
    if (!hold(delta.tool_id.size() + delta.tool_name.size())) return;
    calls_.push_back(
        {.id = std::string(delta.tool_id), .name = std::string(delta.tool_name), .arguments = {}});
  }

  // May this much more be kept until the end?
  bool hold(std::size_t bytes) {
    held_bytes_ += bytes;
    overflown_ = overflown_ || held_bytes_ > kHeldBytesMax;
    return !overflown_;
  }

  std::string head_;  // what every chunk begins with
  bool begun_ = false;
  bool thinking_ = false;  // a thought is open
  std::string signature_;  // of the open thought
  std::vector<chat::ToolCall> calls_;
  std::size_t held_bytes_ = 0;
  bool overflown_ = false;
};

}  // namespace

std::unique_ptr<StreamWriter> make_stream_writer(const AnswerContext& context) {
  return std::make_unique<ChunkWriter>(context);
}

}  // namespace ai_proxy::dialects::mistral_chat
