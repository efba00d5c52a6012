// The models that the simulated providers have, and their embeddings.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"
#include "simulator/simulator.h"

namespace ai_proxy::simulator {

// GET /v1/models, and GET /v1/models/{id}; nullopt: no such model.
std::string render_models(Flavour flavour);
std::optional<std::string> render_model(Flavour flavour, std::string_view id);

bool is_model(Flavour flavour, std::string_view id);
// The name under which the provider answers: the dated one of an alias (Mistral keeps the alias).
std::string_view answering_model(Flavour flavour, std::string_view id);

std::string render_embeddings(Flavour flavour, const json::Value& request);

}  // namespace ai_proxy::simulator
