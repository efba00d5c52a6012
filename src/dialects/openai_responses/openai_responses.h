// OpenAI's Responses API, provider side. Source: OpenAI API reference and openai SDK 7.57.0 (November 2026),
// 864 recorded exchanges.
#pragma once

#include <string>
#include <string_view>

#include "dialects/dialect.h"

namespace ai_proxy::dialects::openai_responses {

Result<std::string> render_request(const chat::Request& request, std::string_view wire_model,
                                   const chat::ModelTraits& traits, chat::Warnings& warnings);

Result<chat::Reply> parse_reply(const json::Value& body);
std::unique_ptr<StreamReader> make_stream_reader();

// --- reply.cpp, shared with the stream ---

// The reason that a response's status tells; `word`: status, or the reason why it is incomplete.
struct Ending {
  chat::FinishReason reason = chat::FinishReason::unknown;
  std::string_view word;
};
Ending ending_of(const json::Value& response, bool has_tool_calls);

// Usage, with the service tier that stands beside it.
std::optional<chat::Usage> usage_of(const json::Value& response);

// A response that failed or was cancelled.
bool says_failed(const json::Value& response);
Error failure_of(const json::Value& response);

// The texts of a reasoning item: its summary, or where there is none its content; paragraphs.
std::string reasoning_text(const json::Value& item);

// An annotation as a canonical opaque part: a web citation in the form that OpenAI's chat API gives it.
std::string opaque_annotation(const json::Value& annotation);

}  // namespace ai_proxy::dialects::openai_responses
