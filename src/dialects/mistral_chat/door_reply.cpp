// A whole answer as Mistral gives it (door_answer.h): content is "" beside tool calls and an array of chunks
// beside thinking; tool_calls is null when there are none. Redacted thinking has no place in it.
#include <openssl/evp.h>

#include <algorithm>
#include <array>

#include "base/ascii.h"
#include "dialects/chat_completions/door_answer.h"
#include "dialects/mistral_chat/door_answer.h"
#include "dialects/mistral_chat/tool_call_ids.h"
#include "dialects/native/utf8.h"

namespace ai_proxy::dialects::mistral_chat {
namespace {

using chat_completions::append_labelled_integer;
using native::append_json_string;

constexpr std::size_t kIdLength = 32;
constexpr std::string_view kHexDigits = "0123456789abcdef";

void append_thinking_chunk(std::string& out, const chat::Thinking& thinking) {
  out.append(R"({"type":"thinking","thinking":[{"type":"text","text":)");
  append_json_string(out, thinking.text);
  out.append("}]");
  if (!thinking.signature.empty()) {
    out.append(R"(,"signature":)");
    append_json_string(out, thinking.signature);
  }
  out.append(R"(,"closed":true})");
}

// Mistral knows no refusals: the text is what was said.
void append_content(std::string& out, const chat::Reply& reply) {
  const std::string said = reply.text + reply.refusal;
  std::string chunks;
  for (const chat::Thinking& thinking : reply.thinking) {
    if (!thinking.redacted_data.empty()) continue;
    if (!chunks.empty()) chunks.push_back(',');
    append_thinking_chunk(chunks, thinking);
  }
  if (chunks.empty()) return append_json_string(out, said);
  out.append("[").append(chunks);
  if (!said.empty()) {
    out.append(R"(,{"type":"text","text":)");
    append_json_string(out, said);
    out.push_back('}');
  }
  out.push_back(']');
}

void append_tool_calls(std::string& out, const std::vector<chat::ToolCall>& calls) {
  if (calls.empty()) {
    out.append("null");
    return;
  }
  for (std::size_t i = 0; i < calls.size(); ++i) {
    out.push_back(i == 0 ? '[' : ',');
    append_tool_call(out, i, calls[i].id, calls[i].name, calls[i].arguments);
  }
  out.push_back(']');
}

}  // namespace

std::string answer_id(std::string_view given, std::string_view provider_id) {
  if (!given.empty()) return std::string(given);
  if (provider_id.size() == kIdLength && provider_id.find_first_not_of(kHexDigits) == std::string_view::npos)
    return std::string(provider_id);
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  EVP_Digest(provider_id.data(), provider_id.size(), digest.data(), nullptr, EVP_sha256(), nullptr);
  std::string id;
  for (std::size_t i = 0; i < kIdLength / 2; ++i) {
    id.push_back(kHexDigits[digest[i] >> 4U]);
    id.push_back(kHexDigits[digest[i] & 0xFU]);
  }
  return id;
}

// Audio tokens stand beside the prompt's, not among them.
void append_usage(std::string& out, const chat::Usage& usage) {
  append_labelled_integer(out, R"({"prompt_tokens":)", usage.input_tokens - usage.audio_input_tokens);
  append_labelled_integer(out, R"(,"total_tokens":)", usage.total_tokens());
  append_labelled_integer(out, R"(,"completion_tokens":)", usage.output_tokens);
  append_labelled_integer(out, R"(,"prompt_tokens_details":{"cached_tokens":)", usage.cache_read_tokens);
  if (usage.audio_input_tokens > 0)
    append_labelled_integer(out, R"(,"audio_tokens":)", usage.audio_input_tokens);
  out.append("}}");
}

void append_tool_call(std::string& out, std::size_t index, std::string_view id, std::string_view name,
                      std::string_view arguments) {
  out.append(R"({"id":)");
  append_json_string(out, nine_character_id(id));
  out.append(R"(,"type":"function","function":{"name":)");
  append_json_string(out, name);
  out.append(R"(,"arguments":)");
  append_json_string(out, chat_completions::arguments_or_empty_object(arguments));
  out.append(R"(},"index":)");
  append_integer(out, index);
  out.push_back('}');
}

std::string render_reply(const chat::Reply& reply, const AnswerContext& context) {
  constexpr std::size_t kFrame = 768;  // everything but the answer itself
  std::string out;
  out.reserve(kFrame + reply.text.size() + reply.text.size() / 8);
  out.append(R"({"id":)");
  append_json_string(out, answer_id(context.id, reply.id));
  append_labelled_integer(out, R"(,"created":)", context.created);
  out.append(R"(,"model":)");
  append_json_string(out, context.model);
  // The SDK demands the object: zeros when nothing is known.
  const chat::Usage* usage = chat_completions::credible(reply.usage);
  out.append(R"(,"usage":)");
  append_usage(out, usage != nullptr ? *usage : chat::Usage{});
  const bool calls = !reply.tool_calls.empty();
  out.append(R"(,"object":"chat.completion","choices":[{"index":0,"finish_reason":")");
  out.append(chat_completions::finish_word(chat::effective_finish_reason(reply.finish_reason, calls)));
  out.append(R"(","message":{"role":"assistant","tool_calls":)");
  append_tool_calls(out, reply.tool_calls);
  out.append(R"(,"content":)");
  append_content(out, reply);
  return out.append("}}]}");
}

}  // namespace ai_proxy::dialects::mistral_chat
