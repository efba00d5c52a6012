// The row of functions that is Mistral's door.
#include "dialects/chat_completions/door_request.h"
#include "dialects/doors.h"
#include "dialects/mistral_chat/door_answer.h"

namespace ai_proxy::dialects {
namespace mistral_chat {
namespace {

Result<chat::Request> parse_request(const json::Value& body, chat::Warnings& warnings) {
  return chat_completions::read_request(body, "mistral_chat", warnings);
}

// Usage comes unasked; stream_options would be refused.
std::optional<std::string> pass_through(const json::Value& body, std::string_view wire_model,
                                        const Glance& /*glance*/) {
  return chat_completions::pass_through(body, wire_model, false);
}

}  // namespace
}  // namespace mistral_chat

constexpr Door kMistralChatDoor{.dialect = "mistral_chat",
                                .request_id_field = "mistral-correlation-id",
                                .named_events = false,
                                .terminator = "data: [DONE]\n\n",
                                .glance = chat_completions::glance,
                                .parse_request = mistral_chat::parse_request,
                                .pass_through = mistral_chat::pass_through,
                                .render_reply = mistral_chat::render_reply,
                                .make_stream_writer = mistral_chat::make_stream_writer,
                                .error_status = mistral_chat::error_status,
                                .render_error = mistral_chat::render_error};

}  // namespace ai_proxy::dialects
