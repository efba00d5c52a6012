// How the next token is drawn and where the answer stops.
#pragma once

#include "base/error.h"
#include "base/json_writer.h"
#include "dialects/anthropic_messages/scope.h"

namespace ai_proxy::dialects::anthropic_messages {

// Writes temperature, top_p, top_k and stop_sequences, as far as the model takes them.
Result<void> write_sampling(json::Writer& out, const Scope& scope, bool thinking);

}  // namespace ai_proxy::dialects::anthropic_messages
