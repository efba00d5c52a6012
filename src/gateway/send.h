// The ends of an exchange: a whole answer, or an error, in the caller's dialect.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "gateway/exchange.h"

namespace ai_proxy::gateway {

inline constexpr std::uint32_t kCacheTtlSecondsMax = 30 * 24 * 3600;

// Sends a JSON answer with the headers every answer carries, and notes its status (499 when the client is
// gone).
// `more_fields`: further header lines, each with CRLF.
http::Task<void> send(Exchange& exchange, int status, std::string_view body, bool with_cost,
                      std::string_view more_fields = {});

// A request that comes, or still runs, when the drain time is over.
Error shutting_down();
// This server has as much to do as it can: a request that may not begin, or that must end for its memory.
Error server_overloaded();
// Why this server cancelled the exchange, where it did and not its client.
std::optional<Error> cancelled_here(const Exchange& exchange, const Error& error);

// stream_interrupted is a word for streams that had begun; before that the provider was not reachable to the
// end.
Error broken_before_answer(Error error);

// Keeps the error with the exchange, completed by what is known of the provider's answer.
void note_error(Exchange& exchange, Error error);

// Sends the error with the status of its code. An exchange whose client has gone sends nothing.
http::Task<void> send_error(Exchange& exchange, Error error);

// Why the cost is null, for a person.
std::string unknown_cost_warning(const Exchange& exchange);

}  // namespace ai_proxy::gateway
