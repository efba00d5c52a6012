// A whole answer as OpenAI gives it (door_answer.h). Written by hand, not by json::Writer: it runs for every
// request, and provider text is not trusted to be UTF-8.
#include <algorithm>
#include <array>

#include "base/ascii.h"
#include "dialects/chat_completions/door_answer.h"
#include "dialects/native/utf8.h"
#include "dialects/openai_chat/door_answer.h"

namespace ai_proxy::dialects::openai_chat {
namespace {

using chat_completions::append_labelled_integer;
using native::append_json_string;

void append_tool_calls(std::string& out, const std::vector<chat::ToolCall>& calls) {
  out.append(R"(,"tool_calls":[)");
  for (std::size_t i = 0; i < calls.size(); ++i) {
    out.append(i == 0 ? R"({"id":)" : R"(,{"id":)");
    append_json_string(out, calls[i].id);
    out.append(R"(,"type":"function","function":{"name":)");
    append_json_string(out, calls[i].name);
    out.append(R"(,"arguments":)");
    append_json_string(out, chat_completions::arguments_or_empty_object(calls[i].arguments));
    out.append("}}");
  }
  out.push_back(']');
}

// Only what is signed can be sent back; the rest is for reading.
void append_thinking(std::string& out, const std::vector<chat::Thinking>& thinking) {
  std::string text;
  std::string blocks;
  for (const chat::Thinking& one : thinking) {
    text.append(one.text);
    if (one.redacted_data.empty() && one.signature.empty()) continue;
    if (!blocks.empty()) blocks.push_back(',');
    if (one.redacted_data.empty()) {
      append_thinking_block(blocks, one.text, one.signature);
    } else {
      append_redacted_block(blocks, one.redacted_data);
    }
  }
  if (!text.empty()) {
    out.append(R"(,"reasoning_content":)");
    append_json_string(out, text);
  }
  if (!blocks.empty()) out.append(R"(,"thinking_blocks":[)").append(blocks).append("]");
}

void append_annotations(std::string& out, const std::vector<std::string>& opaque_parts) {
  out.append(R"(,"annotations":[)");
  bool first = true;
  for (const std::string& raw : opaque_parts) {
    if (!is_annotation(raw)) continue;
    if (!first) out.push_back(',');
    first = false;
    out.append(raw);
  }
  out.push_back(']');
}

void append_message(std::string& out, const chat::Reply& reply) {
  out.append(R"({"role":"assistant","content":)");
  const bool says_else = !reply.refusal.empty() || !reply.tool_calls.empty() || !reply.thinking.empty();
  if (reply.text.empty() && says_else) {
    out.append("null");
  } else {
    append_json_string(out, reply.text);
  }
  chat_completions::append_text_or_null(out, R"(,"refusal":)", reply.refusal);
  append_annotations(out, reply.opaque_parts);
  append_thinking(out, reply.thinking);
  if (!reply.tool_calls.empty()) append_tool_calls(out, reply.tool_calls);
  out.push_back('}');
}

}  // namespace

std::string answer_id(std::string_view given, std::string_view provider_id) {
  if (!given.empty()) return std::string(given);
  constexpr std::string_view kPrefix = "chatcmpl-";
  std::string id;
  if (!provider_id.starts_with(kPrefix)) id.append(kPrefix);
  return id.append(provider_id);
}

void append_usage(std::string& out, const chat::Usage& usage) {
  append_labelled_integer(out, R"({"prompt_tokens":)", usage.input_tokens);
  append_labelled_integer(out, R"(,"completion_tokens":)", usage.output_tokens);
  append_labelled_integer(out, R"(,"total_tokens":)", usage.total_tokens());
  append_labelled_integer(out, R"(,"prompt_tokens_details":{"cached_tokens":)", usage.cache_read_tokens);
  append_labelled_integer(out, R"(,"audio_tokens":)", usage.audio_input_tokens);
  if (usage.image_input_tokens > 0)
    append_labelled_integer(out, R"(,"image_tokens":)", usage.image_input_tokens);
  if (usage.cache_written_tokens() > 0)
    append_labelled_integer(out, R"(,"cache_write_tokens":)", usage.cache_written_tokens());
  append_labelled_integer(out, R"(},"completion_tokens_details":{"reasoning_tokens":)",
                          usage.reasoning_tokens);
  append_labelled_integer(out, R"(,"audio_tokens":)", usage.audio_output_tokens);
  out.append("}}");
}

void append_thinking_block(std::string& out, std::string_view text, std::string_view signature) {
  out.append(R"({"type":"thinking","thinking":)");
  append_json_string(out, text);
  out.append(R"(,"signature":)");
  append_json_string(out, signature);
  out.push_back('}');
}

void append_redacted_block(std::string& out, std::string_view data) {
  out.append(R"({"type":"redacted_thinking","data":)");
  append_json_string(out, data);
  out.push_back('}');
}

std::string_view service_tier_word(const std::optional<chat::Usage>& usage) {
  static constexpr std::array<std::string_view, 6> kWords{"default",  "auto",  "flex",
                                                          "priority", "scale", "fast"};
  if (!usage) return {};
  if (usage->service_tier == "standard") return kWords.front();
  const auto* const at = std::ranges::find(kWords, usage->service_tier);
  return at == kWords.end() ? std::string_view{} : *at;
}

bool is_annotation(std::string_view raw) {
  json::Document document;
  return !document.parse(raw, json::kProviderLimits) &&
         document.root()["type"].string_or("") == "url_citation";
}

std::string render_reply(const chat::Reply& reply, const AnswerContext& context) {
  constexpr std::size_t kFrame = 1024;  // everything but the answer itself
  std::string out;
  out.reserve(kFrame + reply.text.size() + reply.text.size() / 8);
  out.append(R"({"id":)");
  append_json_string(out, answer_id(context.id, reply.id));
  append_labelled_integer(out, R"(,"object":"chat.completion","created":)", context.created);
  out.append(R"(,"model":)");
  append_json_string(out, context.model);
  out.append(R"(,"choices":[{"index":0,"message":)");
  append_message(out, reply);
  out.append(R"(,"logprobs":null,"finish_reason":")");
  const bool calls = !reply.tool_calls.empty();
  out.append(chat_completions::finish_word(chat::effective_finish_reason(reply.finish_reason, calls)));
  out.append(R"("}])");
  if (const chat::Usage* usage = chat_completions::credible(reply.usage)) {
    out.append(R"(,"usage":)");
    append_usage(out, *usage);
  }
  if (const std::string_view tier = service_tier_word(reply.usage); !tier.empty()) {
    out.append(R"(,"service_tier":")").append(tier).append("\"");
  }
  out.push_back('}');
  return out;
}

}  // namespace ai_proxy::dialects::openai_chat
