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
  api_key,    // api-key: KEY (Azure)
  none,
};

// Where a provider that speaks OpenAI's chat dialect differs from OpenAI. The defaults are OpenAI itself.
struct Quirks {
  bool stream_options = true;         // false: a stream is not asked for its usage
  bool max_completion_tokens = true;  // false: the ceiling is called max_tokens
  bool developer_role = true;         // false: instructions have the role system, whatever the model
  bool parallel_tool_calls = true;    // takes the member of this name
  bool json_schema = true;            // response_format json_schema; false: JSON, with the schema in words
  bool top_k = false;                 // takes this sampler, which OpenAI does not have
  bool operator==(const Quirks&) const = default;
};

struct Provider {
  std::string name;  // openai, anthropic, mistral, or a configured name
  const dialects::Dialect* dialect = nullptr;
  http::Origin origin;
  std::string version_path = "/v1";  // stands between the origin and what is called; may be empty
  AuthStyle auth = AuthStyle::bearer;
  std::string key_variable;  // OPENAI_API_KEY: named in errors
  std::vector<Secret> keys;  // none: not configured (unless auth is none); several share the load
  std::string fields;        // finished header lines sent with every request (anthropic-version: …\r\n)
  std::string catalog;       // whose prices and model names hold: openai, anthropic, mistral; may be empty
  std::string region;        // for prices: "eu" when the base URL is a regional endpoint; else empty

  bool responses = false;                         // answers OpenAI's Responses API too
  const dialects::Dialect* embeddings = nullptr;  // how it is asked for embeddings; null: it has none

  Quirks quirks;

  // The dialect of this name, when this provider speaks it; else null.
  const dialects::Dialect* speaks(std::string_view dialect_name) const;
  // What a request that came through the door of this name is translated to; null: no such operation here.
  const dialects::Dialect* counterpart(std::string_view door_dialect) const;
  // A dialect's path as it is here: its leading /v1 becomes version_path. Origin::path_prefix is not in it.
  std::string path_of(std::string_view dialect_path) const;
  // May a body that came through a door of the same dialect go on unchanged? False: a quirk stands against a
  // member of it (or against asking for a stream's usage), and it must be translated, as for any other
  // provider.
  bool takes_as_is(std::string_view door_dialect, const json::Value& body) const;
  bool configured() const { return auth == AuthStyle::none || !keys.empty(); }
  // Header lines of one request: auth with this key (one of keys, or an empty one), fixed fields, content
  // type, accept. Each with CRLF.
  std::string request_fields(bool stream, const Secret& key) const;
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
// The same for the model at this provider: with the provider's quirks, and its name, of which the traits keep
// a view.
chat::ModelTraits model_traits(const Provider& provider, std::string_view model,
                               const pricing::Catalog& catalog);

}  // namespace ai_proxy::providers
