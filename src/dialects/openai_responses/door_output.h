// The output of a streamed Responses answer: its items, each opened, told piece by piece, and closed with its
// whole. Runs once per token.
//
// Thoughts and messages are open one at a time. Calls may overlap, as some providers write them piece by
// piece in turn: a call is closed when its arguments are whole and the next item has begun, else at the end.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <string>
#include <string_view>
#include <vector>

#include "chat/reply.h"
#include "dialects/object_scan.h"
#include "dialects/openai_responses/door_answer.h"

namespace ai_proxy::dialects::openai_responses {

// The stream's events, named and numbered.
class Events {
 public:
  // {"type":…,"sequence_number":… ; the members that follow begin with a comma.
  void begin(std::string& out, std::string_view type);
  static void end(std::string& out) { out.append("}\n\n"); }

 private:
  std::int64_t sequence_number_ = 0;
};

class Output {
 public:
  // Both live as long as this.
  Output(const Frame& frame, Events& events) : frame_(frame), events_(events) {}

  void text(std::string& out, std::string_view piece);
  void refusal(std::string& out, std::string_view piece);
  void annotation(std::string& out, std::string_view raw);
  void thinking(std::string& out, std::string_view piece);
  void signature(std::string& out, const chat::Delta& delta);
  void call_begin(std::string& out, const chat::Delta& delta);
  void call_arguments(std::string& out, std::uint32_t tool_index, std::string_view piece);
  // Closes what is open; an answer without any item gets an empty message. `cut`: it ended before the model
  // did.
  void close(std::string& out, bool cut);

  // The closed items, comma-separated.
  std::string closed() const;
  // What is kept of all that was said.
  std::size_t kept_bytes() const { return kept_bytes_; }

 private:
  enum class ItemKind : std::uint8_t { reasoning, message, call };
  enum class PartKind : std::uint8_t { none, text, refusal };

  struct Item {
    ItemKind kind = ItemKind::message;
    std::size_t index = 0;
    std::string place;  // ,"item_id":…,"output_index":…
    std::string id;
    bool kept = false;  // it is repeated at the end
    std::string text;   // of a thought, of the open part, or a call's arguments

    std::string sealed;  // reasoning: the signature so far

    PartKind part = PartKind::none;  // message: the open one
    std::size_t part_index = 0;
    std::string content;  // the closed parts
    std::string annotations;
    std::size_t annotation_count = 0;

    std::uint32_t tool_index = 0;  // call
    std::string call_id;
    std::string name;
    ObjectScan arguments;
  };

  void begin_event(std::string& out, std::string_view type, const Item& item);
  void begin_part_event(std::string& out, std::string_view type, const Item& item);
  bool reserve(std::size_t bytes);
  void keep(std::string& into, std::string_view piece);

  Item* last(ItemKind kind);
  Item& add(std::string& out, ItemKind kind, std::string_view prefix);
  void item_event(std::string& out, std::string_view type, const Item& item, std::string_view json);
  std::list<Item>::iterator close_item(std::string& out, std::list<Item>::iterator item);

  Item& open_part(std::string& out, PartKind part);
  void close_part(std::string& out, Item& item);
  void part_text(std::string& out, PartKind part, std::string_view piece);
  Item& open_reasoning(std::string& out);
  void close_reasoning(std::string& out, std::string& whole, const Item& item);
  void tell_arguments(std::string& out, Item& item, std::string_view piece);
  void close_call(std::string& out, std::string& whole, Item& item);

  const Frame& frame_;
  Events& events_;
  bool cut_ = false;
  std::list<Item> open_;            // in their order; all but the last are calls that are not whole
  std::vector<std::string> whole_;  // by output_index: the items that are kept, once closed
  std::size_t item_count_ = 0;
  std::size_t kept_bytes_ = 0;
};

}  // namespace ai_proxy::dialects::openai_responses
