// POST /v1/chat: the body, checked and made canonical in one pass (native.h). The schema is schema.h's.
#include <string>
#include <utility>

#include "dialects/native/faults.h"
#include "dialects/native/messages.h"
#include "dialects/native/native.h"
#include "dialects/native/schema.h"
#include "dialects/native/tools.h"
#include "dialects/native/validate.h"

namespace ai_proxy::dialects::native {
namespace {

void read_sampling(const Fields<kRequest>& fields, chat::Sampling& sampling) {
  sampling.temperature = fields.get<"temperature">().raw();
  sampling.top_p = fields.get<"top_p">().raw();
  sampling.top_k = fields.get<"top_k">().raw();
  sampling.presence_penalty = fields.get<"presence_penalty">().raw();
  sampling.frequency_penalty = fields.get<"frequency_penalty">().raw();
  sampling.seed = fields.get<"seed">().integer();
  const json::Value stop = fields.get<"stop">();
  if (const auto text = stop.string()) sampling.stop.push_back(*text);
  for (const json::Value text : stop) sampling.stop.push_back(*text.string());
}

void read_max_tokens(const Fields<kRequest>& fields, const Path& root, const Checks& checks,
                     chat::Request& request) {
  const auto older = fields.get<"max_tokens">().integer();
  const auto newer = fields.get<"max_completion_tokens">().integer();
  request.max_tokens = newer ? newer : older;
  if (newer && older && *newer != *older) {
    checks.warn(root.member("max_tokens"), "max_completion_tokens stands there too and wins.");
  }
}

void read_plain_members(const Fields<kRequest>& fields, chat::Request& request) {
  request.model = fields.get<"model">().string_or({});
  request.stream = fields.get<"stream">().boolean_or(false);
  request.parallel_tool_calls = fields.get<"parallel_tool_calls">().boolean();
  request.reasoning.effort = fields.get<"reasoning_effort">().string_or({});
  request.metadata = fields.get<"metadata">().raw();
  request.user = fields.get<"user">().string_or({});
  request.service_tier = fields.get<"service_tier">().string_or({});
}

// A provider that stands there but is wrong has its fault already.
bool needs_provider(const json::Value& body, const Fields<kRequest>& fields,
                    const std::function<bool(std::string_view model)>& provider_optional) {
  if (fields.get<"provider">().present() || !body.is_object() || body["provider"].has_value()) return false;
  const auto model = fields.get<"model">().string();
  return !model || !provider_optional(*model);
}

}  // namespace

ParseOutcome parse_request(const json::Value& body, const std::vector<std::string_view>& provider_names,
                           const std::function<bool(std::string_view model)>& provider_optional,
                           bool stream_in_query, chat::Warnings& warnings) {
  Faults faults;
  Checks checks{provider_names, faults, warnings};
  const Path root;
  Fields<kRequest> fields;
  fields.read(body, root, checks);

  ParseOutcome outcome;
  ParsedRequest& parsed = outcome.parsed.emplace();
  chat::Request& request = parsed.request;
  parsed.provider = fields.get<"provider">().string_or({});
  read_plain_members(fields, request);
  if (stream_in_query) request.stream = true;
  if (needs_provider(body, fields, provider_optional)) faults.add(root.member("provider"), "Required");
  MessageReader(checks, request).read(fields.get<"messages">(), root.member("messages"));
  read_sampling(fields, request.sampling);
  read_max_tokens(fields, root, checks, request);
  const json::Value tools = fields.get<"tools">();
  read_tools(tools, root.member("tools"), checks, request);
  const bool tools_given = tools.present() ? !tools.empty() : body["tools"].has_value();
  read_tool_choice(fields.get<"tool_choice">(), tools_given, root.member("tool_choice"), checks, request);
  read_response_format(fields.get<"response_format">(), root.member("response_format"), checks, request);

  if (!faults.empty()) {
    outcome.parsed.reset();
    outcome.failure_body = failure_body(faults, provider_names);
  }
  return outcome;
}

std::string malformed_json_body(const json::Fault& fault,
                                const std::vector<std::string_view>& provider_names) {
  // A fault with a path is about our own bounds; the JSON as such may be fine.
  std::string message = fault.path.empty() ? "Invalid JSON: " : "";
  std::string_view reason = fault.message;
  if (reason.ends_with('.')) reason.remove_suffix(1);
  message.append(reason);
  if (!fault.path.empty()) message.append(" (").append(excerpt(fault.path)).append(")");
  message.append(" at line ").append(std::to_string(fault.line));
  message.append(", column ").append(std::to_string(fault.column));
  Faults faults;
  faults.add(Path{}, std::move(message));
  return failure_body(faults, provider_names);
}

}  // namespace ai_proxy::dialects::native
