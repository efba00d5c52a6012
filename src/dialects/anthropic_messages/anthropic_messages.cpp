// The dialect's row in the table of dialects.
#include "dialects/anthropic_messages/anthropic_messages.h"

#include "dialects/dialects.h"

namespace ai_proxy::dialects {

const Dialect kAnthropicMessages{
    .name = anthropic_messages::kName,
    .path = "/v1/messages",
    .tool_name_length_max = 128,
    .render_request = anthropic_messages::render_request,
    .request_fields = anthropic_messages::request_fields,
    .parse_reply = anthropic_messages::parse_reply,
    .make_stream_reader = anthropic_messages::make_stream_reader,
    .parse_error = anthropic_messages::parse_error,
    .parse_usage = anthropic_messages::parse_usage,
};

}  // namespace ai_proxy::dialects
