// What OpenAI's and Mistral's chat completions have in common on the way back: one reply shape (Mistral's
// content may be an array of chunks), one set of words. Source: recorded traffic of both; OpenAI and Mistral
// API references.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "dialects/dialect.h"

namespace ai_proxy::dialects::chat_completions {

// Where the two differ.
struct Flavour {
  std::optional<chat::Usage> (*parse_usage)(const json::Value& usage);
  // An error object (or the whole body around it) that came with this head.
  Error (*parse_error_body)(const ReplyHead& head, const json::Value& body);
};

// unknown for a word we do not know; "error" is no finish reason, see says_failed.
chat::FinishReason finish_reason_of(std::string_view word);
// Mistral (and relays) end a failed answer with finish_reason "error".
inline bool says_failed(std::string_view word) {
  return word == "error";
}

// Does this body or chunk carry an error in place of (or beside) choices?
bool holds_error(const json::Value& body);

// The reason of a choice: finish_reason, or finish_details.type of the retired vision preview. Empty = none
// yet.
std::string_view finish_word_of(const json::Value& choice);

// The choice with index 0 (or none given); absent when there is none.
json::Value first_choice(const json::Value& choices);

// Usage of a reply or chunk, with the service tier that OpenAI puts beside it.
std::optional<chat::Usage> usage_of(const json::Value& body, const Flavour& flavour);

// The id for a call whose provider gave none: unique within the conversation, the same each time.
std::string minted_call_id(std::string_view reply_id, std::size_t call_index);

Result<chat::Reply> parse_reply(const json::Value& body, const Flavour& flavour);

}  // namespace ai_proxy::dialects::chat_completions
