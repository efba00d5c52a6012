#include "dialects/embeddings/embeddings.h"

#include <algorithm>
#include <array>

#include "base/json_writer.h"
#include "dialects/chat_completions/usage.h"

namespace ai_proxy::dialects::embeddings {
namespace {

constexpr std::array kOpenAiMembers = std::to_array<Member>({
    {"encoding_format", "encoding_format"},
    {"dimensions", "output_dimension"},
    {"user", {}},
});
constexpr std::array kMistralMembers = std::to_array<Member>({
    {"encoding_format", "encoding_format"},
    {"output_dimension", "dimensions"},
    {"output_dtype", {}},
    {"metadata", {}},
});

}  // namespace

const Shape kOpenAiShape{kOpenAiMembers.data(), kOpenAiMembers.data() + kOpenAiMembers.size()};
const Shape kMistralShape{kMistralMembers.data(), kMistralMembers.data() + kMistralMembers.size()};

Result<chat::Request> parse_request(const json::Value& body, chat::Warnings& /*warnings*/) {
  if (!body["input"].has_value())
    return std::unexpected(bad_request("input is missing: a text, or a list of texts.", "input"));
  chat::Request request;
  request.model = body["model"].string_or("");
  for (const json::Value member : body) {
    if (member.key() != "model") request.extra.emplace_back(member.key(), member.raw());
  }
  return request;
}

Result<std::string> render_request(const chat::Request& request, std::string_view wire_model,
                                   const Shape& other, std::string_view provider, chat::Warnings& warnings) {
  std::string text;
  json::Writer out(text);
  out.begin_object().member("model", wire_model);
  for (const auto& [name, raw] : request.extra) {
    if (name == "input") {
      out.key("input").raw(raw);
      continue;
    }
    const Member* const known =
        std::find_if(other.begin, other.end, [&](const Member& member) { return member.name == name; });
    if (known != other.end && !known->elsewhere.empty()) {
      out.key(known->elsewhere).raw(raw);
    } else {
      warnings.add(std::string(name) + ": " + std::string(provider) +
                   " embeddings have no such parameter; it was left out.");
    }
  }
  out.end_object();
  return text;
}

Result<chat::Reply> parse_reply(const json::Value& body, bool mistral) {
  if (!body["data"].is_array())
    return std::unexpected(
        provider_failed(ErrorCode::provider_error, "The provider's answer holds no embeddings."));
  chat::Reply reply;
  reply.model = body["model"].string_or("");
  reply.finish_reason = chat::FinishReason::stop;
  reply.usage = mistral ? chat_completions::parse_mistral_usage(body["usage"])
                        : chat_completions::parse_openai_usage(body["usage"]);
  reply.opaque_parts.emplace_back(body.raw());
  return reply;
}

}  // namespace ai_proxy::dialects::embeddings
