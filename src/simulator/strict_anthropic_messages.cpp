// What Anthropic refuses in `messages` and `system`: roles, empty texts, blocks, tool results out of place,
// thinking it did not sign.
#include <array>
#include <vector>

#include "simulator/strict.h"
#include "simulator/strict_anthropic.h"
#include "simulator/wire.h"

namespace ai_proxy::simulator {
namespace {

using std::string_view_literals::operator""sv;

constexpr std::array kImageTypes{"image/jpeg"sv, "image/png"sv, "image/gif"sv, "image/webp"sv};
constexpr std::array kServerBlocks =
    std::to_array<std::string_view>({"search_result", "server_tool_use", "container_upload", "compaction",
                                     "tool_reference", "mcp_tool_use", "tool_addition"});

struct BlockRule {
  std::string_view type;
  std::array<std::string_view, 7> members;
};
constexpr std::array kBlockRules = std::to_array<BlockRule>({
    {"text", {"text", "citations"}},
    {"image", {"source"}},
    {"document", {"source", "title", "context", "citations"}},
    {"tool_use", {"id", "name", "input", "caller"}},
    {"tool_result", {"tool_use_id", "content", "is_error"}},
    {"thinking", {"thinking", "signature"}},
    {"redacted_thinking", {"data"}},
});

bool is_blank(std::string_view text) {
  return text.find_first_not_of(" \t\r\n") == std::string_view::npos;
}

Verdict judge_text(std::string_view text, std::string_view where) {
  return text.empty() ? bad(std::string(where) + ": text content blocks must be non-empty") : std::nullopt;
}

// Blank texts are refused in a user's message only: an assistant's were accepted (recorded, between blocks).
Verdict judge_blank(const json::Value& message, std::string_view text) {
  if (!is_blank(text) || message["role"].string_or({}) != "user") return std::nullopt;
  return bad("messages: text content blocks must contain non-whitespace text");
}

Verdict judge_image(const json::Value& block, const std::string& path) {
  const json::Value source = block["source"];
  const std::string_view type = source["type"].string_or({});
  if (!source.is_object()) return bad(path + ".image.source: Field required");
  if (type == "url" || type == "file") return std::nullopt;
  if (type != "base64")
    return bad(path + ".image.source: Input tag '" + std::string(type) +
               "' found using 'type' does not match any of the expected tags: 'base64', 'file', 'url'");
  if (!is_one_of(source["media_type"].string_or({}), kImageTypes))
    return bad(path +
               ".image.source.base64.media_type: Input should be 'image/jpeg', 'image/png', 'image/gif' or "
               "'image/webp'");
  const std::string_view data = source["data"].string_or({});
  if (data.empty() || data.starts_with("data:"))
    return bad(path + ".image.source.base64: invalid base64 data");
  return std::nullopt;
}

Verdict judge_tool_use(const json::Value& block, const std::string& path) {
  const std::string_view id = block["id"].string_or({});
  if (!block["id"].present()) return bad(path + ".tool_use.id: Field required");
  if (id.empty() || !is_word(id))
    return bad(path + ".tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'");
  if (!block["name"].present()) return bad(path + ".tool_use.name: Field required");
  if (!is_tool_name(block["name"].string_or({})))
    return bad(path + ".tool_use.name: String should match pattern '^[a-zA-Z0-9_-]{1,128}$'");
  if (!block["input"].present()) return bad(path + ".tool_use.input: Field required");
  if (!block["input"].is_object()) return bad(path + ".tool_use.input: Input should be a valid dictionary");
  return std::nullopt;
}

Verdict judge_block(const json::Value& block, const std::string& path);

Verdict judge_tool_result(const json::Value& block, const std::string& path) {
  if (!block["tool_use_id"].is_string()) return bad(path + ".tool_result.tool_use_id: Field required");
  const json::Value content = block["content"];
  if (content.present() && !content.is_string() && !content.is_array())
    return bad(path + ".tool_result.content: Input should be a valid string");
  std::size_t i = 0;
  for (const json::Value part : content) {
    if (auto fault = judge_block(part, path + ".tool_result.content." + std::to_string(i++))) return fault;
  }
  return std::nullopt;
}

Verdict judge_thinking_block(const json::Value& block, const std::string& path) {
  if (!block["signature"].is_string()) return bad(path + ".thinking.signature: Field required");
  if (block["signature"].string_or({}) != signature_of(block["thinking"].string_or({})))
    return bad(path + ": Invalid `signature` in `thinking` block");
  return std::nullopt;
}

Verdict judge_block(const json::Value& block, const std::string& path) {
  const std::string_view type = block["type"].string_or({});
  if (is_one_of(type, kServerBlocks) || type.ends_with("_tool_result")) return std::nullopt;
  const auto rule = std::ranges::find(kBlockRules, type, &BlockRule::type);
  if (rule == kBlockRules.end())
    return bad(path + ": Input tag '" + std::string(type) +
               "' found using 'type' does not match any of the expected tags: 'document', 'image', "
               "'redacted_thinking', 'search_result', 'server_tool_use', 'text', 'thinking', 'tool_result', "
               "'tool_use', 'web_search_tool_result'");
  for (const json::Value member : block) {
    const std::string_view name = member.key();
    if (name != "type" && name != "cache_control" && !is_one_of(name, rule->members))
      return extra(path + "." + std::string(type) + "." + std::string(name));
  }
  if (type == "text") {
    if (!block["text"].is_string()) return bad(path + ".text.text: Field required");
    return judge_text(block["text"].string_or({}),
                      path.find("tool_result") == std::string::npos ? "messages" : path);
  }
  if (type == "image") return judge_image(block, path);
  if (type == "tool_use") return judge_tool_use(block, path);
  if (type == "tool_result") return judge_tool_result(block, path);
  return type == "thinking" ? judge_thinking_block(block, path) : std::nullopt;
}

// Consecutive messages of one role count as one turn.
struct Turn {
  std::string_view role;
  std::size_t index = 0;  // of its first message
  std::vector<json::Value> blocks;
};

std::vector<Turn> turns_of(const json::Value& messages) {
  std::vector<Turn> turns;
  std::size_t i = 0;
  for (const json::Value message : messages) {
    const std::string_view role = message["role"].string_or({});
    if (turns.empty() || turns.back().role != role) turns.push_back({.role = role, .index = i, .blocks = {}});
    ++i;
    if (message["content"].is_string()) turns.back().blocks.push_back(message["content"]);
    for (const json::Value block : message["content"]) turns.back().blocks.push_back(block);
  }
  return turns;
}

bool is_type(const json::Value& block, std::string_view type) {
  return block["type"].string_or({}) == type;
}

// The results that open a user turn.
std::vector<std::string_view> leading_results(const Turn& turn) {
  std::vector<std::string_view> ids;
  for (const json::Value& block : turn.blocks) {
    if (!is_type(block, "tool_result")) break;
    ids.push_back(block["tool_use_id"].string_or({}));
  }
  return ids;
}

std::vector<std::string_view> calls_of(const Turn& turn) {
  std::vector<std::string_view> ids;
  for (const json::Value& block : turn.blocks) {
    if (is_type(block, "tool_use")) ids.push_back(block["id"].string_or({}));
  }
  return ids;
}

Verdict judge_results(const Turn& turn, const std::vector<std::string_view>& calls) {
  std::size_t i = 0;
  for (const json::Value& block : turn.blocks) {
    const std::string_view id = block["tool_use_id"].string_or({});
    if (is_type(block, "tool_result") && std::ranges::find(calls, id) == calls.end())
      return bad(
          "messages." + std::to_string(turn.index) + ".content." + std::to_string(i) +
          ": unexpected `tool_use_id` found in `tool_result` blocks: " + std::string(id) +
          ". Each `tool_result` block must have a corresponding `tool_use` block in the previous message.");
    ++i;
  }
  return std::nullopt;
}

Verdict judge_pairs(const std::vector<Turn>& turns) {
  for (std::size_t i = 0; i < turns.size(); ++i) {
    const auto before = i > 0 ? calls_of(turns[i - 1]) : std::vector<std::string_view>();
    if (auto fault = judge_results(turns[i], before)) return fault;
    const auto results =
        i + 1 < turns.size() ? leading_results(turns[i + 1]) : std::vector<std::string_view>();
    std::string missing;
    for (const std::string_view id : calls_of(turns[i])) {
      if (std::ranges::find(results, id) == results.end())
        missing.append(missing.empty() ? "" : ", ").append(id);
    }
    if (!missing.empty())
      return bad(
          "messages." + std::to_string(turns[i].index) +
          ": `tool_use` ids were found without `tool_result` blocks immediately after: " + missing +
          ". Each `tool_use` block must have a corresponding `tool_result` block in the next message.");
  }
  return std::nullopt;
}

// With a thinking budget, the assistant's turn of a running tool loop starts with its thinking.
Verdict judge_loop(const json::Value& body, const std::vector<Turn>& turns) {
  if (body["thinking"]["type"].string_or({}) != "enabled" || turns.size() < 2) return std::nullopt;
  const Turn& called = turns[turns.size() - 2];
  if (leading_results(turns.back()).empty() || called.role != "assistant" || called.blocks.empty())
    return std::nullopt;
  const json::Value& first = called.blocks.front();
  if (is_type(first, "thinking") || is_type(first, "redacted_thinking")) return std::nullopt;
  return bad("messages." + std::to_string(called.index) +
             ".content.0.type: Expected `thinking` or `redacted_thinking`, but found `" +
             std::string(first["type"].string_or("text")) +
             "`. When `thinking` is enabled, a final `assistant` message must start with a thinking block "
             "(preceeding the lastmost set of `tool_use` and `tool_result` blocks). We recommend you include "
             "thinking "
             "blocks from previous turns. To avoid this requirement, disable `thinking`.");
}

Verdict judge_role(const json::Value& message, std::string_view model) {
  const std::string_view role = message["role"].string_or({});
  if (role == "user" || role == "assistant") return std::nullopt;
  if (role == "system" && (model.starts_with("claude-opus-4-8") || model.starts_with("claude-fable-5")))
    return std::nullopt;
  if (role == "system")
    return bad(
        "messages: Unexpected role \"system\". The Messages API accepts a top-level `system` parameter, not "
        "\"system\" as an input message role.");
  return bad("messages: Unexpected role \"" + std::string(role) +
             "\". Allowed roles are \"user\" or \"assistant\"");
}

Verdict judge_message(const json::Value& message, std::size_t index, bool last) {
  const std::string path = "messages." + std::to_string(index);
  const json::Value content = message["content"];
  for (const json::Value member : message) {
    if (member.key() != "role" && member.key() != "content")
      return extra(path + "." + std::string(member.key()));
  }
  if (!content.present()) return bad(path + ".content: Field required");
  if (!content.is_string() && !content.is_array())
    return bad(path + ".content: Input should be a valid string");
  const bool prefill = last && message["role"].string_or({}) == "assistant";
  const std::string_view text = content.string_or({});
  if (content.is_string() ? text.empty() : content.empty()) {
    if (prefill) return std::nullopt;
    return bad(path +
               ": all messages must have non-empty content except for the optional final assistant message");
  }
  if (content.is_string()) {
    if (prefill && is_blank(text.substr(text.size() - 1)))
      return bad("messages: final assistant content cannot end with trailing whitespace");
    return judge_blank(message, text);
  }
  std::size_t i = 0;
  for (const json::Value block : content) {
    if (auto fault = judge_block(block, path + ".content." + std::to_string(i++))) return fault;
    if (!block["text"].is_string()) continue;
    if (auto fault = judge_blank(message, block["text"].string_or({}))) return fault;
  }
  return std::nullopt;
}

}  // namespace

// A first message of the assistant's is not refused, whatever documents say (recorded: 3 on haiku-4-5).
std::optional<Refusal> judge_anthropic_messages(const json::Value& body) {
  const json::Value messages = body["messages"];
  if (messages.empty()) return bad("messages: at least one message is required");
  std::size_t i = 0;
  for (const json::Value message : messages) {
    if (auto fault = judge_role(message, body["model"].string_or({}))) return fault;
    if (auto fault = judge_message(message, i, i + 1 == messages.size())) return fault;
    ++i;
  }
  for (const json::Value block : body["system"]) {
    if (auto fault = judge_text(block["text"].string_or({}), "system")) return fault;
  }
  const std::vector<Turn> turns = turns_of(messages);
  if (auto fault = judge_pairs(turns)) return fault;
  return judge_loop(body, turns);
}

}  // namespace ai_proxy::simulator
