#include "dialects/openai_responses/door_output.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/ascii.h"
#include "dialects/native/utf8.h"
#include "dialects/openai_responses/sealed.h"

namespace ai_proxy::dialects::openai_responses {
namespace {

using native::append_json_string;

// Above any model's answer. What comes after it is told, but no longer repeated at the end.
constexpr std::size_t kKeptBytesMax = 64UL * 1024 * 1024;
constexpr std::size_t kItemBytes = 256;  // what an item takes, whatever is in it
constexpr std::string_view kAdded = "response.output_item.added";

// `label`: ,"text":
void text_member(std::string& out, std::string_view label, std::string_view text) {
  out.append(label);
  append_json_string(out, text);
}

}  // namespace

void Events::begin(std::string& out, std::string_view type) {
  out.append("event: ").append(type).append("\ndata: {\"type\":\"").append(type);
  out.append(R"(","sequence_number":)");
  append_integer(out, sequence_number_++);
}

void Output::text(std::string& out, std::string_view piece) {
  part_text(out, PartKind::text, piece);
}

void Output::refusal(std::string& out, std::string_view piece) {
  part_text(out, PartKind::refusal, piece);
}

void Output::close(std::string& out, bool cut) {
  cut_ = cut;
  if (item_count_ == 0) open_part(out, PartKind::text);
  for (auto item = open_.begin(); item != open_.end();) item = close_item(out, item);
}

std::string Output::closed() const {
  std::string output;
  for (const std::string& item : whole_) {
    if (item.empty()) continue;
    if (!output.empty()) output.push_back(',');
    output.append(item);
  }
  return output;
}

void Output::begin_event(std::string& out, std::string_view type, const Item& item) {
  events_.begin(out, type);
  out.append(item.place);
}

// Of the message's open part.
void Output::begin_part_event(std::string& out, std::string_view type, const Item& item) {
  begin_event(out, type, item);
  out.append(R"(,"content_index":)");
  append_integer(out, item.part_index);
}

bool Output::reserve(std::size_t bytes) {
  const bool fits = bytes <= kKeptBytesMax - kept_bytes_;
  kept_bytes_ = fits ? kept_bytes_ + bytes : kKeptBytesMax;  // after a gap nothing may follow
  return fits;
}

void Output::keep(std::string& into, std::string_view piece) {
  if (reserve(piece.size())) into.append(piece);
}

// --- items ---

// The open message or thought at the end of the output; nullptr = there is none.
Output::Item* Output::last(ItemKind kind) {
  return !open_.empty() && open_.back().kind == kind ? &open_.back() : nullptr;
}

Output::Item& Output::add(std::string& out, ItemKind kind, std::string_view prefix) {
  if (!open_.empty() && (open_.back().kind != ItemKind::call || open_.back().arguments.whole()))
    close_item(out, std::prev(open_.end()));
  Item& item = open_.emplace_back();
  item.kind = kind;
  item.index = item_count_++;
  item.kept = reserve(kItemBytes);
  if (item.kept) whole_.emplace_back();
  item.id = frame_.item_id(prefix, item.index);
  text_member(item.place, R"(,"item_id":)", item.id);
  item.place.append(R"(,"output_index":)");
  append_integer(item.place, item.index);
  return item;
}

void Output::item_event(std::string& out, std::string_view type, const Item& item, std::string_view json) {
  events_.begin(out, type);
  out.append(R"(,"output_index":)");
  append_integer(out, item.index);
  out.append(R"(,"item":)").append(json);
  Events::end(out);
}

std::list<Output::Item>::iterator Output::close_item(std::string& out, std::list<Item>::iterator item) {
  std::string whole;
  switch (item->kind) {
    case ItemKind::reasoning:
      close_reasoning(out, whole, *item);
      break;
    case ItemKind::message:
      close_part(out, *item);
      append_message_item(whole, item->id, cut_ ? "incomplete" : "completed", item->content);
      break;
    case ItemKind::call:
      close_call(out, whole, *item);
      break;
  }
  item_event(out, "response.output_item.done", *item, whole);
  if (item->kept) whole_[item->index] = std::move(whole);
  return open_.erase(item);
}

// --- the message ---

Output::Item& Output::open_part(std::string& out, PartKind part) {
  Item* item = last(ItemKind::message);
  if (item != nullptr && item->part == part) return *item;
  if (item == nullptr) {
    item = &add(out, ItemKind::message, "msg");
    std::string json;
    append_message_item(json, item->id, "in_progress", {});
    item_event(out, kAdded, *item, json);
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
  Events::end(out);
  return *item;
}

void Output::close_part(std::string& out, Item& item) {
  if (item.part == PartKind::none) return;
  const bool is_text = item.part == PartKind::text;
  begin_part_event(out, is_text ? "response.output_text.done" : "response.refusal.done", item);
  text_member(out, is_text ? R"(,"text":)" : R"(,"refusal":)", item.text);
  if (is_text) out.append(R"(,"logprobs":[])");
  Events::end(out);

  std::string json;
  if (is_text) {
    append_text_part(json, item.text, item.annotations);
  } else {
    append_refusal_part(json, item.text);
  }
  begin_part_event(out, "response.content_part.done", item);
  out.append(R"(,"part":)").append(json);
  Events::end(out);
  if (reserve(json.size())) {
    if (!item.content.empty()) item.content.push_back(',');
    item.content.append(json);
  }
  item.text.clear();
  item.annotations.clear();
  item.annotation_count = 0;
  item.part = PartKind::none;
  ++item.part_index;
}

void Output::part_text(std::string& out, PartKind part, std::string_view piece) {
  if (piece.empty()) return;
  Item& item = open_part(out, part);
  keep(item.text, piece);
  const bool is_text = part == PartKind::text;
  begin_part_event(out, is_text ? "response.output_text.delta" : "response.refusal.delta", item);
  text_member(out, R"(,"delta":)", piece);
  if (is_text) out.append(R"(,"logprobs":[])");
  Events::end(out);
}

void Output::annotation(std::string& out, std::string_view raw) {
  const auto json = annotation_of(raw);
  if (!json) return;
  Item& item = open_part(out, PartKind::text);
  begin_part_event(out, "response.output_text.annotation.added", item);
  out.append(R"(,"annotation_index":)");
  append_integer(out, item.annotation_count++);
  out.append(R"(,"annotation":)").append(*json);
  Events::end(out);
  std::string kept = item.annotations.empty() ? *json : "," + *json;
  keep(item.annotations, kept);
}

// --- thoughts ---

Output::Item& Output::open_reasoning(std::string& out) {
  Item& item = add(out, ItemKind::reasoning, "rs");
  std::string json;
  append_reasoning_item(json, item.id, {}, {});
  item_event(out, kAdded, item, json);
  return item;
}

void Output::thinking(std::string& out, std::string_view piece) {
  if (piece.empty()) return;
  Item* item = last(ItemKind::reasoning);
  // What is signed is whole: this is another thought.
  if (item == nullptr || !item->sealed.empty()) item = &open_reasoning(out);
  if (item->text.empty()) {
    begin_event(out, "response.reasoning_summary_part.added", *item);
    out.append(R"(,"summary_index":0,"part":)");
    append_summary_part(out, {});
    Events::end(out);
  }
  keep(item->text, piece);
  begin_event(out, "response.reasoning_summary_text.delta", *item);
  text_member(out, R"(,"summary_index":0,"delta":)", piece);
  Events::end(out);
}

void Output::signature(std::string& out, const chat::Delta& delta) {
  if (delta.text.empty()) return;
  if (delta.redacted) {
    keep(open_reasoning(out).sealed, sealed_redacted(delta.text));
    close_item(out, std::prev(open_.end()));
    return;
  }
  Item* item = last(ItemKind::reasoning);
  if (item == nullptr) item = &open_reasoning(out);
  keep(item->sealed, item->sealed.empty() ? sealed_signature(delta.text) : std::string(delta.text));
}

void Output::close_reasoning(std::string& out, std::string& whole, const Item& item) {
  if (!item.text.empty()) {
    begin_event(out, "response.reasoning_summary_text.done", item);
    text_member(out, R"(,"summary_index":0,"text":)", item.text);
    Events::end(out);
    begin_event(out, "response.reasoning_summary_part.done", item);
    out.append(R"(,"summary_index":0,"part":)");
    append_summary_part(out, item.text);
    Events::end(out);
  }
  append_reasoning_item(whole, item.id, item.text, item.sealed);
}

// --- calls ---

void Output::call_begin(std::string& out, const chat::Delta& delta) {
  Item& item = add(out, ItemKind::call, "fc");
  reserve(delta.tool_id.size() + delta.tool_name.size());
  item.tool_index = delta.tool_index;
  item.call_id = delta.tool_id;
  item.name = delta.tool_name;
  std::string json;
  append_call_item(json, item.id, "in_progress", {}, item.call_id, item.name);
  item_event(out, kAdded, item, json);
}

void Output::call_arguments(std::string& out, std::uint32_t tool_index, std::string_view piece) {
  if (piece.empty()) return;
  const auto of_it = [tool_index](const Item& item) {
    return item.kind == ItemKind::call && item.tool_index == tool_index;
  };
  const auto found = std::ranges::find_if(open_, of_it);
  if (found == open_.end()) return;
  tell_arguments(out, *found, piece);
  const bool is_last = std::next(found) == open_.end();
  if (!is_last && found->arguments.whole()) close_item(out, found);
}

void Output::tell_arguments(std::string& out, Item& item, std::string_view piece) {
  keep(item.text, piece);
  item.arguments.feed(piece);
  begin_event(out, "response.function_call_arguments.delta", item);
  text_member(out, R"(,"delta":)", piece);
  Events::end(out);
}

// A call that takes nothing must not leave "" behind; one that was cut short must not look whole.
void Output::close_call(std::string& out, std::string& whole, Item& item) {
  if (item.text.empty() && !cut_) tell_arguments(out, item, "{}");
  begin_event(out, "response.function_call_arguments.done", item);
  text_member(out, R"(,"arguments":)", item.text);
  Events::end(out);
  const bool last_item = item.index + 1 == item_count_;
  const bool incomplete = cut_ && (last_item || !json::valid(item.text));
  append_call_item(whole, item.id, incomplete ? "incomplete" : "completed", item.text, item.call_id,
                   item.name);
}

}  // namespace ai_proxy::dialects::openai_responses
