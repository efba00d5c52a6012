// Writing a chat completions request: what OpenAI's and Mistral's bodies have in common, member by member.
// The dialects decide which members there are and in what order; warnings are told along the way. Source:
// OpenAI API reference, Mistral API specification (November 2026).
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/json_writer.h"
#include "chat/conversation.h"
#include "chat/model_traits.h"
#include "chat/warnings.h"

namespace ai_proxy::dialects::chat_completions {

struct Pen {
  json::Writer out;
  const chat::Request& request;
  const chat::ModelTraits& traits;
  chat::Warnings& warnings;
  std::string_view provider;  // as warnings call it: OpenAI, or the name of one that speaks its dialect
  std::string_view dialect;   // whose opaque parts may be spliced: openai_chat

  // "OpenAI" + rest.
  std::string named(std::string_view rest) const;
  // "seed: <why>; it was left out."
  void left_out(std::string_view member, std::string_view why);
  // "temperature: <sentence>"
  void adapted(std::string_view member, std::string_view sentence);
};

// "messages[2]" + suffix.
std::string message_path(std::size_t index, std::string_view suffix = {});

// --- settings.cpp ---

// The effort to send; empty = none. The nearest word that the model takes, and "none" where tools demand it.
Result<std::string_view> effort_to_send(Pen& pen);
// May temperature and its kin be sent at this effort (empty = the model's default is in force)?
bool samplers_allowed(const chat::ModelTraits& traits, std::string_view effort);

// temperature (up to `temperature_max`), top_p, presence_penalty, frequency_penalty; top_k where it is known.
void write_samplers(Pen& pen, bool allowed, double temperature_max);
// The output limit under this name, capped at the model's.
void write_max_tokens(Pen& pen, std::string_view name);
// An error when there are more than `count_max`.
Result<void> write_stop(Pen& pen, std::size_t count_max);
void write_response_format(Pen& pen);
// What a model that knows no schemas must be told in words instead; nullopt = nothing.
std::optional<std::string> schema_instruction(const Pen& pen);

// --- tools.cpp ---

// tools, tool_choice and parallel_tool_calls. `required_word`: what the provider calls "at least one".
Result<void> write_tools(Pen& pen, std::string_view required_word);
// OpenAI's kind that takes free text in place of an object.
bool is_custom_tool(const chat::Tool& tool);
// `strict`, as far as it can be said of this schema: OpenAI refuses the promise for schemas that leave
// anything open, which Anthropic and Mistral do not. `member` is named in the warning.
std::optional<bool> strict_to_send(Pen& pen, std::optional<bool> strict, std::string_view schema,
                                   std::string_view member);
// The arguments of a call in the history: "" and null become {}, anything but a JSON object is an error.
Result<std::string_view> checked_arguments(const chat::ToolCallPart& call, std::size_t message_index,
                                           std::size_t call_index);
// The calls of an assistant message as "tool_calls"; nothing when there are none. `id_of` maps the ids.
Result<void> write_tool_calls(Pen& pen, const chat::Message& message, std::size_t message_index,
                              const std::function<std::string_view(std::string_view)>& id_of);

// --- call_id.cpp ---

class CallIds {
 public:
  explicit CallIds(std::size_t length_max) : length_max_(length_max) {}
  // The id itself, or, where it is too long, one of 37 characters made of it: the same for a call and its
  // result. Valid until the next one is asked for.
  std::string_view of(std::string_view id);

 private:
  std::size_t length_max_;
  std::string made_;
};

// --- content.cpp ---

using Parts = std::vector<const chat::Part*>;

std::string data_uri(std::string_view media_type, std::string_view base64);
void write_text_part(Pen& pen, std::string_view text);
// Those that content may hold here. The others are left out, and that was told of `path`.
Parts sendable_parts(Pen& pen, const std::vector<chat::Part>& parts, const std::string& path);

// How a document is written; an error when the provider cannot take this one.
using DocumentWriter = Result<void> (*)(Pen& pen, const chat::DocumentPart& document,
                                        const std::string& path);
// The value of "content": "" for nothing, a string for one text, else an array of parts.
Result<void> write_content(Pen& pen, const Parts& parts, const std::string& path,
                           DocumentWriter write_document);

}  // namespace ai_proxy::dialects::chat_completions
