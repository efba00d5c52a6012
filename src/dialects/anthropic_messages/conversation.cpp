// See conversation.h. Rules as recorded and as the API's errors state them: no empty or blank text, results
// right behind their calls, no trailing blanks in a prefill.
#include "dialects/anthropic_messages/conversation.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <variant>

#include "base/ascii.h"
#include "dialects/anthropic_messages/anthropic_messages.h"

namespace ai_proxy::dialects::anthropic_messages {
namespace {

using chat::Role;

bool is_system(Role role) {
  return role == Role::system || role == Role::developer;
}

// "claude-opus-4-8" after "opus-": 408; "fable-5": 500; a date behind is no minor version. nullopt: another
// family.
std::optional<int> version_of(std::string_view model, std::string_view family) {
  const std::size_t at = model.find(family);
  if (at == std::string_view::npos) return std::nullopt;
  std::string_view rest = model.substr(at + family.size());
  const auto number = [&]() -> std::optional<int> {
    std::size_t digits = 0;
    while (digits < rest.size() && rest[digits] >= '0' && rest[digits] <= '9') ++digits;
    if (digits == 0 || digits > 2) return std::nullopt;
    const auto value = parse_integer<int>(rest.substr(0, digits));
    rest.remove_prefix(std::min(rest.size(), digits + 1));
    return value;
  };
  const auto major = number();
  if (!major) return std::nullopt;
  return *major * 100 + number().value_or(0);
}

class Arranger {
 public:
  explicit Arranger(const Scope& scope)
      : scope_(scope), system_messages_(takes_system_messages(scope.model)) {}

  Result<Conversation> arrange() {
    const auto& messages = scope_.request.messages;
    for (std::size_t i = 0; i < messages.size(); ++i) {
      if (auto added = add(messages[i], i); !added) return std::unexpected(std::move(added.error()));
    }
    if (auto ended = check_end(); !ended) return std::unexpected(std::move(ended.error()));
    return std::move(conversation_);
  }

 private:
  Result<void> add(const chat::Message& message, std::size_t index) {
    if (!message.name.empty() && message.role != Role::tool) {
      scope_.leave_out(path_of(index).append(".name"), "Anthropic knows no names of participants");
    }
    const bool leading = is_system(message.role) && conversation_.turns.empty();
    bool late = false;
    std::size_t calls = 0;
    for (std::size_t i = 0; i < message.parts.size(); ++i) {
      const chat::Part& part = message.parts[i];
      Block block{.part = &part, .message = index, .index = i};
      if (std::holds_alternative<chat::ToolCallPart>(part.kind)) block.call_index = calls++;
      if (!travels(block)) continue;
      if (is_system(message.role) && !may_stand_in_system(part, leading)) {
        return std::unexpected(
            bad_request("Anthropic takes only text in system messages.", path_of(index, i)));
      }
      if (leading) {
        conversation_.system.push_back(block);
        continue;
      }
      late = late || is_system(message.role);
      place(message.role, block);
    }
    if (late && !system_messages_) {
      scope_.adapt(
          path_of(index),
          "this model takes system text only at the start; it stays in its place as marked user text");
    }
    return {};
  }

  bool may_stand_in_system(const chat::Part& part, bool leading) const {
    if (std::holds_alternative<chat::TextPart>(part.kind)) return true;
    return std::holds_alternative<chat::OpaquePart>(part.kind) && system_messages_ && !leading;
  }

  // False: it cannot be sent, or says nothing.
  bool travels(const Block& block) const {
    const std::string where = path_of(block.message, block.index);
    if (const auto* text = std::get_if<chat::TextPart>(&block.part->kind)) {
      if (!ascii_trim(text->text).empty()) return true;
      if (!text->text.empty()) scope_.leave_out(where, "Anthropic refuses text that is only blanks");
      return false;
    }
    if (const auto* refusal = std::get_if<chat::RefusalPart>(&block.part->kind))
      return !refusal->text.empty();
    if (const auto* opaque = std::get_if<chat::OpaquePart>(&block.part->kind)) {
      if (opaque->dialect == kName) return true;
      scope_.leave_out(where, "Anthropic does not know this kind of content");
      return false;
    }
    if (const auto* thinking = std::get_if<chat::ThinkingPart>(&block.part->kind)) {
      if (!thinking->signature.empty() || !thinking->redacted_data.empty()) return true;
      if (!thinking->text.empty())
        scope_.leave_out(where, "Anthropic takes back only thinking that it has signed");
      return false;
    }
    return true;
  }

  void place(Role role, Block block) {
    auto& turns = conversation_.turns;
    if (std::holds_alternative<chat::ToolResultPart>(block.part->kind)) {
      answering_turn().results.push_back(block);
      return;
    }
    Speaker speaker = role == Role::assistant ? Speaker::assistant : Speaker::user;
    if (is_system(role)) {
      if (system_messages_) {
        speaker = Speaker::system;
      } else {
        block.late_system = true;
      }
    }
    if (turns.empty() || turns.back().speaker != speaker)
      turns.push_back({.speaker = speaker, .results = {}, .blocks = {}});
    turns.back().blocks.push_back(block);
  }

  // Results belong into the user turn right behind the calls, whatever stands between them in the request.
  Turn& answering_turn() {
    auto& turns = conversation_.turns;
    std::size_t at = turns.size();
    while (at > 0 && turns[at - 1].speaker != Speaker::assistant) --at;
    if (at == turns.size() || turns[at].speaker != Speaker::user) {
      turns.insert(turns.begin() + static_cast<std::ptrdiff_t>(at),
                   {.speaker = Speaker::user, .results = {}, .blocks = {}});
    }
    return turns[at];
  }

  Result<void> check_end() {
    auto& turns = conversation_.turns;
    if (turns.empty()) {
      return std::unexpected(
          bad_request("Anthropic needs at least one user message with content.", "messages"));
    }
    if (turns.back().speaker != Speaker::assistant) return {};
    Block& last = turns.back().blocks.back();
    if (!scope_.traits.prefill) {
      return std::unexpected(
          bad_request("This model does not go on from a trailing assistant message. The "
                      "conversation must end with a user message.",
                      path_of(last.message)));
    }
    const auto* text = std::get_if<chat::TextPart>(&last.part->kind);
    if (text == nullptr || ascii_trim(text->text.substr(text->text.size() - 1)).size() == 1) return {};
    scope_.adapt(path_of(last.message),
                 "Anthropic refuses blanks at the end of a trailing assistant message; they "
                 "were left out");
    last.trim_end = true;
    return {};
  }

  const Scope& scope_;
  bool system_messages_;
  Conversation conversation_;
};

}  // namespace

bool takes_system_messages(std::string_view model) {
  return version_of(model, "opus-").value_or(0) >= 408 || version_of(model, "fable-").value_or(0) >= 500;
}

Result<Conversation> arrange(const Scope& scope) {
  return Arranger(scope).arrange();
}

}  // namespace ai_proxy::dialects::anthropic_messages
