// A stream in Anthropic's framing: message_start, (content_block_start, content_block_delta*,
// content_block_stop)*, message_delta, message_stop; every data's "type" equals its event.
//
// One block is open at a time, as Anthropic itself does it and as its SDKs' helpers expect: what belongs to a
// later block waits until the one in front is finished. Runs once per token: what goes out at once costs no
// allocation of ours.
#include <iterator>
#include <list>
#include <string>
#include <utility>
#include <vector>

#include "base/ascii.h"
#include "base/json.h"
#include "dialects/anthropic_messages/door.h"
#include "dialects/object_scan.h"

namespace ai_proxy::dialects::anthropic_messages {
namespace {

using chat::Delta;

// Beyond this no more is held back: the blocks that wait are opened beside the unfinished one, which the SDKs
// understand too (they go by the index). Nor is more kept of a refusal, or of citations without a text.
constexpr std::size_t kHeldBytesMax = 1024UL * 1024;

void begin_event(std::string& out, std::string_view type) {
  out.append("event: ").append(type).append("\ndata: {\"type\":\"").append(type).append("\"");
}
void end_event(std::string& out) {
  out.append("}\n\n");
}

// Raw JSON on one line: line ends stand only between its tokens.
void append_on_one_line(std::string& out, std::string_view raw) {
  const std::size_t from = out.size();
  out.append(raw);
  for (std::size_t i = from; i < out.size(); ++i) {
    if (out[i] == '\n' || out[i] == '\r') out[i] = ' ';
  }
}

enum class BlockKind : std::uint8_t { text, thinking, tool, whole };

// A block that is not closed yet.
struct Block {
  std::size_t index = 0;
  BlockKind kind = BlockKind::text;
  bool open = false;    // its start went out; else everything of it is in `held`
  bool sealed = false;  // thinking: signed, so nothing can be added
  std::uint32_t tool_index = 0;
  ObjectScan arguments;  // tool
  std::string held;      // events that wait for the blocks in front

  bool finished() const { return kind != BlockKind::tool || arguments.whole(); }
};

class Writer final : public StreamWriter {
 public:
  explicit Writer(const AnswerContext& context)
      : model_(context.model), id_(message_id(context.id, context.provider_id)) {}

  void delta(std::string& out, const Delta& delta) override;
  void end(std::string& out, const StreamEnd& end) override;
  void fail(std::string& out, const Error& error) override;
  std::size_t held_bytes() const override { return held_bytes_ + refusal_.size() + citation_bytes_; }

 private:
  void start(std::string& out, std::string_view service_tier = {});
  void text(std::string& out, std::string_view piece);
  void thinking(std::string& out, std::string_view piece);
  void signature(std::string& out, const Delta& delta);
  void tool_begin(std::string& out, const Delta& delta);
  void tool_arguments(std::string& out, const Delta& delta);
  void opaque(std::string& out, std::string_view raw);

  // Opens a block behind the others and gives it; `start` is its content_block. The block in front is closed
  // first where it is finished.
  Block& add(std::string& out, BlockKind kind, std::string_view start);
  Block* last(BlockKind kind) {
    return !blocks_.empty() && blocks_.back().kind == kind && !blocks_.back().sealed ? &blocks_.back()
                                                                                     : nullptr;
  }
  // An event of this block: `rest` is what stands behind the delta's type.
  void text_delta(std::string& out, Block& block, std::string_view type, std::string_view name,
                  std::string_view piece);
  void citation(std::string& out, Block& block, std::string_view raw);
  std::string& place(std::string& out, Block& block) { return block.open ? out : block.held; }
  void count_held(std::string& out, const Block& block, std::size_t before);
  void advance(std::string& out);
  void let_overlap(std::string& out);
  std::list<Block>::iterator close(std::string& out, std::list<Block>::iterator block);
  void release(std::string& out, Block& block);

  std::string model_;
  std::string id_;
  bool started_ = false;
  std::list<Block> blocks_;
  std::size_t next_index_ = 0;
  std::size_t held_bytes_ = 0;
  std::string refusal_;
  std::vector<std::string> citations_;  // came before the text they belong to
  std::size_t citation_bytes_ = 0;
};

void Writer::delta(std::string& out, const Delta& delta) {
  start(out, delta.kind == Delta::Kind::started ? delta.text : std::string_view{});
  switch (delta.kind) {
    case Delta::Kind::text:
      text(out, delta.text);
      break;
    case Delta::Kind::refusal:
      if (refusal_.size() < kHeldBytesMax) refusal_.append(delta.text);
      text(out, delta.text);
      break;
    case Delta::Kind::thinking:
      thinking(out, delta.text);
      break;
    case Delta::Kind::thinking_signature:
      signature(out, delta);
      break;
    case Delta::Kind::tool_call_begin:
      tool_begin(out, delta);
      break;
    case Delta::Kind::tool_call_arguments:
      tool_arguments(out, delta);
      break;
    case Delta::Kind::opaque:
      opaque(out, delta.text);
      break;
    case Delta::Kind::started:
    case Delta::Kind::finished:
      break;
  }
}

// The input's size is not known yet where the provider tells usage last; message_delta tells all of it. The
// tier stands here, because the SDKs take it from here alone.
void Writer::start(std::string& out, std::string_view service_tier) {
  if (started_) return;
  started_ = true;
  begin_event(out, "message_start");
  out.append(R"(,"message":)");
  json::Writer message(out);
  message.begin_object()
      .member("model", model_)
      .member("id", id_)
      .member("type", "message")
      .member("role", "assistant")
      .raw_member("content", "[]");
  message.key("stop_reason").null().key("stop_sequence").null().key("stop_details").null();
  std::optional<chat::Usage> usage;
  if (!service_tier.empty()) usage.emplace().service_tier = service_tier;
  write_usage(message, usage);
  message.end_object();
  end_event(out);
}

void Writer::text(std::string& out, std::string_view piece) {
  if (piece.empty()) return;
  Block* block = last(BlockKind::text);
  if (block == nullptr) {
    block = &add(out, BlockKind::text, R"({"type":"text","text":""})");
    for (const std::string& raw : std::exchange(citations_, {})) citation(out, *block, raw);
    citation_bytes_ = 0;
  }
  text_delta(out, *block, "text_delta", "text", piece);
}

void Writer::thinking(std::string& out, std::string_view piece) {
  if (piece.empty()) return;
  Block* block = last(BlockKind::thinking);
  if (block == nullptr)
    block = &add(out, BlockKind::thinking, R"({"type":"thinking","thinking":"","signature":""})");
  text_delta(out, *block, "thinking_delta", "thinking", piece);
}

void Writer::signature(std::string& out, const Delta& delta) {
  if (delta.text.empty()) return;
  if (delta.redacted) {
    std::string block = R"({"type":"redacted_thinking","data":)";
    json::Writer(block).string(delta.text);
    add(out, BlockKind::whole, block.append("}"));
    return;
  }
  Block* block = last(BlockKind::thinking);
  if (block == nullptr)  // thinking that is not shown
    block = &add(out, BlockKind::thinking, R"({"type":"thinking","thinking":"","signature":""})");
  text_delta(out, *block, "signature_delta", "signature", delta.text);
  block->sealed = true;
}

void Writer::tool_begin(std::string& out, const Delta& delta) {
  std::string block;
  json::Writer(block)
      .begin_object()
      .member("type", "tool_use")
      .member("id", delta.tool_id)
      .member("name", delta.tool_name)
      .raw_member("input", "{}")
      .end_object();
  add(out, BlockKind::tool, block).tool_index = delta.tool_index;
}

void Writer::tool_arguments(std::string& out, const Delta& delta) {
  if (delta.text.empty()) return;
  for (Block& block : blocks_) {
    if (block.kind != BlockKind::tool || block.tool_index != delta.tool_index) continue;
    block.arguments.feed(delta.text);
    text_delta(out, block, "input_json_delta", "partial_json", delta.text);
    advance(out);
    return;
  }
}

void Writer::opaque(std::string& out, std::string_view raw) {
  switch (opaque_kind_of(raw)) {
    case OpaqueKind::block:
      add(out, BlockKind::whole, raw);
      break;
    case OpaqueKind::citation:
      if (Block* block = last(BlockKind::text)) {
        citation(out, *block, raw);
      } else if (citation_bytes_ < kHeldBytesMax) {
        citation_bytes_ += sizeof(std::string) + raw.size();
        citations_.emplace_back(raw);
      }
      break;
    case OpaqueKind::foreign:
      break;
  }
}

Block& Writer::add(std::string& out, BlockKind kind, std::string_view start) {
  Block& block = blocks_.emplace_back();
  block.index = next_index_++;
  block.kind = kind;
  begin_event(block.held, "content_block_start");
  block.held.append(R"(,"index":)");
  append_integer(block.held, block.index);
  block.held.append(R"(,"content_block":)");
  append_on_one_line(block.held, start);
  end_event(block.held);
  count_held(out, block, 0);
  advance(out);
  return block;
}

void Writer::text_delta(std::string& out, Block& block, std::string_view type, std::string_view name,
                        std::string_view piece) {
  std::string& to = place(out, block);
  const std::size_t before = to.size();
  begin_event(to, "content_block_delta");
  to.append(R"(,"index":)");
  append_integer(to, block.index);
  to.append(R"(,"delta":{"type":")").append(type).append(R"(",")").append(name).append(R"(":)");
  json::Writer(to).string(piece);
  to.push_back('}');
  end_event(to);
  count_held(out, block, before);
}

void Writer::citation(std::string& out, Block& block, std::string_view raw) {
  std::string& to = place(out, block);
  const std::size_t before = to.size();
  begin_event(to, "content_block_delta");
  to.append(R"(,"index":)");
  append_integer(to, block.index);
  to.append(R"(,"delta":{"type":"citations_delta","citation":)");
  append_on_one_line(to, raw);
  to.push_back('}');
  end_event(to);
  count_held(out, block, before);
}

void Writer::count_held(std::string& out, const Block& block, std::size_t before) {
  if (block.open) return;
  held_bytes_ += block.held.size() - before;
  if (held_bytes_ > kHeldBytesMax) let_overlap(out);
}

// Opens all that wait, and closes what is finished and has something behind it: only what is unfinished is
// kept.
void Writer::let_overlap(std::string& out) {
  for (auto block = blocks_.begin(); block != blocks_.end();) {
    release(out, *block);
    const auto next = std::next(block);
    block = next != blocks_.end() && block->finished() ? close(out, block) : next;
  }
}

// Closes what is finished and has something behind it, and lets the next one out.
void Writer::advance(std::string& out) {
  if (blocks_.empty()) return;
  release(out, blocks_.front());
  while (blocks_.size() > 1 && blocks_.front().finished()) {
    close(out, blocks_.begin());
    release(out, blocks_.front());
  }
}

void Writer::release(std::string& out, Block& block) {
  if (block.open) return;
  block.open = true;
  held_bytes_ -= block.held.size();
  out.append(block.held);
  block.held = {};
}

std::list<Block>::iterator Writer::close(std::string& out, std::list<Block>::iterator block) {
  begin_event(out, "content_block_stop");
  out.append(R"(,"index":)");
  append_integer(out, block->index);
  end_event(out);
  return blocks_.erase(block);
}

void Writer::end(std::string& out, const StreamEnd& end) {
  start(out);
  while (!blocks_.empty()) {
    release(out, blocks_.front());
    close(out, blocks_.begin());
  }
  begin_event(out, "message_delta");
  out.append(R"(,"delta":)");
  json::Writer delta(out);
  delta.begin_object();
  write_stop(delta, stop_of(end.finish_reason, end.stop_sequence, !refusal_.empty()), refusal_);
  delta.end_object();
  out.append(",");
  std::string usage;
  json::Writer object(usage);
  object.begin_object();
  write_usage(object, end.usage);
  object.end_object();
  out.append(usage, 1, usage.size() - 2);  // the member without the braces around it
  end_event(out);
  begin_event(out, "message_stop");
  end_event(out);
}

void Writer::fail(std::string& out, const Error& error) {
  begin_event(out, "error");
  out.append(R"(,"error":)");
  json::Writer object(out);
  write_error_object(object, error);
  end_event(out);
}

}  // namespace

std::unique_ptr<StreamWriter> make_stream_writer(const AnswerContext& context) {
  return std::make_unique<Writer>(context);
}

}  // namespace ai_proxy::dialects::anthropic_messages
