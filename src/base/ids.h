// Request ids: what we mint, and which of the caller's own we let in.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace ai_proxy {

// "req_" + 24 characters of [0-9a-z]: random, unique for all practical purposes. Any thread.
std::string new_request_id();

// May a caller's x-request-id go into our log and headers? 1 to 128 of [A-Za-z0-9._:-].
bool sane_request_id(std::string_view id);

}  // namespace ai_proxy
