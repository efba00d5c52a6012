// The row of functions that is the dialect.
#include "dialects/chat_completions/usage.h"
#include "dialects/dialects.h"
#include "dialects/openai_chat/openai_chat.h"
#include "dialects/openai_responses/openai_responses.h"

namespace ai_proxy::dialects {

constexpr Dialect kOpenAiResponses{.name = "openai_responses",
                                   .path = "/v1/responses",
                                   .tool_name_length_max = 64,
                                   .render_request = openai_responses::render_request,
                                   .parse_reply = openai_responses::parse_reply,
                                   .make_stream_reader = openai_responses::make_stream_reader,
                                   .parse_error = openai_chat::parse_error,
                                   .parse_usage = chat_completions::parse_openai_usage};

}  // namespace ai_proxy::dialects
