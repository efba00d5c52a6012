// See order.h. Mistral answers "Unexpected role 'system' after role 'tool'", "Unexpected role 'user' after
// role 'tool'" (some models, until 2026), "Not the same number of function calls and responses" and "Expected
// last role User or Tool": each is a 400.
#include "dialects/mistral_chat/order.h"

#include <algorithm>
#include <string>
#include <unordered_map>
#include <utility>
#include <variant>

namespace ai_proxy::dialects::mistral_chat {
namespace {

using chat_completions::message_path;
using chat_completions::Parts;
using chat_completions::Pen;
using Kind = Turn::Kind;

bool is_empty_text(const chat::Part& part) {
  const auto* text = std::get_if<chat::TextPart>(&part.kind);
  return text != nullptr && text->text.empty();
}

bool says_nothing(const Parts& parts) {
  return std::ranges::all_of(parts, [](const chat::Part* part) { return is_empty_text(*part); });
}

bool is_system(chat::Role role) {
  return role == chat::Role::system || role == chat::Role::developer;
}

Turn turn_of(Kind kind, std::size_t message) {
  Turn turn;
  turn.kind = kind;
  turn.message = message;
  return turn;
}

class Arranger {
 public:
  explicit Arranger(Pen& pen) : pen_(pen) {
    const auto& messages = pen.request.messages;
    const auto last =
        std::ranges::find_if_not(messages.rbegin(), messages.rend(), is_system, &chat::Message::role);
    system_tail_ = static_cast<std::size_t>(messages.rend() - last);
  }

  Result<std::vector<Turn>> arrange() {
    const auto& messages = pen_.request.messages;
    for (std::size_t i = 0; i < messages.size(); ++i) {
      if (!messages[i].name.empty()) pen_.left_out(message_path(i, ".name"), "Mistral has no such member");
      if (auto added = add(messages[i], i); !added) return std::unexpected(std::move(added.error()));
    }
    if (slots_.empty()) {
      return std::unexpected(
          bad_request("Mistral needs at least one user message with content.", "messages"));
    }
    if (auto answered = check_answers(); !answered) return std::unexpected(std::move(answered.error()));
    return in_order();
  }

 private:
  // A turn, and the results of its calls wherever they stood.
  struct Slot {
    Turn turn;
    std::vector<Turn> results;
  };
  // Calls of one id that still wait for their results.
  struct Waiting {
    std::size_t slot = 0;
    std::size_t count = 0;
  };
  using WaitingCalls = std::unordered_map<std::string_view, Waiting>;

  Result<void> add(const chat::Message& message, std::size_t index) {
    switch (message.role) {
      case chat::Role::system:
      case chat::Role::developer:
        add_system(message, index);
        return {};
      case chat::Role::assistant:
        return add_assistant(message, index);
      case chat::Role::user:
      case chat::Role::tool:
        break;
    }
    return add_user_or_tool(message, index);
  }

  Parts sendable(const chat::Message& message, std::size_t index) {
    return chat_completions::sendable_parts(pen_, message.parts, message_path(index, ".content"));
  }

  void add_system(const chat::Message& message, std::size_t index) {
    Turn turn = turn_of(Kind::system, index);
    turn.parts = sendable(message, index);
    // Behind the model's own last words it is what the model shall answer, so it stays there.
    if (index >= system_tail_ && !slots_.empty() && slots_.back().turn.call_count == 0 &&
        (slots_.back().turn.kind == Kind::assistant || slots_.back().turn.message >= system_tail_)) {
      pen_.adapted(message_path(index),
                   "Mistral takes no system message at the end; it was sent as the user's.");
      turn.kind = Kind::user;
      slots_.push_back({std::move(turn), {}});
      return;
    }
    if (!slots_.empty())
      pen_.adapted("messages",
                   "Mistral takes system messages only at the start; later ones were moved there.");
    system_.push_back(std::move(turn));
  }

  Result<void> add_assistant(const chat::Message& message, std::size_t index) {
    Turn turn = turn_of(Kind::assistant, index);
    std::vector<std::string_view> ids;
    for (const chat::Part* part : sendable(message, index)) {
      const auto* thinking = std::get_if<chat::ThinkingPart>(&part->kind);
      if (const auto* call = std::get_if<chat::ToolCallPart>(&part->kind)) {
        ids.push_back(call->id);
      } else if (thinking != nullptr && thinking->text.empty()) {
        pen_.left_out("thinking", "Mistral takes no hidden thinking");
      } else if (!is_empty_text(*part)) {
        turn.parts.push_back(part);
      }
    }
    // "Assistant message must have either content or tool_calls."
    if (turn.parts.empty() && ids.empty()) {
      pen_.left_out(message_path(index), "Mistral takes no empty assistant message");
      return {};
    }
    turn.call_count = ids.size();
    for (const std::string_view id : ids) {
      Waiting& waiting = waiting_[id];
      // Some callers number the calls of each turn anew; an answer belongs to the latest.
      if (waiting.slot != slots_.size()) waiting = {.slot = slots_.size(), .count = 0};
      ++waiting.count;
    }
    slots_.push_back({std::move(turn), {}});
    return {};
  }

  Result<void> add_user_or_tool(const chat::Message& message, std::size_t index) {
    Turn rest = turn_of(Kind::user, index);
    bool has_results = false;
    for (const chat::Part* part : sendable(message, index)) {
      const auto* result = std::get_if<chat::ToolResultPart>(&part->kind);
      if (result == nullptr) {
        rest.parts.push_back(part);
        continue;
      }
      has_results = true;
      if (auto added = add_result(*result, index); !added) return added;
    }
    if (message.role == chat::Role::tool && !has_results) {
      return std::unexpected(
          bad_request("A tool message needs a tool_call_id.", message_path(index, ".tool_call_id")));
    }
    if (has_results && rest.parts.empty()) return {};
    slots_.push_back({std::move(rest), {}});
    return {};
  }

  Result<void> add_result(const chat::ToolResultPart& result, std::size_t index) {
    auto waiting = waiting_.find(result.tool_call_id);
    const bool known = waiting != waiting_.end();
    if (!known) waiting = only_waiting();
    if (waiting == waiting_.end() || waiting->second.count == 0) {
      const std::string_view why = known ? "Another result has answered this tool call already."
                                         : "There is no tool call before this result that has its id.";
      return std::unexpected(bad_request(std::string(why), message_path(index, ".tool_call_id")));
    }
    if (!known) {
      pen_.adapted(message_path(index, ".tool_call_id"),
                   "no tool call has this id; it was taken for the one that waits for a result.");
    }
    --waiting->second.count;
    Turn turn = turn_of(Kind::tool, index);
    turn.result = &result;
    turn.call_id = waiting->first;
    slots_[waiting->second.slot].results.push_back(std::move(turn));
    return {};
  }

  // The call of the model's last turn that waits, where there is no other: Anthropic takes any id for its
  // result (recorded).
  WaitingCalls::iterator only_waiting() {
    if (slots_.empty()) return waiting_.end();
    const Slot& slot = slots_.back();
    if (slot.results.size() + 1 != slot.turn.call_count) return waiting_.end();
    for (const chat::Part& part : pen_.request.messages[slot.turn.message].parts) {
      const auto* call = std::get_if<chat::ToolCallPart>(&part.kind);
      if (call == nullptr) continue;
      if (const auto at = waiting_.find(call->id); at->second.count > 0) return at;
    }
    return waiting_.end();
  }

  Result<void> check_answers() const {
    for (const Slot& slot : slots_) {
      if (slot.results.size() == slot.turn.call_count) continue;
      return std::unexpected(
          bad_request("Mistral needs one result for each tool call, and this message has calls without.",
                      message_path(slot.turn.message, ".tool_calls")));
    }
    return {};
  }

  std::vector<Turn> in_order() {
    std::vector<Turn> turns = std::move(system_);
    for (Slot& slot : slots_) {
      if (slot.turn.kind == Kind::user && !turns.empty() && turns.back().kind == Kind::tool) {
        if (says_nothing(slot.turn.parts)) {
          pen_.left_out(message_path(slot.turn.message), "an empty user message after a tool's says nothing");
          continue;
        }
        pen_.adapted("messages",
                     "Mistral takes no user message directly after a tool's; an assistant message \"OK\" was "
                     "put between them.");
        turns.push_back(turn_of(Kind::acknowledgement, slot.turn.message));
      }
      turns.push_back(std::move(slot.turn));
      std::ranges::move(slot.results, std::back_inserter(turns));
    }
    return turns;
  }

  Pen& pen_;
  std::size_t system_tail_ = 0;  // from here on there are system messages only
  std::vector<Turn> system_;
  std::vector<Slot> slots_;
  WaitingCalls waiting_;
};

}  // namespace

Result<std::vector<Turn>> arrange(Pen& pen) {
  return Arranger(pen).arrange();
}

}  // namespace ai_proxy::dialects::mistral_chat
