// The row of functions that is the dialect.
#include "dialects/chat_completions/stream_reader.h"
#include "dialects/chat_completions/usage.h"
#include "dialects/dialects.h"
#include "dialects/mistral_chat/mistral_chat.h"

namespace ai_proxy::dialects {
namespace mistral_chat {

constexpr chat_completions::Flavour kFlavour{.parse_usage = chat_completions::parse_mistral_usage,
                                             .parse_error_body = parse_error_body};

namespace {

Result<chat::Reply> parse_reply(const json::Value& body) {
  return chat_completions::parse_reply(body, kFlavour);
}

std::unique_ptr<StreamReader> make_stream_reader() {
  return std::make_unique<chat_completions::ChunkReader>(kFlavour);
}

}  // namespace
}  // namespace mistral_chat

constexpr Dialect kMistralChat{.name = "mistral_chat",
                               .path = "/v1/chat/completions",
                               .tool_name_length_max = 64,
                               .render_request = mistral_chat::render_request,
                               .parse_reply = mistral_chat::parse_reply,
                               .make_stream_reader = mistral_chat::make_stream_reader,
                               .parse_error = mistral_chat::parse_error,
                               .parse_usage = chat_completions::parse_mistral_usage};

}  // namespace ai_proxy::dialects
