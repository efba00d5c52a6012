// The row of functions that is the door for OpenAI's Responses API.
#include "dialects/chat_completions/door_request.h"
#include "dialects/doors.h"
#include "dialects/openai_chat/door_answer.h"
#include "dialects/openai_responses/door_answer.h"
#include "dialects/openai_responses/door_request.h"

namespace ai_proxy::dialects {
namespace openai_responses {
namespace {

Result<Glance> glance(const json::Value& body) {
  auto seen = chat_completions::glance(body);
  if (seen) seen->stream_usage = true;  // every response carries it, unasked
  return seen;
}

std::optional<std::string> pass_through(const json::Value& body, std::string_view wire_model,
                                        const Glance& /*glance*/) {
  return chat_completions::pass_through(body, wire_model, false);
}

}  // namespace
}  // namespace openai_responses

constexpr Door kOpenAiResponsesDoor{.dialect = "openai_responses",
                                    .failed_event = "response.failed",
                                    .glance = openai_responses::glance,
                                    .parse_request = openai_responses::parse_request,
                                    .pass_through = openai_responses::pass_through,
                                    .render_reply = openai_responses::render_reply,
                                    .make_stream_writer = openai_responses::make_stream_writer,
                                    .error_status = openai_chat::error_status,
                                    .render_error = openai_chat::render_error};

}  // namespace ai_proxy::dialects
