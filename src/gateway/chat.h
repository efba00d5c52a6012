// POST /v1/chat: the life of a request, phase by phase, in chat.cpp.
#pragma once

#include "gateway/worker.h"
#include "http/server.h"

namespace ai_proxy::gateway {

http::Task<void> serve_chat(Worker& worker, http::Request& request, http::ResponseWriter& response);

}  // namespace ai_proxy::gateway
