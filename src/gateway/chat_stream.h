// Streaming: the provider's events become the caller's, each as it comes.
#pragma once

#include "gateway/exchange.h"
#include "gateway/keep_alive.h"
#include "gateway/stream_source.h"

namespace ai_proxy::gateway {

// Relays the stream that `reply` begins, translated or as it is; it ends as the caller's dialect ends a
// stream, or with that dialect's form of a failure, never with both or neither. An error: it failed before
// its first delta, and the caller has been sent none of it (at most keep-alives).
http::Task<Result<void>> relay_stream(Exchange& exchange, http::ClientReply& reply, KeepAlive& keep_alive);
// The same from any source.
http::Task<Result<void>> relay_stream(Exchange& exchange, StreamSource& source, KeepAlive& keep_alive);

// Sends a stream of which everything is known.
http::Task<void> send_stream(Exchange& exchange, std::string_view events);

// Ends a stream that keep-alives have begun with the dialect's form of a failure.
http::Task<void> fail_stream(Exchange& exchange, Error error);

}  // namespace ai_proxy::gateway
