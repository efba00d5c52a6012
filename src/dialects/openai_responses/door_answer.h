// The pieces of a Responses answer that a whole one and a stream share. Source: openai SDK 7.57.0 types
// (November 2026), recorded traffic. Provider text is not trusted to be UTF-8: everything goes through
// native::append_json_string.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dialects/door.h"

namespace ai_proxy::dialects::openai_responses {

// The Response object around its output. Holds copies: the caller's body need not outlive it.
class Frame {
 public:
  enum class Status : std::uint8_t { in_progress, completed, incomplete, failed };

  struct Outcome {
    Status status = Status::in_progress;
    std::string_view incomplete_reason;  // of incomplete: max_output_tokens, content_filter
    std::string_view error;              // of failed: raw JSON
    const chat::Usage* usage = nullptr;
    std::string_view service_tier;  // empty: as asked
  };

  // `provider_id`: what the id is made of where the context names none.
  Frame(const AnswerContext& context, std::string_view provider_id);

  // "rs" + … : the id of the item at this place.
  std::string item_id(std::string_view prefix, std::size_t output_index) const;
  // `output`: the items, comma-separated.
  void append(std::string& out, std::string_view output, const Outcome& outcome) const;

 private:
  std::string id_;
  std::string begin_;   // {"id":…,"object":…,"created_at":…
  std::string asked_;   // between the details of the outcome and the output
  std::string middle_;  // between the output and the tier
  std::string tail_;    // between the tier and the usage
  std::string user_;    // after the usage
  std::string tier_;    // as asked; empty = not said
};

// What the finish reason makes of the whole: completed, or incomplete with its reason.
Frame::Outcome outcome_of(chat::FinishReason reason, const std::optional<chat::Usage>& usage);

// --- items; each appends one JSON object ---

// `sealed`: the encrypted_content; empty = none.
void append_reasoning_item(std::string& out, std::string_view id, std::string_view text,
                           std::string_view sealed);
// `content`: the parts, comma-separated.
void append_message_item(std::string& out, std::string_view id, std::string_view status,
                         std::string_view content);
void append_call_item(std::string& out, std::string_view id, std::string_view status,
                      std::string_view arguments, std::string_view call_id, std::string_view name);

// `annotations`: comma-separated.
void append_text_part(std::string& out, std::string_view text, std::string_view annotations);
void append_refusal_part(std::string& out, std::string_view refusal);
void append_summary_part(std::string& out, std::string_view text);

// A web citation in OpenAI's chat form or in this one, flat on one line; nullopt: it is none.
std::optional<std::string> annotation_of(std::string_view raw);

// --- the door ---

std::string render_reply(const chat::Reply& reply, const AnswerContext& context);
std::unique_ptr<StreamWriter> make_stream_writer(const AnswerContext& context);

}  // namespace ai_proxy::dialects::openai_responses
