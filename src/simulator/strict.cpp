// Who judges what, and the keys.
#include "simulator/strict.h"

#include <cstdio>

namespace ai_proxy::simulator {
namespace {

bool is_bad_key(std::string_view key) {
  return key.find("invalid") != std::string_view::npos || key.find("wrong") != std::string_view::npos;
}

}  // namespace

bool is_word(std::string_view text) {
  return std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

std::string shown(double number) {
  char text[32];
  std::snprintf(text, sizeof text, "%g", number);
  return text;
}

std::optional<Refusal> judge_key(const Call& call) {
  const std::string_view bearer =
      call.authorization.starts_with("Bearer ") ? call.authorization.substr(7) : std::string_view();
  const bool anthropic = call.flavour == Flavour::anthropic;
  if (anthropic && !bearer.empty() && !call.x_api_key.empty())
    return anthropic_refusal(401, "authentication_error",
                             "x-api-key and Authorization: Bearer must not both be sent");
  const std::string_view key = anthropic && bearer.empty() ? call.x_api_key : bearer;
  if (!key.empty() && !is_bad_key(key)) return std::nullopt;
  if (anthropic)
    return anthropic_refusal(401, "authentication_error",
                             key.empty() ? "x-api-key header is required" : "invalid x-api-key");
  if (call.flavour == Flavour::openai && key.empty())
    return openai_refusal(
        401, "invalid_request_error",
        "You didn't provide an API key. You need to provide your API key in an Authorization "
        "header using Bearer auth (i.e. Authorization: Bearer YOUR_KEY).",
        {}, {});
  return render_failure(call.flavour, 401);
}

std::optional<Refusal> judge(const Call& call) {
  if (auto refusal = judge_key(call)) return refusal;
  if (call.flavour == Flavour::anthropic) return judge_anthropic(call);
  if (call.endpoint == Endpoint::responses) return judge_openai_responses(call.body);
  if (call.endpoint == Endpoint::embeddings) {
    return call.flavour == Flavour::openai ? judge_openai_embeddings(call.body)
                                           : judge_mistral_embeddings(call.body);
  }
  return call.flavour == Flavour::openai ? judge_openai_chat(call.body) : judge_mistral_chat(call.body);
}

}  // namespace ai_proxy::simulator
