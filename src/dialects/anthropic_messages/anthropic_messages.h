// Anthropic's Messages API, POST /v1/messages, anthropic-version 2023-06-01: the provider's side. Pure.
// Source: SDK types of @anthropic-ai/sdk 1.12.0 (2026-11-20) and recorded traffic up to 2026-08; where they
// differ the recording wins.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "dialects/dialect.h"

namespace ai_proxy::dialects::anthropic_messages {

inline constexpr std::string_view kName = "anthropic_messages";

// See dialects::Dialect for what each promises.
Result<std::string> render_request(const chat::Request& request, std::string_view wire_model,
                                   const chat::ModelTraits& traits, chat::Warnings& warnings);
std::string request_fields(const chat::Request& request, std::string_view configured);  // beta.cpp
Result<chat::Reply> parse_reply(const json::Value& body);
std::unique_ptr<StreamReader> make_stream_reader();
Error parse_error(const ReplyHead& head, std::string_view body);
std::optional<chat::Usage> parse_usage(const json::Value& usage);

// The same for an error that stands in a parsed answer or stream event.
Error error_of(const ReplyHead& head, const json::Value& root);

// stop_reason in our words; unknown for a word of tomorrow.
chat::FinishReason finish_reason_of(std::string_view stop_reason);

}  // namespace ai_proxy::dialects::anthropic_messages
