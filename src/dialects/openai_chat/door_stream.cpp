// A stream as OpenAI gives it: chunks of one id, the role in the first, the reason in the last one with a
// choice, usage behind it when asked for, [DONE] (door_answer.h). Runs once per token.
#include <algorithm>
#include <utility>
#include <vector>

#include "base/ascii.h"
#include "dialects/chat_completions/door_answer.h"
#include "dialects/native/utf8.h"
#include "dialects/openai_chat/door_answer.h"

namespace ai_proxy::dialects::openai_chat {
namespace {

using native::append_json_string;

// Above any model's thinking. A longer thought is shown but cannot be sent back.
constexpr std::size_t kThoughtBytesMax = 16 * 1024 * 1024;

class ChunkWriter final : public StreamWriter {
 public:
  explicit ChunkWriter(const AnswerContext& context) : stream_usage_(context.stream_usage) {
    head_ = R"(data: {"id":)";
    append_json_string(head_, answer_id(context.id, context.provider_id));
    head_.append(R"(,"object":"chat.completion.chunk","created":)");
    append_integer(head_, context.created);
    head_.append(R"(,"model":)");
    append_json_string(head_, context.model);
    open_ = head_ + R"(,"choices":[{"index":0,"delta":)";
  }

  void delta(std::string& out, const chat::Delta& delta) override {
    switch (delta.kind) {
      case chat::Delta::Kind::started:
      case chat::Delta::Kind::finished:
        return;  // the role goes out with the first content: only then is known whether it is a text
      case chat::Delta::Kind::text:
        return text(out, R"({"content":)", delta.text, true);
      case chat::Delta::Kind::refusal:
        return text(out, R"({"refusal":)", delta.text, false);
      case chat::Delta::Kind::thinking:
        return thinking(out, delta.text);
      case chat::Delta::Kind::thinking_signature:
        return signature(out, delta);
      case chat::Delta::Kind::tool_call_begin:
        return call_begin(out, delta);
      case chat::Delta::Kind::tool_call_arguments:
        return call_arguments(out, delta.tool_index, delta.text);
      case chat::Delta::Kind::opaque:
        return opaque(out, delta.text);
    }
  }

  void end(std::string& out, const StreamEnd& end) override {
    close_thought(out);
    if (!begun_) begin(out, true);
    // A call that takes nothing must not leave "" behind; one that was cut short must not look whole.
    if (end.finish_reason != chat::FinishReason::length) {
      for (std::size_t i = 0; i < has_arguments_.size(); ++i) {
        if (!has_arguments_[i]) call_arguments(out, static_cast<std::uint32_t>(i), "{}");
      }
    }
    open_chunk(out);
    out.append(R"({})");
    close_last_chunk(out, chat_completions::finish_word(end.finish_reason));
    const chat::Usage* usage = chat_completions::credible(end.usage);
    if (stream_usage_ && usage != nullptr) usage_chunk(out, *usage, service_tier_word(end.usage));
    out.append("data: [DONE]\n\n");
  }

  void fail(std::string& out, const Error& error) override {
    out.append("data: ").append(render_error(error, {})).append("\n\n");
  }

  std::size_t held_bytes() const override { return thought_.size() + signature_.size(); }

 private:
  static constexpr std::string_view kClose = ",\"logprobs\":null,\"finish_reason\":null}]}\n\n";
  static constexpr std::string_view kCloseBeforeUsage =
      ",\"logprobs\":null,\"finish_reason\":null}],\"usage\":null}\n\n";

  void open_chunk(std::string& out) { out.append(open_); }
  void close_chunk(std::string& out) { out.append(stream_usage_ ? kCloseBeforeUsage : kClose); }
  void close_last_chunk(std::string& out, std::string_view finish) {
    out.append(R"(,"logprobs":null,"finish_reason":")").append(finish);
    out.append(stream_usage_ ? "\"}],\"usage\":null}\n\n" : "\"}]}\n\n");
  }

  void begin(std::string& out, bool with_text) {
    begun_ = true;
    open_chunk(out);
    out.append(with_text ? R"({"role":"assistant","content":"","refusal":null})"
                         : R"({"role":"assistant","content":null,"refusal":null})");
    close_chunk(out);
  }

  // Before anything but thinking.
  void prepare(std::string& out, bool with_text) {
    close_thought(out);
    if (!begun_) begin(out, with_text);
  }

  void text(std::string& out, std::string_view label, std::string_view piece, bool with_text) {
    if (piece.empty()) return;
    prepare(out, with_text);
    open_chunk(out);
    out.append(label);
    append_json_string(out, piece);
    out.push_back('}');
    close_chunk(out);
  }

  void thinking(std::string& out, std::string_view piece) {
    if (piece.empty()) return;
    if (!signature_.empty()) close_thought(out);
    if (!begun_) begin(out, false);
    if (thought_.size() + piece.size() <= kThoughtBytesMax) {
      thought_.append(piece);
    } else {
      thought_too_long_ = true;
    }
    open_chunk(out);
    out.append(R"({"reasoning_content":)");
    append_json_string(out, piece);
    out.push_back('}');
    close_chunk(out);
  }

  void signature(std::string& out, const chat::Delta& delta) {
    if (!delta.redacted) {
      if (signature_.size() + delta.text.size() <= kThoughtBytesMax) signature_.append(delta.text);
      return;
    }
    prepare(out, false);
    std::string block;
    append_redacted_block(block, delta.text);
    block_chunk(out, block);
  }

  // The whole signed thought in one block: a caller that collects the blocks in a list can send it back.
  void close_thought(std::string& out) {
    if (thought_.empty() && signature_.empty() && !thought_too_long_) return;
    const std::string thought = std::exchange(thought_, {});
    const std::string signature = std::exchange(signature_, {});
    if (std::exchange(thought_too_long_, false) || signature.empty()) return;
    if (!begun_) begin(out, false);
    std::string block;
    append_thinking_block(block, thought, signature);
    block_chunk(out, block);
  }

  void block_chunk(std::string& out, std::string_view block) {
    open_chunk(out);
    out.append(R"({"thinking_blocks":[)").append(block).append("]}");
    close_chunk(out);
  }

  void call_begin(std::string& out, const chat::Delta& delta) {
    prepare(out, false);
    if (has_arguments_.size() <= delta.tool_index) has_arguments_.resize(delta.tool_index + 1, true);
    has_arguments_[delta.tool_index] = false;
    open_chunk(out);
    out.append(R"({"tool_calls":[{"index":)");
    append_integer(out, delta.tool_index);
    out.append(R"(,"id":)");
    append_json_string(out, delta.tool_id);
    out.append(R"(,"type":"function","function":{"name":)");
    append_json_string(out, delta.tool_name);
    out.append(R"(,"arguments":""}}]})");
    close_chunk(out);
  }

  void call_arguments(std::string& out, std::uint32_t index, std::string_view piece) {
    if (piece.empty() || index >= has_arguments_.size()) return;
    has_arguments_[index] = true;
    open_chunk(out);
    out.append(R"({"tool_calls":[{"index":)");
    append_integer(out, index);
    out.append(R"(,"function":{"arguments":)");
    append_json_string(out, piece);
    out.append("}}]}");
    close_chunk(out);
  }

  void opaque(std::string& out, std::string_view raw) {
    if (!is_annotation(raw)) return;
    prepare(out, true);
    open_chunk(out);
    // Line ends can only stand between tokens there, and would end the event.
    std::string line(raw);
    std::ranges::replace_if(line, [](char c) { return c == '\n' || c == '\r'; }, ' ');
    out.append(R"({"annotations":[)").append(line).append("]}");
    close_chunk(out);
  }

  void usage_chunk(std::string& out, const chat::Usage& usage, std::string_view tier) {
    out.append(head_);
    if (!tier.empty()) out.append(R"(,"service_tier":")").append(tier).append("\"");
    out.append(R"(,"choices":[],"usage":)");
    append_usage(out, usage);
    out.append("}\n\n");
  }

  std::string head_;  // what every chunk begins with
  std::string open_;  // what every chunk with a delta begins with
  bool stream_usage_;
  bool begun_ = false;
  std::string thought_;  // of the thought that is being written, until it is signed
  std::string signature_;
  bool thought_too_long_ = false;
  std::vector<bool> has_arguments_;  // by tool index
};

}  // namespace

std::unique_ptr<StreamWriter> make_stream_writer(const AnswerContext& context) {
  return std::make_unique<ChunkWriter>(context);
}

}  // namespace ai_proxy::dialects::openai_chat
