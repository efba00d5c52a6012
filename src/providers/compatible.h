// Providers we know by name that speak OpenAI's chat dialect, more or less: where each one is, how its key is
// sent, and where it differs (its quirks). A row costs nothing until the configuration makes it active.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/error.h"
#include "providers/provider.h"

namespace ai_proxy::providers {

struct CompatibleProvider {
  std::string_view name;
  std::string_view base_url;      // empty: everyone has their own (Azure)
  std::string_view key_variable;  // GROQ_API_KEY; empty: it asks for no key
  AuthStyle auth = AuthStyle::bearer;
  std::string_view version_path = "/v1";
  Quirks quirks = {};
  bool responses = false;   // its own Responses API is used; false: such requests are translated to chat
  bool embeddings = false;  // answers /v1/embeddings
};

std::span<const CompatibleProvider> compatible_providers();

// nullptr: no row has this name.
const CompatibleProvider* find_compatible(std::string_view name);

// my-vllm -> MY_VLLM: the beginning of its variables' names.
std::string variable_prefix(std::string_view provider_name);

// What to tell who asks for a row that is not active: the variables that make it so. 503.
Error not_active(const CompatibleProvider& row);

// The provider of a row, without a key; without a host where the row has no base URL.
Provider make_provider(const CompatibleProvider& row);

// A base URL without the version at its end, spelled out or half: with the version path /v1beta/openai,
// https://host/v1beta/openai and https://host/v1beta mean https://host. (http::parse_base_url has taken /v1
// off already.)
void drop_version(http::Origin& origin, std::string_view version_path);

// The row's own host without a path means its usual path: https://api.groq.com is
// https://api.groq.com/openai.
void complete_path(http::Origin& origin, const CompatibleProvider& row);

}  // namespace ai_proxy::providers
