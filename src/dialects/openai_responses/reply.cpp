// A Response object, read (openai_responses.h). What OpenAI's own tools did stays opaque.
#include <utility>

#include "base/ascii.h"
#include "base/json_writer.h"
#include "dialects/chat_completions/reply.h"
#include "dialects/chat_completions/usage.h"
#include "dialects/openai_chat/openai_chat.h"
#include "dialects/openai_responses/openai_responses.h"

namespace ai_proxy::dialects::openai_responses {
namespace {

void read_message(const json::Value& item, chat::Reply& reply) {
  for (const json::Value part : item["content"]) {
    const std::string_view type = part["type"].string_or("");
    if (type == "output_text") {
      reply.text.append(part["text"].string_or(""));
      for (const json::Value annotation : part["annotations"])
        reply.opaque_parts.push_back(opaque_annotation(annotation));
    } else if (type == "refusal") {
      reply.refusal.append(part["refusal"].string_or(""));
    } else {
      reply.opaque_parts.emplace_back(part.raw());
    }
  }
}

// A sealed thought without a word to read is what Anthropic calls redacted.
void read_reasoning(const json::Value& item, chat::Reply& reply) {
  chat::Thinking thinking;
  thinking.text = reasoning_text(item);
  const std::string_view sealed = item["encrypted_content"].string_or("");
  if (thinking.text.empty() && sealed.empty()) return;
  (thinking.text.empty() ? thinking.redacted_data : thinking.signature) = sealed;
  reply.thinking.push_back(std::move(thinking));
}

void read_call(const json::Value& item, chat::Reply& reply) {
  chat::ToolCall call;
  call.id = item["call_id"].string_or("");
  if (call.id.empty()) call.id = chat_completions::minted_call_id(reply.id, reply.tool_calls.size());
  call.name = item["name"].string_or("");
  const std::string_view arguments = item["arguments"].string_or("");
  call.arguments = ascii_trim(arguments).empty() ? std::string_view("{}") : arguments;
  reply.tool_calls.push_back(std::move(call));
}

}  // namespace

Ending ending_of(const json::Value& response, bool has_tool_calls) {
  const std::string_view status = response["status"].string_or("");
  if (status == "completed") {
    return {has_tool_calls ? chat::FinishReason::tool_calls : chat::FinishReason::stop, status};
  }
  if (status != "incomplete") return {chat::FinishReason::unknown, status};
  const std::string_view why = response["incomplete_details"]["reason"].string_or("");
  if (why == "max_output_tokens" || why == "max_tokens") return {chat::FinishReason::length, why};
  if (why == "content_filter") return {chat::FinishReason::content_filter, why};
  return {chat::FinishReason::unknown, why.empty() ? status : why};
}

std::optional<chat::Usage> usage_of(const json::Value& response) {
  auto usage = chat_completions::parse_openai_usage(response["usage"]);
  if (usage && usage->service_tier.empty()) usage->service_tier = response["service_tier"].string_or("");
  return usage;
}

bool says_failed(const json::Value& response) {
  const std::string_view status = response["status"].string_or("");
  return status == "failed" || status == "cancelled" || response["error"].is_object();
}

Error failure_of(const json::Value& response) {
  if (response["error"].is_object()) return openai_chat::parse_error_body(ReplyHead{}, response);
  return provider_failed(ErrorCode::provider_error, "The provider broke the response off.");
}

std::string reasoning_text(const json::Value& item) {
  const json::Value told = item["summary"].empty() ? item["content"] : item["summary"];
  std::string text;
  for (const json::Value part : told) {
    if (!text.empty()) text.append("\n\n");
    text.append(part["text"].string_or(""));
  }
  return text;
}

std::string opaque_annotation(const json::Value& annotation) {
  if (annotation["type"].string_or("") != "url_citation" || annotation["url_citation"].is_object())
    return std::string(annotation.raw());
  std::string text;
  json::Writer out(text);
  out.begin_object().member("type", "url_citation").key("url_citation").begin_object();
  for (const json::Value member : annotation) {
    if (member.key() != "type") out.raw_member(member.key(), member.raw());
  }
  out.end_object().end_object();
  return text;
}

Result<chat::Reply> parse_reply(const json::Value& body) {
  if (!body.is_object()) {
    return std::unexpected(provider_failed(ErrorCode::provider_error,
                                           "The provider's answer is not the JSON object it should be."));
  }
  if (says_failed(body)) return std::unexpected(failure_of(body));
  if (!body["output"].is_array()) {
    return std::unexpected(
        provider_failed(ErrorCode::provider_error, "The provider's answer holds no output."));
  }
  chat::Reply reply;
  reply.id = body["id"].string_or("");
  reply.model = body["model"].string_or("");
  for (const json::Value item : body["output"]) {
    const std::string_view type = item["type"].string_or("");
    if (type == "message") {
      read_message(item, reply);
    } else if (type == "reasoning") {
      read_reasoning(item, reply);
    } else if (type == "function_call") {
      read_call(item, reply);
    } else {
      reply.opaque_parts.emplace_back(item.raw());
    }
  }
  const Ending ending = ending_of(body, !reply.tool_calls.empty());
  reply.finish_reason = ending.reason;
  reply.provider_finish_reason = ending.word;
  reply.usage = usage_of(body);
  return reply;
}

}  // namespace ai_proxy::dialects::openai_responses
