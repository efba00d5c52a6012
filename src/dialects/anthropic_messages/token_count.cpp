// POST /v1/messages/count_tokens: passes through to Anthropic; for models of others the count is estimated,
// since no other provider counts on request.
#include "dialects/anthropic_messages/anthropic_messages.h"
#include "dialects/anthropic_messages/door.h"
#include "dialects/dialects.h"
#include "dialects/doors.h"

namespace ai_proxy::dialects {
namespace anthropic_messages {
namespace {

constexpr std::string_view kCountName = "anthropic_token_count";
// English text and code come to about four bytes a token in every current tokenizer.
constexpr std::int64_t kBytesPerToken = 4;
constexpr std::int64_t kTokensPerImage = 1600;  // Anthropic's figure for a large one
constexpr std::int64_t kTokensPerMessage = 4;

// Bytes of what a model would read; `tokens` takes what is not counted by its length.
std::int64_t readable_bytes(const json::Value& value, std::int64_t& tokens) {
  if (const auto text = value.string()) return static_cast<std::int64_t>(text->size());
  if (!value.is_array() && !value.is_object()) return static_cast<std::int64_t>(value.raw().size());
  if (value["type"].string() == "base64") {
    tokens += kTokensPerImage;
    return 0;
  }
  std::int64_t bytes = 0;
  for (const json::Value child : value) {
    bytes += readable_bytes(child, tokens);
    if (value.is_object()) bytes += static_cast<std::int64_t>(child.key().size());
  }
  return bytes;
}

Result<std::string> estimate(const json::Value& body, chat::Warnings& warnings) {
  if (!body["messages"].is_array())
    return std::unexpected(bad_request("messages: Field required", "messages"));
  std::int64_t tokens = kTokensPerMessage * static_cast<std::int64_t>(body["messages"].size());
  std::int64_t bytes = 0;
  for (const std::string_view name : {"system", "messages", "tools"}) {
    if (body[name].has_value()) bytes += readable_bytes(body[name], tokens);
  }
  tokens += (bytes + kBytesPerToken - 1) / kBytesPerToken;
  warnings.add("input_tokens: the provider of this model counts no tokens on request; this is an estimate.");
  return "{\"input_tokens\":" + std::to_string(tokens) + "}";
}

// A count is free: its usage is nothing, not unknown.
Result<chat::Reply> parse_count(const json::Value& body) {
  if (!body["input_tokens"].is_number())
    return std::unexpected(
        provider_failed(ErrorCode::provider_error, "The provider's answer holds no count."));
  chat::Reply reply;
  reply.finish_reason = chat::FinishReason::stop;
  reply.usage.emplace();
  return reply;
}

Result<Glance> glance_count(const json::Value& body) {
  Result<Glance> seen = glance(body);
  if (seen) seen->stream = false;
  return seen;
}

Result<chat::Request> no_conversation(const json::Value&, chat::Warnings&) {
  return std::unexpected(internal_error("A count of tokens is never translated."));
}

Result<std::string> no_request(const chat::Request&, std::string_view, const chat::ModelTraits&,
                               chat::Warnings&) {
  return std::unexpected(internal_error("A count of tokens is never translated."));
}

std::string no_reply(const chat::Reply&, const AnswerContext&) {
  return {};
}

}  // namespace
}  // namespace anthropic_messages

const Dialect kAnthropicTokenCount{.name = anthropic_messages::kCountName,
                                   .path = "/v1/messages/count_tokens",
                                   .render_request = anthropic_messages::no_request,
                                   .parse_reply = anthropic_messages::parse_count,
                                   .make_stream_reader = anthropic_messages::make_stream_reader,
                                   .parse_error = anthropic_messages::parse_error,
                                   .parse_usage = anthropic_messages::parse_usage};

const Door kAnthropicTokenCountDoor{.dialect = anthropic_messages::kCountName,
                                    .request_id_field = "request-id",
                                    .glance = anthropic_messages::glance_count,
                                    .parse_request = anthropic_messages::no_conversation,
                                    .pass_through = anthropic_messages::pass_through,
                                    .answer_alone = anthropic_messages::estimate,
                                    .render_reply = anthropic_messages::no_reply,
                                    .make_stream_writer = anthropic_messages::make_stream_writer,
                                    .error_status = anthropic_messages::error_status,
                                    .render_error = anthropic_messages::render_error};

}  // namespace ai_proxy::dialects
