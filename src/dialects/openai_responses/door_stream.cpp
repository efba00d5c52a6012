// A stream as the Responses API gives it: named and numbered events, each item and part opened, told and
// closed, the whole Response last (door_answer.h). Runs once per token.
//
// Thoughts and messages are open one at a time. Calls may overlap, as some providers write them piece by
// piece in turn: a call is closed when the next item begins and its arguments are whole, else at the end.
#include <string>
#include <utility>
#include <vector>

#include "base/ascii.h"
#include "dialects/chat_completions/door_answer.h"
#include "dialects/native/utf8.h"
#include "dialects/openai_chat/door_answer.h"
#include "dialects/openai_responses/door_answer.h"
#include "dialects/openai_responses/sealed.h"

namespace ai_proxy::dialects::openai_responses {
namespace {

using native::append_json_string;

// Above any model's answer. What comes after it is told, but no longer repeated at the end.
constexpr std::size_t kKeptBytesMax = 64UL * 1024 * 1024;

enum class ItemKind : std::uint8_t { reasoning, message, call };
enum class PartKind : std::uint8_t { none, text, refusal };

struct Item {
  ItemKind kind = ItemKind::message;
  std::size_t index = 0;
  std::string place;  // ,"item_id":…,"output_index":…
  std::string id;
  bool open = true;
  std::string text;  // of a thought, of the open part, or a call's arguments

  std::string sealed;  // reasoning: the signature so far

  PartKind part = PartKind::none;  // message: the open one
  std::size_t part_index = 0;
  std::string content;  // the closed parts
  std::string annotations;
  std::size_t annotation_count = 0;

  std::uint32_t tool_index = 0;  // call
  std::string call_id;
  std::string name;

  std::string whole;  // once closed
};

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
        return part_text(out, PartKind::text, delta.text);
      case chat::Delta::Kind::refusal:
        return part_text(out, PartKind::refusal, delta.text);
      case chat::Delta::Kind::thinking:
        return thinking(out, delta.text);
      case chat::Delta::Kind::thinking_signature:
        return signature(out, delta);
      case chat::Delta::Kind::tool_call_begin:
        return call_begin(out, delta);
      case chat::Delta::Kind::tool_call_arguments:
        return call_arguments(out, delta.tool_index, delta.text);
      case chat::Delta::Kind::opaque:
        return annotation(out, delta.text);
    }
  }

  void end(std::string& out, const StreamEnd& end) override {
    begin(out);
    const Frame::Outcome outcome = outcome_of(end.finish_reason, end.usage);
    cut_ = outcome.status == Frame::Status::incomplete;
    if (items_.empty()) open_part(out, PartKind::text);
    for (Item& item : items_) close(out, item);
    response_event(out, cut_ ? "response.incomplete" : "response.completed", outcome);
  }

  // As recorded: the error nested in its event, then the response that failed. A writer that has not begun
  // begins nothing: it may be ending a stream of the provider's own, whose beginning the caller has seen.
  void fail(std::string& out, const Error& error) override {
    constexpr std::string_view kBefore = R"({"error":)";
    const std::string rendered = openai_chat::render_error(error, {});
    const std::string body = rendered.substr(kBefore.size(), rendered.size() - kBefore.size() - 1);
    begin_event(out, "error");
    out.append(R"(,"error":)").append(body);
    end_event(out);

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

 private:
  void begin_event(std::string& out, std::string_view type) {
    out.append("event: ").append(type).append("\ndata: {\"type\":\"").append(type);
    out.append(R"(","sequence_number":)");
    append_integer(out, sequence_number_++);
  }
  static void end_event(std::string& out) { out.append("}\n\n"); }

  void begin_event(std::string& out, std::string_view type, const Item& item) {
    begin_event(out, type);
    out.append(item.place);
  }

  // Of the message's open part.
  void begin_part_event(std::string& out, std::string_view type, const Item& item) {
    begin_event(out, type, item);
    out.append(R"(,"content_index":)");
    append_integer(out, item.part_index);
  }

  // `label`: ,"text":
  static void text_member(std::string& out, std::string_view label, std::string_view text) {
    out.append(label);
    append_json_string(out, text);
  }

  void begin(std::string& out) {
    if (std::exchange(begun_, true)) return;
    response_event(out, "response.created", {});
    response_event(out, "response.in_progress", {});
  }

  void response_event(std::string& out, std::string_view type, const Frame::Outcome& outcome) {
    std::string output;
    for (const Item& item : items_) {
      if (item.whole.empty()) continue;
      if (!output.empty()) output.push_back(',');
      output.append(item.whole);
    }
    begin_event(out, type);
    out.append(R"(,"response":)");
    frame_.append(out, output, outcome);
    end_event(out);
  }

  void keep(std::string& into, std::string_view piece) {
    const bool fits = piece.size() <= kKeptBytesMax - kept_bytes_;
    kept_bytes_ = fits ? kept_bytes_ + piece.size() : kKeptBytesMax;  // after a gap nothing may follow
    if (fits) into.append(piece);
  }

  // --- items ---

  // The open item of this kind at the end of the output; nullptr = there is none.
  Item* last(ItemKind kind) {
    return !items_.empty() && items_.back().kind == kind && items_.back().open ? &items_.back() : nullptr;
  }

  Item& add(std::string& out, ItemKind kind, std::string_view prefix) {
    for (Item& item : items_) {
      if (item.kind != ItemKind::call || json::valid(item.text)) close(out, item);
    }
    Item& item = items_.emplace_back();
    item.kind = kind;
    item.index = items_.size() - 1;
    item.id = frame_.item_id(prefix, item.index);
    text_member(item.place, R"(,"item_id":)", item.id);
    item.place.append(R"(,"output_index":)");
    append_integer(item.place, item.index);
    return item;
  }

  void item_event(std::string& out, std::string_view type, const Item& item, std::string_view json) {
    begin_event(out, type);
    out.append(R"(,"output_index":)");
    append_integer(out, item.index);
    out.append(R"(,"item":)").append(json);
    end_event(out);
  }

  void tell_added(std::string& out, const Item& item, std::string_view json) {
    item_event(out, "response.output_item.added", item, json);
  }

  void close(std::string& out, Item& item) {
    if (!std::exchange(item.open, false)) return;
    switch (item.kind) {
      case ItemKind::reasoning:
        close_reasoning(out, item);
        break;
      case ItemKind::message:
        close_part(out, item);
        append_message_item(item.whole, item.id, cut_ ? "incomplete" : "completed", item.content);
        break;
      case ItemKind::call:
        close_call(out, item);
        break;
    }
    item_event(out, "response.output_item.done", item, item.whole);
    for (std::string* text : {&item.text, &item.sealed, &item.content, &item.annotations}) {
      std::string().swap(*text);
    }
  }

  // --- the message ---

  Item& open_part(std::string& out, PartKind part) {
    Item* item = last(ItemKind::message);
    if (item != nullptr && item->part == part) return *item;
    if (item == nullptr) {
      item = &add(out, ItemKind::message, "msg");
      std::string json;
      append_message_item(json, item->id, "in_progress", {});
      tell_added(out, *item, json);
    }
    close_part(out, *item);
    item->part = part;
    begin_part_event(out, "response.content_part.added", *item);
    out.append(R"(,"part":)");
    if (part == PartKind::text) {
      append_text_part(out, {}, {});
    } else {
      append_refusal_part(out, {});
    }
    end_event(out);
    return *item;
  }

  void close_part(std::string& out, Item& item) {
    if (item.part == PartKind::none) return;
    const bool is_text = item.part == PartKind::text;
    begin_part_event(out, is_text ? "response.output_text.done" : "response.refusal.done", item);
    text_member(out, is_text ? R"(,"text":)" : R"(,"refusal":)", item.text);
    if (is_text) out.append(R"(,"logprobs":[])");
    end_event(out);

    std::string json;
    if (is_text) {
      append_text_part(json, item.text, item.annotations);
    } else {
      append_refusal_part(json, item.text);
    }
    begin_part_event(out, "response.content_part.done", item);
    out.append(R"(,"part":)").append(json);
    end_event(out);
    if (!item.content.empty()) item.content.push_back(',');
    item.content.append(json);
    item.text.clear();
    item.annotations.clear();
    item.annotation_count = 0;
    item.part = PartKind::none;
    ++item.part_index;
  }

  void part_text(std::string& out, PartKind part, std::string_view piece) {
    if (piece.empty()) return;
    Item& item = open_part(out, part);
    keep(item.text, piece);
    const bool is_text = part == PartKind::text;
    begin_part_event(out, is_text ? "response.output_text.delta" : "response.refusal.delta", item);
    text_member(out, R"(,"delta":)", piece);
    if (is_text) out.append(R"(,"logprobs":[])");
    end_event(out);
  }

  void annotation(std::string& out, std::string_view raw) {
    const auto json = annotation_of(raw);
    if (!json) return;
    Item& item = open_part(out, PartKind::text);
    begin_part_event(out, "response.output_text.annotation.added", item);
    out.append(R"(,"annotation_index":)");
    append_integer(out, item.annotation_count++);
    out.append(R"(,"annotation":)").append(*json);
    end_event(out);
    std::string kept = item.annotations.empty() ? *json : "," + *json;
    keep(item.annotations, kept);
  }

  // --- thoughts ---

  Item& open_reasoning(std::string& out) {
    Item& item = add(out, ItemKind::reasoning, "rs");
    std::string json;
    append_reasoning_item(json, item.id, {}, {});
    tell_added(out, item, json);
    return item;
  }

  void thinking(std::string& out, std::string_view piece) {
    if (piece.empty()) return;
    Item* item = last(ItemKind::reasoning);
    // What is signed is whole: this is another thought.
    if (item == nullptr || !item->sealed.empty()) item = &open_reasoning(out);
    if (item->text.empty()) {
      begin_event(out, "response.reasoning_summary_part.added", *item);
      out.append(R"(,"summary_index":0,"part":)");
      append_summary_part(out, {});
      end_event(out);
    }
    keep(item->text, piece);
    begin_event(out, "response.reasoning_summary_text.delta", *item);
    text_member(out, R"(,"summary_index":0,"delta":)", piece);
    end_event(out);
  }

  void signature(std::string& out, const chat::Delta& delta) {
    if (delta.text.empty()) return;
    if (delta.redacted) {
      Item& item = open_reasoning(out);
      keep(item.sealed, sealed_redacted(delta.text));
      return close(out, item);
    }
    Item* item = last(ItemKind::reasoning);
    if (item == nullptr) item = &open_reasoning(out);
    keep(item->sealed, item->sealed.empty() ? sealed_signature(delta.text) : std::string(delta.text));
  }

  void close_reasoning(std::string& out, Item& item) {
    if (!item.text.empty()) {
      begin_event(out, "response.reasoning_summary_text.done", item);
      text_member(out, R"(,"summary_index":0,"text":)", item.text);
      end_event(out);
      begin_event(out, "response.reasoning_summary_part.done", item);
      out.append(R"(,"summary_index":0,"part":)");
      append_summary_part(out, item.text);
      end_event(out);
    }
    append_reasoning_item(item.whole, item.id, item.text, item.sealed);
  }

  // --- calls ---

  void call_begin(std::string& out, const chat::Delta& delta) {
    Item& item = add(out, ItemKind::call, "fc");
    item.tool_index = delta.tool_index;
    item.call_id = delta.tool_id;
    item.name = delta.tool_name;
    std::string json;
    append_call_item(json, item.id, "in_progress", {}, item.call_id, item.name);
    tell_added(out, item, json);
  }

  void call_arguments(std::string& out, std::uint32_t tool_index, std::string_view piece) {
    if (piece.empty()) return;
    for (std::size_t i = items_.size(); i-- > 0;) {
      Item& item = items_[i];
      if (item.kind != ItemKind::call || item.tool_index != tool_index) continue;
      if (item.open) tell_arguments(out, item, piece);
      return;
    }
  }

  void tell_arguments(std::string& out, Item& item, std::string_view piece) {
    keep(item.text, piece);
    begin_event(out, "response.function_call_arguments.delta", item);
    text_member(out, R"(,"delta":)", piece);
    end_event(out);
  }

  // A call that takes nothing must not leave "" behind; one that was cut short must not look whole.
  void close_call(std::string& out, Item& item) {
    if (item.text.empty() && !cut_) tell_arguments(out, item, "{}");
    begin_event(out, "response.function_call_arguments.done", item);
    text_member(out, R"(,"arguments":)", item.text);
    end_event(out);
    const bool last_item = item.index + 1 == items_.size();
    const bool incomplete = cut_ && (last_item || !json::valid(item.text));
    append_call_item(item.whole, item.id, incomplete ? "incomplete" : "completed", item.text, item.call_id,
                     item.name);
  }

  Frame frame_;
  std::int64_t sequence_number_ = 0;
  bool begun_ = false;
  bool cut_ = false;         // at the end: the answer ended before the model did
  std::vector<Item> items_;  // by output_index
  std::size_t kept_bytes_ = 0;
};

}  // namespace

std::unique_ptr<StreamWriter> make_stream_writer(const AnswerContext& context) {
  return std::make_unique<EventWriter>(context);
}

}  // namespace ai_proxy::dialects::openai_responses
