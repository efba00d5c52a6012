// The door's row, and what it does with a request that it does not judge.
#include "dialects/anthropic_messages/door.h"

#include "dialects/anthropic_messages/anthropic_messages.h"
#include "dialects/anthropic_messages/door_faults.h"
#include "dialects/doors.h"

namespace ai_proxy::dialects {

const Door kAnthropicMessagesDoor{
    .dialect = anthropic_messages::kName,
    .request_id_field = "request-id",
    .keep_alive = "event: ping\ndata: {\"type\": \"ping\"}\n\n",
    .glance = anthropic_messages::glance,
    .parse_request = anthropic_messages::parse_request,
    .pass_through = anthropic_messages::pass_through,
    .render_reply = anthropic_messages::render_reply,
    .make_stream_writer = anthropic_messages::make_stream_writer,
    .error_status = anthropic_messages::error_status,
    .render_error = anthropic_messages::render_error,
};

namespace anthropic_messages {

Result<Glance> glance(const json::Value& body) {
  Faults faults;
  const Path root;
  Glance seen;
  if (!body.is_object()) {
    faults.add(root, kNotAnObject);
  } else {
    seen.model = faults.required_string(body, "model", root);
    if (seen.model.empty()) faults.add(Path(root, "model"), "String should have at least 1 character");
    seen.stream = faults.boolean(body, "stream", root).value_or(false);
    seen.stream_usage = true;  // Anthropic's streams always tell it
  }
  if (faults.any()) return std::unexpected(faults.take());
  return seen;
}

std::optional<std::string> pass_through(const json::Value& body, std::string_view wire_model, const Glance&) {
  if (body["model"].string_or("") == wire_model) return std::nullopt;
  const std::string_view text = body.raw();
  const std::string_view model = body["model"].raw();
  const auto at = static_cast<std::size_t>(model.data() - text.data());
  std::string result;
  result.reserve(text.size() + wire_model.size() + 2);
  result.append(text.substr(0, at));
  json::Writer(result).string(wire_model);
  return result.append(text.substr(at + model.size()));
}

}  // namespace anthropic_messages
}  // namespace ai_proxy::dialects
