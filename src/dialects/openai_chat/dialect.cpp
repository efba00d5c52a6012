// The row of functions that is the dialect.
#include "dialects/chat_completions/stream_reader.h"
#include "dialects/chat_completions/usage.h"
#include "dialects/dialects.h"
#include "dialects/openai_chat/openai_chat.h"

namespace ai_proxy::dialects {
namespace openai_chat {

constexpr chat_completions::Flavour kFlavour{.parse_usage = chat_completions::parse_openai_usage,
                                             .parse_error_body = parse_error_body};

namespace {

Result<chat::Reply> parse_reply(const json::Value& body) {
  return chat_completions::parse_reply(body, kFlavour);
}

std::unique_ptr<StreamReader> make_stream_reader() {
  return std::make_unique<chat_completions::ChunkReader>(kFlavour);
}

}  // namespace
}  // namespace openai_chat

constexpr Dialect kOpenAiChat{.name = "openai_chat",
                              .path = "/v1/chat/completions",
                              .tool_name_length_max = 64,
                              .render_request = openai_chat::render_request,
                              .parse_reply = openai_chat::parse_reply,
                              .make_stream_reader = openai_chat::make_stream_reader,
                              .parse_error = openai_chat::parse_error,
                              .parse_usage = chat_completions::parse_openai_usage};

}  // namespace ai_proxy::dialects
