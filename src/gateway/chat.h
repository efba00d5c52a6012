// The life of a chat request, phase by phase (see chat.cpp).
#pragma once

#include "gateway/face.h"
#include "gateway/worker.h"
#include "http/server.h"

namespace ai_proxy::gateway {

http::Task<void> serve_chat(Worker& worker, http::Request& request, http::ResponseWriter& response,
                            const Face& face);

}  // namespace ai_proxy::gateway
