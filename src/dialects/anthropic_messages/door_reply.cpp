// A whole answer: {model, id, type: "message", role, content: [blocks], stop_reason, stop_sequence,
// stop_details, usage}, members in the order the API itself has them.
#include <algorithm>
#include <string>
#include <vector>

#include "base/ascii.h"
#include "base/json.h"
#include "dialects/anthropic_messages/door.h"

namespace ai_proxy::dialects::anthropic_messages {
namespace {

// Anthropic's own advice for input that is no JSON object and still has to stand in a block.
constexpr std::string_view kInvalidInput = "INVALID_JSON";

void write_thinking(json::Writer& out, const chat::Thinking& thinking) {
  if (!thinking.redacted_data.empty()) {
    out.begin_object()
        .member("type", "redacted_thinking")
        .member("data", thinking.redacted_data)
        .end_object();
  } else if (!thinking.text.empty() || !thinking.signature.empty()) {
    out.begin_object()
        .member("type", "thinking")
        .member("thinking", thinking.text)
        .member("signature", thinking.signature)
        .end_object();
  }
}

void write_text(json::Writer& out, const std::string& text, const std::vector<std::string_view>& citations) {
  if (text.empty()) return;
  out.begin_object().member("type", "text").member("text", text);
  if (!citations.empty()) {
    out.key("citations").begin_array();
    for (const std::string_view citation : citations) out.raw(citation);
    out.end_array();
  }
  out.end_object();
}

void write_input(json::Writer& out, std::string_view arguments) {
  arguments = ascii_trim(arguments);
  if (arguments.empty()) {
    out.raw("{}");
    return;
  }
  json::Document document;
  if (!document.parse(arguments, json::kProviderLimits) && document.root().is_object()) {
    out.raw(arguments);
  } else {
    out.begin_object().member(kInvalidInput, arguments).end_object();
  }
}

void write_call(json::Writer& out, const chat::ToolCall& call) {
  out.begin_object().member("type", "tool_use").member("id", call.id).member("name", call.name).key("input");
  write_input(out, call.arguments);
  out.end_object();
}

// In the order Anthropic itself keeps: thinking, what its servers did, the text, the calls.
void write_content(json::Writer& out, const chat::Reply& reply) {
  std::vector<std::string_view> citations;
  out.key("content").begin_array();
  for (const chat::Thinking& thinking : reply.thinking) write_thinking(out, thinking);
  for (const std::string& part : reply.opaque_parts) {
    const OpaqueKind kind = opaque_kind_of(part);
    if (kind == OpaqueKind::block) out.raw(part);
    if (kind == OpaqueKind::citation) citations.push_back(part);
  }
  write_text(out, reply.text + reply.refusal, citations);
  for (const chat::ToolCall& call : reply.tool_calls) write_call(out, call);
  out.end_array();
}

// Other providers' words for the tier that every request has.
std::string_view service_tier(std::string_view word) {
  return word == "default" ? std::string_view("standard") : word;
}

}  // namespace

std::string render_reply(const chat::Reply& reply, const AnswerContext& context) {
  std::string text;
  text.reserve(640 + reply.text.size() + reply.text.size() / 8);
  json::Writer out(text);
  out.begin_object()
      .member("model", context.model.empty() ? std::string_view(reply.model) : context.model)
      .member("id", message_id(context.id, reply.id))
      .member("type", "message")
      .member("role", "assistant");
  write_content(out, reply);
  const auto reason = chat::effective_finish_reason(reply.finish_reason, !reply.tool_calls.empty());
  write_stop(out, stop_of(reason, reply.stop_sequence, !reply.refusal.empty()), reply.refusal);
  write_usage(out, reply.usage);
  out.end_object();
  return text;
}

Stop stop_of(chat::FinishReason effective, std::string_view matched_sequence, bool refused) {
  switch (effective) {
    case chat::FinishReason::length:
      return {.reason = "max_tokens", .sequence = {}};
    case chat::FinishReason::tool_calls:
      return {.reason = "tool_use", .sequence = {}};
    case chat::FinishReason::content_filter:
      return {.reason = "refusal", .sequence = {}};
    case chat::FinishReason::paused:
      return {.reason = "pause_turn", .sequence = {}};
    case chat::FinishReason::stop:
    case chat::FinishReason::unknown:
      break;
  }
  if (refused) return {.reason = "refusal", .sequence = {}};
  if (matched_sequence.empty()) return {.reason = "end_turn", .sequence = {}};
  return {.reason = "stop_sequence", .sequence = matched_sequence};
}

void write_stop(json::Writer& out, const Stop& stop, std::string_view refusal) {
  out.member("stop_reason", stop.reason).key("stop_sequence");
  if (stop.sequence.empty()) {
    out.null();
  } else {
    out.string(stop.sequence);
  }
  out.key("stop_details");
  if (stop.reason != "refusal") {
    out.null();
    return;
  }
  out.begin_object().member("type", "refusal").key("category").null().key("explanation");
  if (refusal.empty()) {
    out.null();
  } else {
    out.string(refusal);
  }
  out.end_object();
}

void write_usage(json::Writer& out, const std::optional<chat::Usage>& told) {
  const chat::Usage usage = told.value_or(chat::Usage{});
  const std::int64_t written = usage.cache_written_tokens();
  // Anthropic has two lifetimes; what others keep longer counts with the longer one, so that the sum holds.
  const std::int64_t long_lived = usage.cache_write_1h_tokens + usage.cache_write_12h_tokens;
  const std::int64_t plain = usage.input_tokens - usage.cache_read_tokens - written;
  out.key("usage")
      .begin_object()
      .member("input_tokens", std::max<std::int64_t>(plain, 0))
      .member("cache_creation_input_tokens", written)
      .member("cache_read_input_tokens", usage.cache_read_tokens)
      .key("cache_creation")
      .begin_object()
      .member("ephemeral_5m_input_tokens", usage.cache_write_tokens)
      .member("ephemeral_1h_input_tokens", long_lived)
      .end_object()
      .member("output_tokens", usage.output_tokens);
  if (usage.reasoning_tokens > 0) {
    out.key("output_tokens_details")
        .begin_object()
        .member("thinking_tokens", usage.reasoning_tokens)
        .end_object();
  }
  if (usage.web_search_calls > 0 || usage.web_fetch_calls > 0) {
    out.key("server_tool_use")
        .begin_object()
        .member("web_search_requests", usage.web_search_calls)
        .member("web_fetch_requests", usage.web_fetch_calls)
        .end_object();
  }
  if (!usage.service_tier.empty()) out.member("service_tier", service_tier(usage.service_tier));
  if (!usage.inference_region.empty()) out.member("inference_geo", usage.inference_region);
  out.end_object();
}

std::string message_id(std::string_view given, std::string_view provider_id) {
  if (!given.empty()) return std::string(given);
  if (provider_id.starts_with("msg_")) return std::string(provider_id);
  constexpr std::string_view kOpenAiPrefix = "chatcmpl-";
  if (provider_id.starts_with(kOpenAiPrefix)) provider_id.remove_prefix(kOpenAiPrefix.size());
  std::string id = "msg_";
  for (const char c : provider_id.substr(0, 64)) {
    const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    id.push_back(plain ? c : '_');
  }
  return id;
}

OpaqueKind opaque_kind_of(std::string_view raw) {
  json::Document document;
  if (document.parse(raw, json::kProviderLimits)) return OpaqueKind::foreign;
  const std::string_view type = document.root()["type"].string_or("");
  if (type.ends_with("_location")) return OpaqueKind::citation;  // char_location, page_location …
  const bool server = type == "server_tool_use" || type == "mcp_tool_use" || type == "container_upload" ||
                      type == "compaction" || type.ends_with("_tool_result");
  return server ? OpaqueKind::block : OpaqueKind::foreign;
}

}  // namespace ai_proxy::dialects::anthropic_messages
