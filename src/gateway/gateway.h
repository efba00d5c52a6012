// The front door: which request goes where. Everything under it is one exchange (exchange.h).
#pragma once

#include <string_view>

#include "gateway/worker.h"
#include "http/server.h"

namespace ai_proxy::gateway {

// Answers one request, whatever it is. `worker` is the thread's own.
http::Task<void> serve(Worker& worker, http::Request& request, http::ResponseWriter& response);

// The server's gate: what may not begin now is refused before its body is read.
http::RequestFault admit(Worker& worker, std::string_view path, bool beyond_max);

// How a request that is none is answered and logged.
http::Refusal refuse(Worker& worker, const http::Refused& refused);

}  // namespace ai_proxy::gateway
