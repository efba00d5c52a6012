// Embeddings, in OpenAI's and in Mistral's shape: nearly the same request, the same answer. Source: OpenAI
// API reference (openai SDK 7.57.0), Mistral API specification (November 2026), recorded traffic.
#pragma once

#include <string>
#include <string_view>

#include "dialects/dialect.h"
#include "dialects/door.h"

namespace ai_proxy::dialects::embeddings {

// The members besides model and input. What the other calls by another name has it in `elsewhere`.
struct Member {
  std::string_view name;
  std::string_view elsewhere;  // empty: the other has no such member
};
struct Shape {
  const Member* begin;
  const Member* end;
};
extern const Shape kOpenAiShape;
extern const Shape kMistralShape;

// Every member but the model, raw, in Request::extra.
Result<chat::Request> parse_request(const json::Value& body, chat::Warnings& warnings);
// For a provider of this shape, from a caller of the other.
Result<std::string> render_request(const chat::Request& request, std::string_view wire_model,
                                   const Shape& other, std::string_view provider, chat::Warnings& warnings);

// Reply::opaque_parts holds the answer's source text: there is nothing in it to translate.
Result<chat::Reply> parse_reply(const json::Value& body, bool mistral);

}  // namespace ai_proxy::dialects::embeddings
