// The row of functions that is OpenAI's door.
#include "dialects/chat_completions/door_request.h"
#include "dialects/doors.h"
#include "dialects/openai_chat/door_answer.h"

namespace ai_proxy::dialects {
namespace openai_chat {
namespace {

Result<chat::Request> parse_request(const json::Value& body, chat::Warnings& warnings) {
  return chat_completions::read_request(body, "openai_chat", warnings);
}

std::optional<std::string> pass_through(const json::Value& body, std::string_view wire_model,
                                        const Glance& glance) {
  return chat_completions::pass_through(body, wire_model, glance.stream);
}

}  // namespace
}  // namespace openai_chat

constexpr Door kOpenAiChatDoor{.dialect = "openai_chat",
                               .named_events = false,
                               .terminator = "data: [DONE]\n\n",
                               .glance = chat_completions::glance,
                               .parse_request = openai_chat::parse_request,
                               .pass_through = openai_chat::pass_through,
                               .hidden_part = openai_chat::hidden_part,
                               .render_reply = openai_chat::render_reply,
                               .make_stream_writer = openai_chat::make_stream_writer,
                               .error_status = openai_chat::error_status,
                               .render_error = openai_chat::render_error};

}  // namespace ai_proxy::dialects
