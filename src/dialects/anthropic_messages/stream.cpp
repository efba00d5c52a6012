// An answer as events: message_start, (content_block_start, content_block_delta*, content_block_stop)*,
// message_delta, message_stop, with pings anywhere. Data lines may end in blanks (383 of 541 recordings).
#include <algorithm>
#include <utility>
#include <vector>

#include "base/ascii.h"
#include "base/json_writer.h"
#include "dialects/anthropic_messages/anthropic_messages.h"
#include "dialects/anthropic_messages/usage.h"

namespace ai_proxy::dialects::anthropic_messages {
namespace {

using chat::Delta;

constexpr std::size_t kOpenBlocksMax = 256;
constexpr std::size_t kHeldBytesMax = 16UL * 1024 * 1024;  // of what is handed on whole

Error no_sense(std::string_view what) {
  std::string message = "The provider's stream makes no sense: ";
  return provider_failed(ErrorCode::provider_error, message.append(what).append("."));
}

enum class BlockKind : std::uint8_t { plain, tool, whole };

// A block that has begun and not ended.
struct OpenBlock {
  std::int64_t index = 0;
  BlockKind kind = BlockKind::plain;
  std::uint32_t tool_index = 0;  // tool
  bool has_arguments = false;    // tool: a piece that was not empty has come
  std::string start;             // whole: the block as it began; tool: input that came with the start
  std::size_t gap_begin = 0;     // whole: where in `start` the value stands that the pieces make up
  std::size_t gap_length = 0;
  std::string pieces;            // whole: what deltas added
  bool pieces_are_text = false;  // … is a string's content rather than JSON
};

class Reader final : public StreamReader {
 public:
  Result<void> event(std::string_view name, std::string_view data, const Sink& sink) override;

  bool complete() const override { return terminated_ || !provider_finish_reason_.empty(); }
  bool terminated() const override { return terminated_; }
  const std::string& id() const override { return id_; }
  const std::string& model() const override { return model_; }
  chat::FinishReason finish_reason() const override { return finish_reason_; }
  const std::string& provider_finish_reason() const override { return provider_finish_reason_; }
  bool has_tool_calls() const override { return tool_count_ > 0; }
  const std::string& stop_sequence() const override { return stop_sequence_; }
  const std::optional<chat::Usage>& usage() const override { return usage_.usage(); }
  std::size_t held_bytes() const override { return held_bytes_; }

 private:
  void message_start(const json::Value& message, const Sink& sink);
  Result<void> block_start(const json::Value& event, const Sink& sink);
  Result<void> tool_start(OpenBlock& open, const json::Value& block, const Sink& sink);
  void whole_start(OpenBlock& open, const json::Value& block);
  Result<void> block_delta(const json::Value& event, const Sink& sink);
  Result<void> input_piece(const json::Value& event, std::string_view piece, const Sink& sink);
  void block_stop(OpenBlock& open, const Sink& sink);
  static std::string assembled(OpenBlock& open);
  // Several blocks may end in one event, so the texts must not move: there is room for all of them.
  const std::string& hand_on(std::string text) {
    handed_on_.reserve(kOpenBlocksMax);
    return handed_on_.emplace_back(std::move(text));
  }
  void message_delta(const json::Value& event, const Sink& sink);
  void message_stop(const Sink& sink);

  OpenBlock* find(const json::Value& event);
  Result<void> hold(OpenBlock& open, std::string_view piece);
  static void emit(const Sink& sink, Delta::Kind kind, std::string_view text, bool redacted = false) {
    Delta delta;
    delta.kind = kind;
    delta.text = text;
    delta.redacted = redacted;
    if (!text.empty()) sink(delta);
  }
  static void emit_arguments(const Sink& sink, std::uint32_t tool_index, std::string_view text) {
    Delta delta;
    delta.kind = Delta::Kind::tool_call_arguments;
    delta.text = text;
    delta.tool_index = tool_index;
    sink(delta);
  }
  static void emit_mark(const Sink& sink, Delta::Kind kind, std::string_view text = {}) {
    Delta delta;
    delta.kind = kind;
    delta.text = text;
    sink(delta);
  }

  json::Document document_;
  std::vector<OpenBlock> open_;
  std::vector<std::string> handed_on_;  // texts made here that this event's deltas point into
  std::size_t held_bytes_ = 0;
  UsageMerger usage_;
  std::string id_;
  std::string model_;
  std::string provider_finish_reason_;
  std::string stop_sequence_;
  chat::FinishReason finish_reason_ = chat::FinishReason::unknown;
  std::uint32_t tool_count_ = 0;
  bool started_ = false;
  bool terminated_ = false;
};

Result<void> Reader::event(std::string_view name, std::string_view data, const Sink& sink) {
  handed_on_.clear();
  data = ascii_trim(data);
  if (terminated_ || data.empty() || name == "ping") return {};
  if (document_.parse(data, json::kProviderLimits) || !document_.root().is_object()) {
    return std::unexpected(no_sense("an event holds no JSON object"));
  }
  const json::Value root = document_.root();
  const std::string_view type = root["type"].string_or(name);
  if (type == "content_block_delta") return block_delta(root, sink);
  if (type == "content_block_start") return block_start(root, sink);
  if (type == "error" || root["error"].is_object()) return std::unexpected(error_of({}, root));
  if (type == "content_block_stop") {
    if (OpenBlock* open = find(root)) {
      block_stop(*open, sink);
      open_.erase(open_.begin() + (open - open_.data()));
    }
  } else if (type == "message_start") {
    message_start(root["message"], sink);
  } else if (type == "message_delta") {
    message_delta(root, sink);
  } else if (type == "message_stop") {
    message_stop(sink);
  }
  return {};  // pings, and events of tomorrow
}

void Reader::message_start(const json::Value& message, const Sink& sink) {
  if (const auto id = message["id"].string()) id_ = *id;
  if (const auto model = message["model"].string()) model_ = *model;
  usage_.merge(message["usage"]);
  if (!std::exchange(started_, true)) {
    const auto& usage = usage_.usage();
    emit_mark(sink, Delta::Kind::started, usage ? std::string_view(usage->service_tier) : std::string_view{});
  }
}

Result<void> Reader::block_start(const json::Value& event, const Sink& sink) {
  const json::Value block = event["content_block"];
  if (!block.is_object()) return std::unexpected(no_sense("a content block is no object"));
  if (open_.size() >= kOpenBlocksMax)
    return std::unexpected(no_sense("too many content blocks are open at once"));
  OpenBlock& open = open_.emplace_back();
  open.index = event["index"].integer_or(0);
  const std::string_view type = block["type"].string_or("");
  if (type == "text") {
    emit(sink, Delta::Kind::text, block["text"].string_or(""));
    for (const json::Value citation : block["citations"]) emit(sink, Delta::Kind::opaque, citation.raw());
  } else if (type == "thinking") {
    emit(sink, Delta::Kind::thinking, block["thinking"].string_or(""));
    emit(sink, Delta::Kind::thinking_signature, block["signature"].string_or(""));
  } else if (type == "redacted_thinking") {
    emit(sink, Delta::Kind::thinking_signature, block["data"].string_or(""), true);
  } else if (type == "tool_use") {
    return tool_start(open, block, sink);
  } else {
    whole_start(open, block);
    return hold(open, {});
  }
  return {};
}

Result<void> Reader::tool_start(OpenBlock& open, const json::Value& block, const Sink& sink) {
  const std::string_view id = block["id"].string_or("");
  const std::string_view name = block["name"].string_or("");
  if (name.empty()) return std::unexpected(no_sense("a tool call has no name"));
  if (tool_count_ >= kToolCallsMax) return std::unexpected(no_sense("there are too many tool calls"));
  if (id.size() + name.size() > kToolCallNamesBytesMax)
    return std::unexpected(no_sense("a tool call's id and name are too long"));
  open.kind = BlockKind::tool;
  open.tool_index = tool_count_++;
  // Always {} in recordings; a relay in between may send the whole input here.
  if (!block["input"].empty()) open.start = block["input"].raw();
  held_bytes_ += open.start.size();
  Delta delta;
  delta.kind = Delta::Kind::tool_call_begin;
  delta.tool_index = open.tool_index;
  delta.tool_id = id;
  delta.tool_name = name;
  sink(delta);
  return hold(open, {});
}

void Reader::whole_start(OpenBlock& open, const json::Value& block) {
  open.kind = BlockKind::whole;
  open.start = block.raw();
  held_bytes_ += open.start.size();
  const json::Value gap = block["input"].present() ? block["input"] : block["content"];
  if (gap.present()) {
    open.gap_begin = static_cast<std::size_t>(gap.raw().data() - block.raw().data());
    open.gap_length = gap.raw().size();
  }
}

Result<void> Reader::block_delta(const json::Value& event, const Sink& sink) {
  const json::Value delta = event["delta"];
  const std::string_view type = delta["type"].string_or("");
  if (type == "text_delta") {
    emit(sink, Delta::Kind::text, delta["text"].string_or(""));
  } else if (type == "input_json_delta") {
    return input_piece(event, delta["partial_json"].string_or(""), sink);
  } else if (type == "thinking_delta") {
    emit(sink, Delta::Kind::thinking, delta["thinking"].string_or(""));
  } else if (type == "signature_delta") {
    emit(sink, Delta::Kind::thinking_signature, delta["signature"].string_or(""));
  } else if (type == "citations_delta") {
    emit(sink, Delta::Kind::opaque, delta["citation"].raw());
  } else if (type == "compaction_delta") {
    if (OpenBlock* open = find(event); open != nullptr && open->kind == BlockKind::whole) {
      open->pieces_are_text = true;
      return hold(*open, delta["content"].string_or(""));
    }
  }
  return {};  // deltas of tomorrow
}

Result<void> Reader::input_piece(const json::Value& event, std::string_view piece, const Sink& sink) {
  if (piece.empty()) return {};
  OpenBlock* open = find(event);
  if (open == nullptr) return std::unexpected(no_sense("input came for a content block that is not open"));
  if (open->kind == BlockKind::whole) return hold(*open, piece);
  if (open->kind != BlockKind::tool) return {};
  open->has_arguments = true;
  emit_arguments(sink, open->tool_index, piece);
  return {};
}

void Reader::block_stop(OpenBlock& open, const Sink& sink) {
  held_bytes_ -= open.start.size() + open.pieces.size();
  if (open.kind == BlockKind::tool) {
    if (open.has_arguments) return;
    const std::string_view arguments =
        open.start.empty() ? "{}" : std::string_view(hand_on(std::move(open.start)));
    emit_arguments(sink, open.tool_index, arguments);
  } else if (open.kind == BlockKind::whole) {
    emit(sink, Delta::Kind::opaque, hand_on(assembled(open)));
  }
}

// The block as a whole answer would have held it.
std::string Reader::assembled(OpenBlock& open) {
  std::string block = std::move(open.start);
  if (open.pieces.empty() || open.gap_length == 0) return block;
  std::string filling;
  if (open.pieces_are_text) {
    json::Writer(filling).string(open.pieces);
  } else {
    filling = std::move(open.pieces);
  }
  // Input that was cut off is no JSON; then the block stays as it began.
  if (json::valid(filling)) block.replace(open.gap_begin, open.gap_length, filling);
  return block;
}

void Reader::message_delta(const json::Value& event, const Sink& sink) {
  usage_.merge(event["usage"]);
  const json::Value delta = event["delta"];
  const auto reason = delta["stop_reason"].string();
  if (!reason || reason->empty()) return;
  const bool first = provider_finish_reason_.empty();
  provider_finish_reason_ = *reason;
  finish_reason_ = finish_reason_of(*reason);
  stop_sequence_ = delta["stop_sequence"].string_or("");
  if (!first) return;
  if (finish_reason_ == chat::FinishReason::content_filter) {
    emit(sink, Delta::Kind::refusal, delta["stop_details"]["explanation"].string_or(""));
  }
  emit_mark(sink, Delta::Kind::finished);
}

void Reader::message_stop(const Sink& sink) {
  for (OpenBlock& open : open_) block_stop(open, sink);
  open_.clear();
  terminated_ = true;
}

OpenBlock* Reader::find(const json::Value& event) {
  const auto index = event["index"].integer();
  const auto found = std::ranges::find_if(open_, [&](const OpenBlock& open) { return index == open.index; });
  return found == open_.end() ? nullptr : &*found;
}

Result<void> Reader::hold(OpenBlock& open, std::string_view piece) {
  held_bytes_ += piece.size();
  if (held_bytes_ > kHeldBytesMax) return std::unexpected(no_sense("a content block is too large"));
  open.pieces.append(piece);
  return {};
}

}  // namespace

std::unique_ptr<StreamReader> make_stream_reader() {
  return std::make_unique<Reader>();
}

}  // namespace ai_proxy::dialects::anthropic_messages
