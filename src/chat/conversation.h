// The canonical conversation: what every dialect parses into and renders from. One shape for OpenAI,
// Anthropic, Mistral and our own API, wide enough that none of them loses anything it can express.
//
// A Request is made of views: into the json::Document it was parsed from, or into its own store (keep()).
// Whoever holds a Request holds both. What we do not interpret (schemas, tool arguments, metadata) stays raw
// JSON text.
#pragma once

#include <cstdint>
#include <forward_list>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <variant>
#include <vector>

namespace ai_proxy::chat {

enum class Role : std::uint8_t { system, developer, user, assistant, tool };

struct TextPart {
  std::string_view text;
};

// Either `url` (https) or `media_type` + `base64`.
struct ImagePart {
  std::string_view url;
  std::string_view media_type;  // image/png, image/jpeg, image/webp, image/gif
  std::string_view base64;
  std::string_view detail;  // OpenAI: low, high, auto; empty = not said
};

// A document: `url`, or `media_type` + `base64`, or `file_id` at the provider, or plain `text`.
struct DocumentPart {
  std::string_view url;
  std::string_view media_type;
  std::string_view base64;
  std::string_view file_id;
  std::string_view text;
  std::string_view name;
};

struct AudioPart {
  std::string_view format;  // wav, mp3
  std::string_view base64;
};

struct ToolCallPart {
  std::string_view id;
  std::string_view name;
  std::string_view arguments;  // JSON text as the model wrote it; "" means {}
};

struct Part;

struct ToolResultPart {
  std::string_view tool_call_id;
  std::vector<Part> content;
  bool is_error = false;
};

// Thinking is signed by the provider and must go back unchanged.
struct ThinkingPart {
  std::string_view text;
  std::string_view signature;
  std::string_view redacted_data;  // Anthropic's redacted_thinking; then text and signature are empty
};

struct RefusalPart {
  std::string_view text;
};

// A content part that only one dialect knows, kept whole for a provider that speaks it.
struct OpaquePart {
  std::string_view dialect;  // name of the dialect it came in
  std::string_view raw;      // JSON text
};

using PartKind = std::variant<TextPart, ImagePart, DocumentPart, AudioPart, ToolCallPart, ToolResultPart,
                              ThinkingPart, RefusalPart, OpaquePart>;

struct Part {
  PartKind kind;
  std::string_view cache_control;  // raw JSON of the marker ({"type":"ephemeral"}); empty = none
};

// One turn. Requires: ToolResultPart only in Role::tool (and may stand first in Role::user from an Anthropic
// caller); ToolCallPart, ThinkingPart, RefusalPart only in Role::assistant.
struct Message {
  Role role = Role::user;
  std::vector<Part> parts;
  std::string_view name;  // OpenAI's participant name; empty = none
  bool prefix = false;    // Mistral: the answer must go on from this assistant text
};

struct Tool {
  std::string_view name;
  std::string_view description;
  std::string_view parameters;  // raw JSON schema; empty = takes nothing
  std::optional<bool> strict;
  std::string_view cache_control;  // raw JSON; empty = none
  // A tool that is not a function (web_search …), kept whole; then the other members but name are empty.
  std::string_view raw;
};

enum class ToolChoiceMode : std::uint8_t { automatic, none, required, named };

struct ToolChoice {
  ToolChoiceMode mode = ToolChoiceMode::automatic;
  std::string_view name;  // named only
};

enum class ResponseFormatKind : std::uint8_t { text, json_object, json_schema };

struct ResponseFormat {
  ResponseFormatKind kind = ResponseFormatKind::text;
  std::string_view name;
  std::string_view description;
  std::string_view schema;  // raw JSON
  std::optional<bool> strict;
};

struct Sampling {
  // Numbers keep the caller's spelling (raw JSON) so that 0.7 stays 0.7; empty = not said.
  std::string_view temperature;
  std::string_view top_p;
  std::string_view top_k;
  std::string_view presence_penalty;
  std::string_view frequency_penalty;
  std::optional<std::int64_t> seed;
  std::vector<std::string_view> stop;
};

struct Reasoning {
  std::string_view effort;  // none, minimal, low, medium, high, xhigh, max; empty = not said
  std::optional<std::int64_t> budget_tokens;  // Anthropic: thinking.budget_tokens
};

using Names = std::unordered_set<std::string_view>;

struct Request {
  std::string_view model;  // as the caller wrote it
  std::vector<Message> messages;
  std::vector<Tool> tools;
  std::optional<ToolChoice> tool_choice;
  std::optional<bool> parallel_tool_calls;
  std::optional<std::int64_t> max_tokens;
  Sampling sampling;
  std::optional<ResponseFormat> response_format;
  Reasoning reasoning;
  std::string_view metadata;  // raw JSON object
  std::string_view user;      // end-user id
  std::string_view service_tier;
  bool stream = false;
  // Members this request carries that only its own dialect knows: raw JSON by name, in order.
  std::vector<std::pair<std::string_view, std::string_view>> extra;

  std::size_t source_bytes = 0;  // of the text it was read from; 0: not known
  // What it will take to write it, most of the time: memory that grows under a large text is copied, and held
  // twice.
  std::size_t bytes_to_write() const { return source_bytes + source_bytes / 8 + 256; }

  Names tool_names() const {
    Names names;
    for (const Tool& tool : tools) names.insert(tool.name);
    return names;
  }

  // Keeps a text that no document holds, for as long as the request lives.
  std::string_view keep(std::string text) { return store_.emplace_front(std::move(text)); }
  // The same for one that grows: a view of it is good until it does.
  std::string& keep_growing(std::string_view text) { return store_.emplace_front(text); }

  Request() = default;
  Request(Request&&) = default;  // a list's elements stay where they are when it is moved
  Request& operator=(Request&&) = default;
  Request(const Request&) = delete;

 private:
  std::forward_list<std::string> store_;  // most requests keep nothing
};

}  // namespace ai_proxy::chat
