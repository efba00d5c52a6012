// A provider is who and where: name, base URL, key, and the dialect it speaks. Immutable once configured.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/secret.h"
#include "chat/model_traits.h"
#include "dialects/dialect.h"
#include "http/url.h"
#include "pricing/catalog.h"

namespace ai_proxy::providers {

enum class AuthStyle : std::uint8_t {
  bearer,     // Authorization: Bearer KEY
  x_api_key,  // x-api-key: KEY (Anthropic)
  none,
};

struct Provider {
  std::string name;  // openai, anthropic, mistral, or a configured name
  const dialects::Dialect* dialect = nullptr;
  http::Origin origin;
  AuthStyle auth = AuthStyle::bearer;
  std::string key_variable;  // OPENAI_API_KEY: named in errors
  Secret key;                // empty: not configured (unless auth is none)
  std::string fields;        // finished header lines sent with every request (anthropic-version: …\r\n)
  std::string catalog;       // whose prices and model names hold: openai, anthropic, mistral; may be empty
  std::string region;        // for prices: "eu" when the base URL is a regional endpoint; else empty

  bool responses = false;    // answers OpenAI's Responses API too

  // The dialect of this name, when this provider speaks it; else null.
  const dialects::Dialect* speaks(std::string_view dialect_name) const;
  bool configured() const { return auth == AuthStyle::none || !key.empty(); }
  // Header lines of one request: auth, fixed fields, content type, accept. Each with CRLF.
  std::string request_fields(bool stream) const;
};

// "eu" for eu.api.openai.com and api.eu.mistral.ai, whose prices are higher; empty for every other host.
std::string region_of(std::string_view host);

// The three built-in providers with their own base URLs and no keys, in the contract's order.
std::vector<Provider> built_in_providers();

// The name a provider takes on the wire: "mistral-large" -> "mistral-large-latest", "claude-sonnet-4" ->
// "claude-sonnet-4-0"; unknown names unchanged (wire.md 1.1). `provider_catalog` is Provider::catalog.
std::string_view wire_model(std::string_view provider_catalog, std::string_view model);

// What this model accepts: capability table + catalogue limits. Unknown models get the most permissive traits
// of their dialect.
chat::ModelTraits model_traits(std::string_view provider_catalog, std::string_view model,
                               const pricing::Catalog& catalog);

}  // namespace ai_proxy::providers
