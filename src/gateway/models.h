// GET /v1/models and /v1/models/{id}: what is configured, in the shape of the door it is asked through, with
// context window, output limit and prices as further members.
#pragma once

#include "gateway/worker.h"
#include "http/server.h"

namespace ai_proxy::gateway {

enum class ModelsShape : std::uint8_t { openai, anthropic, mistral };

// `id` empty: all of them. Percent-encoded as in the path.
http::Task<void> serve_models(Worker& worker, http::Request& request, http::ResponseWriter& response,
                              ModelsShape shape, std::string_view id);

}  // namespace ai_proxy::gateway
