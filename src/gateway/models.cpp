#include "gateway/models.h"

#include <optional>
#include <ranges>
#include <string>
#include <vector>

#include "base/json_writer.h"
#include "base/money.h"
#include "dialects/doors.h"
#include "gateway/exchange.h"
#include "gateway/face.h"
#include "gateway/send.h"
#include "routing/route.h"

namespace ai_proxy::gateway {
namespace {

constexpr PicoUsd kTokensPerPrice = 1'000'000;

struct Listed {
  std::string id;               // by which a request names it
  std::string_view provider;    // the configured one that serves it
  const pricing::Model* model;  // null: the catalogue does not know it
};

// The name stands alone where it is clear whose it is.
std::string listed_id(const providers::Provider& provider, const pricing::Model& model) {
  return provider.name == provider.catalog ? model.id : provider.name + "/" + model.id;
}

Listed listed(const config::Settings& settings, const std::string& id, const routing::Candidate& candidate) {
  const providers::Provider& provider = *candidate.provider;
  return {id, provider.name, settings.catalog->find(provider.catalog, candidate.wire_model)};
}

std::vector<Listed> list_models(const config::Settings& settings) {
  std::vector<Listed> all;
  for (const auto& name : std::views::keys(settings.routes.aliases)) {
    const auto plan = routing::make_plan(settings.routes, *settings.catalog, {}, name);
    if (plan) all.push_back(listed(settings, name, plan->candidates.front()));
  }
  for (const providers::Provider& provider : settings.routes.providers) {
    if (!provider.configured() || provider.catalog.empty()) continue;
    for (const pricing::Model& model : settings.catalog->models()) {
      if (model.provider != provider.catalog || model.status == "retired") continue;
      all.push_back({listed_id(provider, model), provider.name, &model});
    }
  }
  return all;
}

Result<Listed> find_model(const config::Settings& settings, const std::string& id) {
  Result<routing::Plan> plan = routing::make_plan(settings.routes, *settings.catalog, {}, id);
  if (!plan) return std::unexpected(std::move(plan.error()));
  return listed(settings, id, plan->candidates.front());
}

// What is the same in every shape, and in no provider's: ours.
void write_facts(json::Writer& out, const pricing::Model* model) {
  if (model == nullptr) return;
  if (model->context_tokens > 0) out.member("context_window", model->context_tokens);
  if (model->max_output_tokens > 0) out.member("max_output_tokens", model->max_output_tokens);
  out.key("pricing").begin_object().member("unit", "USD per 1,000,000 tokens");
  for (const pricing::PriceMember& member : pricing::kPriceMembers) {
    if (const auto price = model->prices.*(member.price))
      out.member(member.name, format_usd(*price * kTokensPerPrice));
  }
  out.end_object();
}

bool is_chat(const pricing::Model* model) {
  return model == nullptr || model->mode == "chat";
}

// When a model came out is not on record: each shape's "unknown".
void write_model(json::Writer& out, ModelsShape shape, const Listed& listed) {
  out.begin_object();
  switch (shape) {
    case ModelsShape::openai:
      out.member("id", listed.id).member("object", "model").member("created", 0);
      out.member("owned_by", listed.provider);
      break;
    case ModelsShape::anthropic:
      out.member("type", "model").member("id", listed.id).member("display_name", listed.id);
      out.member("created_at", "1970-01-01T00:00:00Z");
      break;
    case ModelsShape::mistral:
      out.member("id", listed.id).member("object", "model").member("created", 0);
      out.member("owned_by", listed.provider).key("capabilities").begin_object();
      out.member("completion_chat", is_chat(listed.model)).member("function_calling", is_chat(listed.model));
      out.member("completion_fim", false).member("fine_tuning", false).member("vision", false);
      out.end_object().member("name", listed.id).key("description").null();
      if (listed.model != nullptr && listed.model->context_tokens > 0)
        out.member("max_context_length", listed.model->context_tokens);
      out.key("aliases").begin_array();
      if (listed.model != nullptr) {
        for (const std::string& alias : listed.model->aliases) out.string(alias);
      }
      out.end_array().key("deprecation").null().member("type", "base");
      break;
  }
  write_facts(out, listed.model);
  out.end_object();
}

std::string render_list(ModelsShape shape, const std::vector<Listed>& all) {
  std::string text;
  json::Writer out(text);
  out.begin_object();
  if (shape != ModelsShape::anthropic) out.member("object", "list");
  out.key("data").begin_array();
  for (const Listed& listed : all) write_model(out, shape, listed);
  out.end_array();
  if (shape == ModelsShape::anthropic) {
    out.member("has_more", false);
    for (const auto& [name, entry] : {std::pair("first_id", all.empty() ? nullptr : &all.front()),
                                      std::pair("last_id", all.empty() ? nullptr : &all.back())}) {
      out.key(name);
      if (entry == nullptr) {
        out.null();
      } else {
        out.string(entry->id);
      }
    }
  }
  out.end_object();
  return text;
}

const Face& face_of_shape(ModelsShape shape) {
  switch (shape) {
    case ModelsShape::anthropic:
      return face_of(dialects::kAnthropicMessagesDoor);
    case ModelsShape::mistral:
      return face_of(dialects::kMistralChatDoor);
    case ModelsShape::openai:
      break;
  }
  return face_of(dialects::kOpenAiChatDoor);
}

}  // namespace

http::Task<void> serve_models(Worker& worker, http::Request& request, http::ResponseWriter& response,
                              ModelsShape shape, std::string_view id) {
  Exchange exchange(worker, request, response, face_of_shape(shape));
  if (id.empty()) {
    const std::string body = render_list(shape, list_models(*exchange.settings));
    co_await send(exchange, 200, body, false);
    co_return;
  }
  Result<Listed> listed = find_model(*exchange.settings, http::percent_decoded(id));
  if (!listed) {
    co_await send_error(exchange, std::move(listed.error()));
    co_return;
  }
  std::string body;
  json::Writer out(body);
  write_model(out, shape, *listed);
  co_await send(exchange, 200, body, false);
}

}  // namespace ai_proxy::gateway
