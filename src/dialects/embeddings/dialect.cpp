// The rows of functions that are the two dialects and their doors. Errors are those of the chat dialects.
#include "dialects/chat_completions/door_request.h"
#include "dialects/chat_completions/stream_reader.h"
#include "dialects/chat_completions/usage.h"
#include "dialects/dialects.h"
#include "dialects/doors.h"
#include "dialects/embeddings/embeddings.h"
#include "dialects/mistral_chat/door_answer.h"
#include "dialects/mistral_chat/mistral_chat.h"
#include "dialects/openai_chat/door_answer.h"
#include "dialects/openai_chat/openai_chat.h"

namespace ai_proxy::dialects {
namespace embeddings {
namespace {

constexpr std::string_view kOpenAiName = "openai_embeddings";
constexpr std::string_view kMistralName = "mistral_embeddings";
constexpr std::string_view kPath = "/v1/embeddings";

Result<std::string> render_openai(const chat::Request& request, std::string_view wire_model,
                                  const chat::ModelTraits&, chat::Warnings& warnings) {
  return render_request(request, wire_model, kMistralShape, "OpenAI's", warnings);
}

Result<std::string> render_mistral(const chat::Request& request, std::string_view wire_model,
                                   const chat::ModelTraits&, chat::Warnings& warnings) {
  return render_request(request, wire_model, kOpenAiShape, "Mistral's", warnings);
}

Result<chat::Reply> parse_openai_reply(const json::Value& body) {
  return parse_reply(body, false);
}

Result<chat::Reply> parse_mistral_reply(const json::Value& body) {
  return parse_reply(body, true);
}

// Embeddings are never streamed, whatever the body says.
Result<Glance> glance(const json::Value& body) {
  Result<Glance> seen = chat_completions::glance(body);
  if (seen) seen->stream = false;
  return seen;
}

std::unique_ptr<StreamReader> make_stream_reader() {
  return std::make_unique<chat_completions::ChunkReader>(openai_chat::kFlavour);
}

std::optional<std::string> pass_through(const json::Value& body, std::string_view wire_model, const Glance&) {
  return chat_completions::pass_through(body, wire_model, false);
}

std::string render_reply(const chat::Reply& reply, const AnswerContext&) {
  return reply.opaque_parts.empty() ? std::string() : reply.opaque_parts.front();
}

}  // namespace
}  // namespace embeddings

constexpr Dialect kOpenAiEmbeddings{.name = embeddings::kOpenAiName,
                                    .path = embeddings::kPath,
                                    .render_request = embeddings::render_openai,
                                    .parse_reply = embeddings::parse_openai_reply,
                                    .make_stream_reader = embeddings::make_stream_reader,
                                    .parse_error = openai_chat::parse_error,
                                    .parse_usage = chat_completions::parse_openai_usage};

constexpr Dialect kMistralEmbeddings{.name = embeddings::kMistralName,
                                     .path = embeddings::kPath,
                                     .render_request = embeddings::render_mistral,
                                     .parse_reply = embeddings::parse_mistral_reply,
                                     .make_stream_reader = embeddings::make_stream_reader,
                                     .parse_error = mistral_chat::parse_error,
                                     .parse_usage = chat_completions::parse_mistral_usage};

constexpr Door kEmbeddingsDoor{.dialect = embeddings::kOpenAiName,
                               .glance = embeddings::glance,
                               .parse_request = embeddings::parse_request,
                               .pass_through = embeddings::pass_through,
                               .render_reply = embeddings::render_reply,
                               .make_stream_writer = openai_chat::make_stream_writer,
                               .error_status = openai_chat::error_status,
                               .render_error = openai_chat::render_error};

constexpr Door kMistralEmbeddingsDoor{.dialect = embeddings::kMistralName,
                                      .request_id_field = "mistral-correlation-id",
                                      .glance = embeddings::glance,
                                      .parse_request = embeddings::parse_request,
                                      .pass_through = embeddings::pass_through,
                                      .render_reply = embeddings::render_reply,
                                      .make_stream_writer = mistral_chat::make_stream_writer,
                                      .error_status = mistral_chat::error_status,
                                      .render_error = mistral_chat::render_error};

}  // namespace ai_proxy::dialects
