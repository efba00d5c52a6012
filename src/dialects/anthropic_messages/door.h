// Anthropic's Messages API seen from the caller: what kAnthropicMessagesDoor (doors.h) is made of. Both API
// versions, 2023-06-01 and 2026-10-21, are read and answered the same. Source: SDK types of @anthropic-ai/sdk
// 1.12.0 (2026-11-20) and recorded traffic up to 2026-08.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/json_writer.h"
#include "dialects/door.h"

namespace ai_proxy::dialects::anthropic_messages {

// See dialects::Door for what each promises.
Result<Glance> glance(const json::Value& body);
Result<chat::Request> parse_request(const json::Value& body, chat::Warnings& warnings);
std::optional<std::string> pass_through(const json::Value& body, std::string_view wire_model,
                                        const Glance& glance);
std::string render_reply(const chat::Reply& reply, const AnswerContext& context);
std::unique_ptr<StreamWriter> make_stream_writer(const AnswerContext& context);
int error_status(const Error& error);
std::string render_error(const Error& error, std::string_view request_id);

// What whole answers and streams have in common.

// stop_reason and what goes with it.
struct Stop {
  std::string_view reason;    // end_turn, stop_sequence, max_tokens, tool_use, refusal, pause_turn
  std::string_view sequence;  // the matched one; empty = none
};
// `refused`: the model said no in words of its own (OpenAI's refusal), whatever reason it gave for ending.
Stop stop_of(chat::FinishReason effective, std::string_view matched_sequence, bool refused);
// stop_reason, stop_sequence and stop_details.
void write_stop(json::Writer& out, const Stop& stop, std::string_view refusal);
// The whole usage object; all 0 when nothing is known, because the SDKs count on numbers.
void write_usage(json::Writer& out, const std::optional<chat::Usage>& usage);
// "msg_…": the given id, else one made of the provider's.
std::string message_id(std::string_view given, std::string_view provider_id);
// {"type":…,"message":…}
void write_error_object(json::Writer& out, const Error& error);

// What a part is that the canonical answer could not hold.
enum class OpaqueKind : std::uint8_t {
  foreign,   // another dialect's: nothing to show here
  block,     // a content block of ours
  citation,  // belongs to a text block of ours
};
OpaqueKind opaque_kind_of(std::string_view raw);

}  // namespace ai_proxy::dialects::anthropic_messages
