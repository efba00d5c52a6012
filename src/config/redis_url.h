// redis://[user:password@]host[:port][/database], and rediss:// for TLS. User and password are
// percent-decoded.
#pragma once

#include <string_view>

#include "config/faults.h"
#include "config/settings.h"

namespace ai_proxy::config {

// No error repeats anything of the URL: it may hold a password.
Parsed<RedisSettings> parse_redis_url(std::string_view url);

}  // namespace ai_proxy::config
