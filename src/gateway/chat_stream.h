// Streaming: the provider's events become ours, each as it comes.
#pragma once

#include "gateway/exchange.h"

namespace ai_proxy::gateway {

// Calls the provider and relays its stream as `event: chunk` …, then exactly one `event: done` or `event:
// error`. A stream that fails before its first delta is a real HTTP status.
http::Task<void> answer_stream(Exchange& exchange);

}  // namespace ai_proxy::gateway
