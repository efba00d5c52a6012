// A caller's body at one of our doors. Whatever is accepted becomes valid JSON for every provider; what
// passes through differs only where it must; and a refusal can be told in the door's own words.
#include <vector>

#include "chat/model_traits.h"
#include "dialects/fuzz_checks.h"
#include "dialects/native/native.h"

namespace ai_proxy::dialects {
namespace {

using fuzz::require;
using fuzz::require_json;

constexpr std::string_view kWireModel = "wire-model";

// Input: one byte for the door, three for the model's traits, then the body.
constexpr std::array<const Door*, 8> kDoors{
    &kOpenAiChatDoor, &kAnthropicMessagesDoor, &kMistralChatDoor,         &kOpenAiResponsesDoor,
    &kEmbeddingsDoor, &kMistralEmbeddingsDoor, &kAnthropicTokenCountDoor, nullptr};  // null: our native API

// All zero: everything is permitted.
chat::ModelTraits traits_of(fuzzing::Input& input) {
  const unsigned a = input.byte();
  const unsigned b = input.byte();
  const unsigned c = input.byte();
  const auto without = [](unsigned bits, unsigned bit) { return (bits >> bit & 1) == 0; };
  chat::ModelTraits traits;
  traits.system_role = static_cast<chat::SystemRole>(a % 3);
  traits.thinking = static_cast<chat::ThinkingStyle>((a / 3 + 3) % 4);  // 0: effort
  traits.max_output_tokens = (a & 64) != 0 ? 1000 : 0;
  if ((a & 128) != 0) traits.efforts = {"none", "low", "high"};
  if ((a & 128) != 0) traits.default_effort = "low";
  traits.samplers = without(b, 0);
  traits.samplers_without_effort = !without(b, 1);
  traits.temperature_with_top_p = without(b, 2);
  traits.temperature_only_one = !without(b, 3);
  traits.top_k = without(b, 4);
  traits.stop = without(b, 5);
  traits.penalties = without(b, 6);
  traits.prefill = without(b, 7);
  traits.tools_with_effort = without(c, 0);
  traits.json_schema = without(c, 1);
  traits.images = without(c, 2);
  traits.parallel_tool_calls = without(c, 3);
  traits.max_completion_tokens = without(c, 4);
  traits.stream_options = without(c, 5);
  return traits;
}

void check_render(const Dialect& dialect, const chat::Request& request, const chat::ModelTraits& traits) {
  chat::Warnings warnings;
  const Result<std::string> body = dialect.render_request(request, kWireModel, traits, warnings);
  for (const std::string& warning : warnings.list()) require(!warning.empty(), "a warning says something");
  if (!body) {
    require(!body.error().message.empty(), "a refusal says why");
    return;
  }
  require_json(*body, "what goes to a provider is JSON");
  json::Document document;
  require(!document.parse(*body, json::kProviderLimits) && document.root()["model"].string() == kWireModel,
          "the provider's word for the model goes out", *body);
}

void check_render_all(const chat::Request& request, const chat::ModelTraits& traits) {
  for (const Dialect* dialect : fuzz::kChatDialects) check_render(*dialect, request, traits);
}

// Everything but the model's name, and the usage that a stream is asked for, stands as the caller wrote it.
void check_pass_through(const Door& door, const json::Value& body, const Glance& glance) {
  const std::string sent = door.pass_through(body, kWireModel, glance).value_or(std::string(body.raw()));
  require_json(sent, "what passes through is JSON");
  json::Document document;
  require(!document.parse(sent, json::kProviderLimits), "what passes through is JSON", sent);
  const json::Value root = document.root();
  require(root["model"].string() == kWireModel, "the provider's word for the model goes out", sent);
  for (const json::Value member : body) {
    if (member.key() == "model" || member.key() == "stream_options") continue;
    require(root[member.key()].raw() == member.raw(), "a member passes as it is", sent);
  }
  const json::Value options = body["stream_options"];
  for (const json::Value option : options) {
    if (!options.is_object() || option.key() == "include_usage") continue;
    require(root["stream_options"][option.key()].raw() == option.raw(), "an option passes as it is", sent);
  }
  if (glance.stream) return;
  const auto model_at = static_cast<std::size_t>(body["model"].raw().data() - body.raw().data());
  const std::string_view behind = body.raw().substr(model_at + body["model"].raw().size());
  require(sent.starts_with(body.raw().substr(0, model_at)) && sent.ends_with(behind),
          "all around the model stands", sent);
}

void check_refusal(const Door& door, const Error& error) {
  require(!error.message.empty(), "a refusal says why");
  require_json(door.render_error(error, "req_1"), "a refusal is JSON");
  const int status = door.error_status(error);
  require(status >= 400 && status <= 599, "a refusal's status");
}

void check_door(const Door& door, const json::Value& body, const chat::ModelTraits& traits) {
  const Result<Glance> glance = door.glance(body);
  if (!glance) return check_refusal(door, glance.error());
  check_pass_through(door, body, *glance);
  chat::Warnings warnings;
  if (door.answer_alone != nullptr) {
    const Result<std::string> answer = door.answer_alone(body, warnings);
    if (answer) require_json(*answer, "an answer is JSON");
    if (!answer) check_refusal(door, answer.error());
    return;
  }
  const Result<chat::Request> request = door.parse_request(body, warnings);
  if (!request) return check_refusal(door, request.error());
  const bool embeds = door.dialect.ends_with("_embeddings");
  if (!embeds) return check_render_all(*request, traits);
  check_render(kOpenAiEmbeddings, *request, traits);
  check_render(kMistralEmbeddings, *request, traits);
}

const std::vector<std::string_view>& provider_names() {
  static const std::vector<std::string_view> names{"openai", "anthropic", "mistral"};
  return names;
}

void check_native(const json::Value& body, const chat::ModelTraits& traits) {
  chat::Warnings warnings;
  const auto names_its_provider = [](std::string_view model) {
    return model.find('/') != std::string_view::npos;
  };
  const native::ParseOutcome outcome =
      native::parse_request(body, provider_names(), names_its_provider, false, warnings);
  require(outcome.parsed.has_value() == outcome.failure_body.empty(), "either a request or a refusal");
  if (outcome.parsed) {
    check_render_all(outcome.parsed->request, traits);
  } else {
    require_json(outcome.failure_body, "a refusal is JSON");
  }
}

}  // namespace
}  // namespace ai_proxy::dialects

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ai_proxy;
  using namespace ai_proxy::dialects;
  fuzzing::Input input(data, size);
  const Door* door = input.one_of(kDoors);
  const chat::ModelTraits traits = traits_of(input);
  const fuzzing::Block body(input.rest());
  json::Document document;
  if (const auto fault = document.parse(body.view())) {
    require_json(native::malformed_json_body(*fault, provider_names()), "a refusal is JSON");
  } else if (door == nullptr) {
    check_native(document.root(), traits);
  } else {
    check_door(*door, document.root(), traits);
  }
  return 0;
}
