// Streaming: the provider's events become the caller's, each as it comes.
#pragma once

#include "gateway/exchange.h"

namespace ai_proxy::gateway {

// Calls the provider and relays its stream, translated or as it is; it ends as the caller's dialect ends a
// stream, or with that dialect's form of a failure, never with both or neither. A stream that fails before
// its first delta is a real HTTP status.
http::Task<void> answer_stream(Exchange& exchange);

}  // namespace ai_proxy::gateway
