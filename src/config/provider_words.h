// The values that an entry of `providers:` may hold, and the names that belong to it. Each error is a half
// sentence that says what would be right.
#pragma once

#include <string>
#include <string_view>

#include "config/faults.h"
#include "http/url.h"
#include "providers/provider.h"

namespace ai_proxy::config {

// A word for `dialect`, and what its providers usually are.
struct DialectWord {
  std::string_view word;
  const dialects::Dialect* dialect;
  providers::AuthStyle auth;
  const dialects::Dialect* embeddings;  // null: none
};

Parsed<const DialectWord*> parse_dialect(std::string_view text);
const DialectWord& openai_dialect();

Parsed<providers::AuthStyle> parse_auth(std::string_view text);
Parsed<std::string> parse_catalog(std::string_view text);
Parsed<std::string> parse_region(std::string_view text);  // empty for none
Parsed<http::Origin> parse_origin(std::string_view text);
// "/v1", "/api/v3/", or nothing: without the slash at its end.
Parsed<std::string> parse_version_path(std::string_view text);

bool is_provider_name(std::string_view name);
bool is_variable_name(std::string_view name);

}  // namespace ai_proxy::config
