// The request's schema (schema.h), told: to a caller who got it wrong, and to OpenAPI.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json_writer.h"

namespace ai_proxy::dialects::native {

// {"structure":{…},"description":"…","example":{…}}: the original gateway's three ways to show it.
void write_expected_schema(json::Writer& out, const std::vector<std::string_view>& provider_names);
// "provider: enum: openai | anthropic | mistral\nmodel: string\n…"
std::string schema_description(const std::vector<std::string_view>& provider_names);

}  // namespace ai_proxy::dialects::native
