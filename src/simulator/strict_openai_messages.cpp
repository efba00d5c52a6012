// What OpenAI's chat refuses in `messages`: roles, contents, and the order of tool calls and their results.
#include <array>
#include <vector>

#include "simulator/strict.h"
#include "simulator/strict_openai.h"

namespace ai_proxy::simulator {
namespace {

using std::string_view_literals::operator""sv;

constexpr std::array kRoles{"system"sv, "assistant"sv, "user"sv, "function"sv, "tool"sv, "developer"sv};
constexpr std::array kParts{"text"sv, "image_url"sv, "input_audio"sv, "refusal"sv, "audio"sv, "file"sv};
// The last two stand in answers that clients send back as they are.
constexpr std::array kMembers{"role"sv,    "content"sv, "name"sv,          "tool_calls"sv,  "tool_call_id"sv,
                              "refusal"sv, "audio"sv,   "function_call"sv, "annotations"sv, "parsed"sv};

Verdict judge_image(const json::Value& image, const std::string& path) {
  const std::string_view url = image["url"].string_or({});
  if (!image.is_object() || !image["url"].is_string())
    return invalid("Invalid type for '" + path + ".image_url': expected an object, but got a string instead.",
                   path + ".image_url", "invalid_type");
  if (url.starts_with("https://") || url.starts_with("http://")) return std::nullopt;
  for (const std::string_view type : {"png", "jpeg", "jpg", "gif", "webp"}) {
    const std::string start = "data:image/" + std::string(type) + ";base64,";
    if (url.starts_with(start) && url.size() > start.size()) return std::nullopt;
  }
  if (url.starts_with("data:"))
    return invalid(
        "You uploaded an unsupported image. Please make sure your image has of one the following formats: "
        "['png', 'jpeg', 'gif', 'webp'].",
        {}, "invalid_image_format");
  return invalid("Invalid image URL: '" + path + ".image_url.url'. Expected a valid URL.",
                 path + ".image_url.url", "invalid_value");
}

Verdict judge_content(const json::Value& message, const std::string& path) {
  const json::Value content = message["content"];
  const bool assistant = message["role"].string_or({}) == "assistant";
  const bool calls = message["tool_calls"].has_value() || message["function_call"].has_value();
  if (!content.has_value()) {
    if (assistant && (calls || message["refusal"].has_value() || message["audio"].has_value()))
      return std::nullopt;
    return invalid("Invalid value for 'content': expected a string, got null.", path + ".content", {});
  }
  if (content.is_string()) return std::nullopt;
  if (!content.is_array())
    return invalid("Invalid type for '" + path + ".content': expected one of a string or array of objects.",
                   path + ".content", "invalid_type");
  std::size_t i = 0;
  for (const json::Value part : content) {
    const std::string at = path + ".content[" + std::to_string(i++) + "]";
    const std::string_view type = part["type"].string_or({});
    if (!part["type"].present()) return missing(at + ".type");
    if (!is_one_of(type, kParts))
      return not_one_of(at + ".type", part["type"],
                        "'text', 'image_url', 'input_audio', 'refusal', 'audio', and 'file'");
    if (type == "text" && !part["text"].is_string()) return missing(at + ".text");
    if (type == "image_url") {
      if (auto fault = judge_image(part["image_url"], at)) return fault;
    }
  }
  return std::nullopt;
}

Verdict judge_tool_calls(const json::Value& calls, const std::string& path) {
  if (calls.is_array() && calls.empty())
    return invalid("Invalid '" + path +
                       "': empty array. Expected an array with minimum length 1, but got an empty "
                       "array instead.",
                   path, "empty_array");
  std::size_t i = 0;
  for (const json::Value call : calls) {
    const std::string at = path + "[" + std::to_string(i++) + "]";
    if (!call["id"].is_string()) return missing(at + ".id");
    if (!call["type"].is_string()) return missing(at + ".type");
    if (const std::size_t length = call["id"].string_or({}).size(); length > 40)
      return invalid("Invalid '" + at +
                         ".id': string too long. Expected a string with maximum length 40, but got a "
                         "string with length " +
                         std::to_string(length) + " instead.",
                     at + ".id", "string_above_max_length");
    if (call["type"].string_or({}) != "function") continue;
    if (auto fault = judge_function_name(call["function"], at + ".function")) return fault;
    if (!call["function"]["arguments"].is_string())
      return invalid(
          "Invalid type for '" + at + ".function.arguments': expected a string, but got an object instead.",
          at + ".function.arguments", "invalid_type");
  }
  return std::nullopt;
}

// Which calls still wait for their results.
class Pairing {
 public:
  Verdict see(const json::Value& message, std::size_t index) {
    const std::string role_path = "messages.[" + std::to_string(index) + "].role";
    if (message["role"].string_or({}) == "tool") {
      const std::string_view id = message["tool_call_id"].string_or({});
      if (std::erase(waiting_, id) > 0) return std::nullopt;
      return invalid(
          "Invalid parameter: messages with role 'tool' must be a response to a preceeding message with "
          "'tool_calls'.",
          role_path, {});
    }
    if (auto fault = end(role_path)) return fault;
    for (const json::Value call : message["tool_calls"]) waiting_.push_back(call["id"].string_or({}));
    return std::nullopt;
  }

  Verdict end(std::string_view role_path) const {
    if (waiting_.empty()) return std::nullopt;
    std::string ids;
    for (const std::string_view id : waiting_) ids.append(ids.empty() ? "" : ", ").append(id);
    return invalid(
        "An assistant message with 'tool_calls' must be followed by tool messages responding to each "
        "'tool_call_id'. The following tool_call_ids did not have response messages: " +
            ids,
        role_path, {});
  }

 private:
  std::vector<std::string_view> waiting_;
};

}  // namespace

std::optional<Refusal> judge_openai_messages(const json::Value& messages) {
  if (!messages.has_value()) return missing("messages");
  if (messages.empty())
    return invalid(
        "Invalid 'messages': empty array. Expected an array with minimum length 1, but got an empty array "
        "instead.",
        "messages", "empty_array");
  Pairing pairing;
  std::size_t i = 0;
  for (const json::Value message : messages) {
    const std::string path = "messages[" + std::to_string(i) + "]";
    if (!message["role"].present()) return missing(path + ".role");
    if (!is_one_of(message["role"].string_or({}), kRoles))
      return not_one_of(path + ".role", message["role"],
                        "'system', 'assistant', 'user', 'function', 'tool', and 'developer'");
    for (const json::Value member : message) {
      if (!is_one_of(member.key(), kMembers)) {
        const std::string at = path + "." + std::string(member.key());
        return invalid("Unknown parameter: '" + at + "'.", at, "unknown_parameter");
      }
    }
    if (auto fault = judge_content(message, path)) return fault;
    if (auto fault = judge_tool_calls(message["tool_calls"], path + ".tool_calls")) return fault;
    if (auto fault = pairing.see(message, i)) return fault;
    ++i;
  }
  return pairing.end("messages.[" + std::to_string(i) + "].role");
}

}  // namespace ai_proxy::simulator
