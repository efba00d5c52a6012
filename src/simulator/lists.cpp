// Models and embeddings of the simulated providers.
#include <array>

#include "base/json_writer.h"
#include "simulator/wire.h"

namespace ai_proxy::simulator {

std::string render_models(Flavour flavour) {
  constexpr std::array<std::array<std::string_view, 3>, 3> kModels{{
      {"gpt-4o", "gpt-4o-mini", "gpt-6-sol"},
      {"claude-sonnet-4-6", "claude-haiku-4-5-20251001", "claude-opus-5-5"},
      {"mistral-large-latest", "mistral-small-latest", "codestral-latest"},
  }};
  std::string body;
  json::Writer out(body);
  out.begin_object();
  if (flavour != Flavour::anthropic) out.member("object", "list");
  out.key("data").begin_array();
  for (const std::string_view model : kModels[static_cast<std::size_t>(flavour)]) {
    out.begin_object();
    if (flavour == Flavour::anthropic) {
      out.member("type", "model")
          .member("id", model)
          .member("display_name", model)
          .member("created_at", "2026-01-01T00:00:00Z");
    } else {
      out.member("id", model)
          .member("object", "model")
          .member("created", 1'767'225'600)
          .member("owned_by", "simulator");
    }
    out.end_object();
  }
  out.end_array();
  if (flavour == Flavour::anthropic) out.member("has_more", false);
  out.end_object();
  return body;
}

std::string render_embeddings(Flavour, const json::Value& request) {
  const json::Value input = request["input"];
  const std::size_t count = input.is_array() && !input.empty() && input[0].is_string() ? input.size() : 1;
  const std::int64_t tokens = static_cast<std::int64_t>(input.raw().size() / 4 + 1);
  std::string body;
  json::Writer out(body);
  out.begin_object().member("object", "list").key("data").begin_array();
  for (std::size_t i = 0; i < count; ++i) {
    out.begin_object()
        .member("object", "embedding")
        .member("index", static_cast<std::int64_t>(i))
        .key("embedding")
        .begin_array();
    for (const std::string_view number : {"0.125", "-0.5", "0.25", "0.0625"}) out.raw(number);
    out.end_array().end_object();
  }
  out.end_array().member("model", request["model"].string_or("unnamed")).key("usage").begin_object();
  out.member("prompt_tokens", tokens).member("total_tokens", tokens).end_object().end_object();
  return body;
}

}  // namespace ai_proxy::simulator
