// Models and embeddings of the simulated providers. Names and their dated forms: wire.md 1.
#include "simulator/lists.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <span>
#include <vector>

#include "base/json_writer.h"
#include "simulator/wire.h"

namespace ai_proxy::simulator {
namespace {

struct Model {
  std::string_view id;
  std::string_view answers_as = {};  // empty: the id itself
};

constexpr std::array kOpenAi = std::to_array<Model>({
    {"gpt-4o", "gpt-4o-2024-08-06"},
    {"gpt-4o-mini", "gpt-4o-mini-2024-07-18"},
    {"gpt-6-sol"},
    {"gpt-4.1", "gpt-4.1-2025-04-14"},
    {"gpt-4.1-mini", "gpt-4.1-mini-2025-04-14"},
    {"o1-mini", "o1-mini-2024-09-12"},
    {"o3", "o3-2025-04-16"},
    {"o3-mini", "o3-mini-2025-01-31"},
    {"o4-mini", "o4-mini-2025-04-16"},
    {"gpt-5", "gpt-5-2025-08-07"},
    {"gpt-5-mini", "gpt-5-mini-2025-08-07"},
    {"gpt-5-nano", "gpt-5-nano-2025-08-07"},
    {"gpt-5.1", "gpt-5.1-2025-11-13"},
    {"gpt-5.2"},
    {"gpt-5.4"},
    {"gpt-5.4-mini"},
    {"gpt-5.4-nano"},
    {"gpt-5.5"},
    {"gpt-5.6-sol"},
    {"gpt-5.6-terra"},
    {"gpt-5.6-luna"},
    {"gpt-6-luna"},
    {"gpt-6-astra"},
    {"gpt-6.1-sol"},
    {"gpt-6.1-terra"},
    {"text-embedding-3-small"},
    {"text-embedding-3-large"},
    {"text-embedding-ada-002"},
});

constexpr std::array kAnthropic = std::to_array<Model>({
    {"claude-sonnet-4-6"},
    {"claude-haiku-4-5", "claude-haiku-4-5-20251001"},
    {"claude-opus-5-5"},
    {"claude-sonnet-4-5", "claude-sonnet-4-5-20250929"},
    {"claude-opus-4-5", "claude-opus-4-5-20251101"},
    {"claude-opus-4-6"},
    {"claude-opus-4-7"},
    {"claude-opus-4-8"},
    {"claude-opus-5"},
    {"claude-sonnet-5"},
    {"claude-sonnet-5-5"},
    {"claude-haiku-5-5"},
    {"claude-fable-5"},
    {"claude-fable-5-1"},
    {"claude-fable-5-2"},
});

constexpr std::array kMistral = std::to_array<Model>({
    {"mistral-large-latest"},
    {"mistral-small-latest"},
    {"codestral-latest"},
    {"mistral-large-2512"},
    {"mistral-medium"},
    {"mistral-medium-latest"},
    {"mistral-medium-3-5"},
    {"mistral-small-2603"},
    {"ministral-3b-latest"},
    {"ministral-8b-latest"},
    {"ministral-14b-latest"},
    {"magistral-medium-latest"},
    {"magistral-small-latest"},
    {"codestral-2508"},
    {"pixtral-12b", "ministral-14b-latest"},
    {"mistral-embed"},
    {"codestral-embed"},
});

std::span<const Model> models_of(Flavour flavour) {
  if (flavour == Flavour::openai) return kOpenAi;
  if (flavour == Flavour::anthropic) return kAnthropic;
  return kMistral;
}

const Model* find_model(Flavour flavour, std::string_view id) {
  const auto models = models_of(flavour);
  const auto found = std::ranges::find_if(
      models, [id](const Model& model) { return model.id == id || (!id.empty() && model.answers_as == id); });
  return found == models.end() ? nullptr : &*found;
}

void write_model(json::Writer& out, Flavour flavour, std::string_view id) {
  out.begin_object();
  if (flavour == Flavour::anthropic) {
    out.member("type", "model").member("id", id).member("display_name", id);
    out.member("created_at", "2026-01-01T00:00:00Z").member("max_input_tokens", 200'000);
    out.member("max_tokens", 64'000);
  } else {
    out.member("id", id).member("object", "model").member("created", 1'767'225'600);
    out.member("owned_by", flavour == Flavour::openai ? "openai" : "mistralai");
  }
  if (flavour == Flavour::mistral) {
    out.raw_member("capabilities",
                   R"({"completion_chat":true,"function_calling":true,"completion_fim":false,)"
                   R"("fine_tuning":false,"vision":true,"ocr":false,"classification":false,)"
                   R"("moderation":false,"audio":false})");
    out.member("name", id).member("description", "A simulated model.").member("max_context_length", 262'144);
    out.raw_member("aliases", "[]").raw_member("deprecation", "null");
    out.raw_member("deprecation_replacement_model", "null");
    out.raw_member("default_model_temperature", "0.3").member("type", "base");
  }
  out.end_object();
}

// Anthropic's list has the dated ids, never their aliases.
std::string_view listed_id(Flavour flavour, const Model& model) {
  return flavour == Flavour::anthropic && !model.answers_as.empty() ? model.answers_as : model.id;
}

// How many texts (or token arrays) are to be embedded.
std::size_t count_inputs(const json::Value& input) {
  return input.is_array() && !input.empty() && !input[0].is_number() ? input.size() : 1;
}

// Little-endian float32 in base64, as OpenAI sends them on request.
std::string base64_of(std::span<const float> numbers) {
  constexpr char kAlphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::vector<unsigned char> bytes(numbers.size_bytes());
  if (!bytes.empty()) std::memcpy(bytes.data(), numbers.data(), bytes.size());
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t left = std::min<std::size_t>(3, bytes.size() - i);
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 3; ++k) group = group << 8 | (k < left ? bytes[i + k] : 0u);
    for (std::size_t k = 0; k < 4; ++k)
      text.push_back(k <= left ? kAlphabet[(group >> (18 - 6 * k)) & 63] : '=');
  }
  return text;
}

}  // namespace

bool is_model(Flavour flavour, std::string_view id) {
  return find_model(flavour, id) != nullptr;
}

std::string_view answering_model(Flavour flavour, std::string_view id) {
  const Model* model = find_model(flavour, id);
  return model == nullptr || model->answers_as.empty() ? id : model->answers_as;
}

std::string render_models(Flavour flavour) {
  const auto models = models_of(flavour);
  std::string body;
  json::Writer out(body);
  out.begin_object();
  if (flavour != Flavour::anthropic) out.member("object", "list");
  out.key("data").begin_array();
  for (const Model& model : models) write_model(out, flavour, listed_id(flavour, model));
  out.end_array();
  if (flavour == Flavour::anthropic) {
    out.member("has_more", false).member("first_id", listed_id(flavour, models.front()));
    out.member("last_id", listed_id(flavour, models.back()));
  }
  out.end_object();
  return body;
}

std::optional<std::string> render_model(Flavour flavour, std::string_view id) {
  const Model* model = find_model(flavour, id);
  if (model == nullptr) return std::nullopt;
  std::string body;
  json::Writer out(body);
  write_model(out, flavour, flavour == Flavour::anthropic ? listed_id(flavour, *model) : id);
  return body;
}

std::string render_embeddings(Flavour flavour, const json::Value& request) {
  constexpr std::int64_t kDimensionsMax = 4096;
  constexpr float kPattern[] = {0.125f, -0.5f, 0.25f, 0.0625f};
  constexpr std::string_view kPatternText[] = {"0.125", "-0.5", "0.25", "0.0625"};
  const json::Value input = request["input"];
  const std::int64_t wanted =
      request[flavour == Flavour::mistral ? "output_dimension" : "dimensions"].integer_or(4);
  const auto dimensions = static_cast<std::size_t>(std::clamp<std::int64_t>(wanted, 1, kDimensionsMax));
  std::vector<float> numbers(dimensions);
  for (std::size_t i = 0; i < dimensions; ++i) numbers[i] = kPattern[i % 4];
  const bool base64 = request["encoding_format"].string_or({}) == "base64";
  const std::int64_t tokens = tokens_of(input.raw().size());

  std::string body;
  json::Writer out(body);
  out.begin_object();
  if (flavour == Flavour::mistral) out.member("id", hexadecimal_id_of(hash(request.raw()), "", 32));
  out.member("object", "list").key("data").begin_array();
  for (std::size_t i = 0; i < count_inputs(input); ++i) {
    out.begin_object().member("object", "embedding");
    out.member("index", static_cast<std::int64_t>(i)).key("embedding");
    if (base64) {
      out.string(base64_of(numbers));
    } else {
      out.begin_array();
      for (std::size_t k = 0; k < dimensions; ++k) out.raw(kPatternText[k % 4]);
      out.end_array();
    }
    out.end_object();
  }
  out.end_array().member("model", request["model"].string_or("unnamed")).key("usage").begin_object();
  out.member("prompt_tokens", tokens).member("total_tokens", tokens);
  if (flavour == Flavour::mistral) out.member("completion_tokens", 0).key("request_count").null();
  out.end_object().end_object();
  return body;
}

}  // namespace ai_proxy::simulator
