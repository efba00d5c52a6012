// What Mistral refuses in `messages`: members it does not know, roles out of order, tool-call ids of others.
#include <array>
#include <vector>

#include "simulator/strict.h"
#include "simulator/strict_mistral.h"

namespace ai_proxy::simulator {
namespace {

using std::string_view_literals::operator""sv;

struct RoleRule {
  std::string_view role;
  std::array<std::string_view, 5> members;
};
constexpr std::array kRoles = std::to_array<RoleRule>({
    {"system", {"role", "content"}},
    {"user", {"role", "content"}},
    {"assistant", {"role", "content", "tool_calls", "prefix"}},
    {"tool", {"role", "content", "name", "tool_call_id"}},
});
constexpr std::array kChunks{"text"sv,        "image_url"sv, "document_url"sv, "file"sv,
                             "input_audio"sv, "reference"sv, "thinking"sv};

std::string location(std::size_t index, std::string_view role, std::string_view member) {
  return "[\"body\",\"messages\"," + std::to_string(index) + ",\"" + std::string(role) + "\",\"" +
         std::string(member) + "\"]";
}

Verdict order(std::string_view message) {
  return mistral_refusal(400, "invalid_request_message_order", message, "3230");
}

bool is_own_id(std::string_view id) {
  return id.size() == 9 && std::ranges::all_of(id, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
         });
}

Verdict judge_id(std::string_view id) {
  if (is_own_id(id)) return std::nullopt;
  return mistral_refusal(
      400, "invalid_function_call",
      "Tool call id was " + std::string(id) + " but must be a-z, A-Z, 0-9, with a length of 9.", "3280");
}

Verdict judge_content(const json::Value& message, std::size_t index, std::string_view role) {
  const json::Value content = message["content"];
  if (role == "assistant") {
    if (!content.has_value() && message["tool_calls"].empty())
      return mistral_refusal(400, "invalid_request_error",
                             "Assistant message must have either content or tool_calls, but not none.",
                             "3240");
  } else if (!content.present()) {
    return missing_at(location(index, role, "content"), message);
  }
  for (const json::Value chunk : content) {
    const std::string_view type = chunk["type"].string_or({});
    if (!is_one_of(type, kChunks))
      return mistral_invalid(
          "union_tag_invalid", location(index, role, "content"),
          "Input tag '" + std::string(type) + "' found using 'type' does not match any of the expected tags",
          chunk.raw());
    if (type == "image_url") {
      const std::string_view url =
          chunk["image_url"].string().value_or(chunk["image_url"]["url"].string_or({}));
      if (!url.starts_with("http") && !url.starts_with("data:image/"))
        return mistral_refusal(400, "invalid_request_file", "Image could not be loaded.", "3310");
    }
  }
  return std::nullopt;
}

// May this role follow that one? `user` after `tool` was refused until early 2026; recordings of August show
// it accepted by two families.
bool may_follow(std::string_view before, std::string_view role, std::string_view model) {
  if (role == "tool") return before == "assistant" || before == "tool";
  if (before != "tool") return true;
  const bool newer = model.starts_with("mistral-small") || model.starts_with("ministral-");
  return role == "assistant" || (role == "user" && newer);
}

class Pairing {
 public:
  Verdict see(const json::Value& message) {
    const std::string_view role = message["role"].string_or({});
    if (role == "tool") {
      const std::string_view id = message["tool_call_id"].string_or({});
      if (auto fault = judge_id(id)) return fault;
      if (std::erase(waiting_, id) > 0) return std::nullopt;
      return order("Unexpected tool call id " + std::string(id) + " in tool results");
    }
    if (auto fault = end()) return fault;
    for (const json::Value call : message["tool_calls"]) {
      if (auto fault = judge_id(call["id"].string_or({}))) return fault;
      if (auto fault = judge_mistral_function_name(call["function"]["name"].string_or({}))) return fault;
      waiting_.push_back(call["id"].string_or({}));
    }
    return std::nullopt;
  }

  Verdict end() const {
    return waiting_.empty() ? std::nullopt : order("Not the same number of function calls and responses");
  }

 private:
  std::vector<std::string_view> waiting_;
};

}  // namespace

std::optional<Refusal> judge_mistral_messages(const json::Value& body) {
  const json::Value messages = body["messages"];
  if (messages.empty()) return order("Conversation must have at least one message");
  Pairing pairing;
  std::string_view before;
  std::size_t i = 0;
  for (const json::Value message : messages) {
    const std::string_view role = message["role"].string_or({});
    const auto rule = std::ranges::find(kRoles, role, &RoleRule::role);
    if (rule == kRoles.end())
      return mistral_invalid("union_tag_invalid", "[\"body\",\"messages\"," + std::to_string(i) + "]",
                             "Input tag '" + std::string(role) +
                                 "' found using 'role' does not match any of the expected tags: 'assistant', "
                                 "'system', 'tool', 'user'",
                             message.raw());
    for (const json::Value member : message) {
      if (!is_one_of(member.key(), rule->members)) return extra_at(location(i, role, member.key()), member);
    }
    if (auto fault = judge_content(message, i, role)) return fault;
    if (!may_follow(before, role, body["model"].string_or({})))
      return order("Unexpected role '" + std::string(role) + "' after role '" + std::string(before) + "'");
    if (auto fault = pairing.see(message)) return fault;
    before = role;
    ++i;
  }
  if (auto fault = pairing.end()) return fault;
  const json::Value last = messages[messages.size() - 1];
  if (before == "user" || before == "tool" || (before == "assistant" && last["prefix"].boolean_or(false)))
    return std::nullopt;
  return order("Expected last role User or Tool (or Assistant with prefix True) for serving but got " +
               std::string(before));
}

}  // namespace ai_proxy::simulator
