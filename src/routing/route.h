// From what the caller wrote to whom we call. Pure.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "pricing/catalog.h"
#include "providers/provider.h"

namespace ai_proxy::routing {

// An alias of the configuration: a name that stands for a provider's model.
struct Alias {
  std::string provider;
  std::string model;
};

struct Table {
  std::vector<providers::Provider> providers;
  std::map<std::string, Alias, std::less<>> aliases;
};

struct Candidate {
  const providers::Provider* provider = nullptr;
  std::string model;       // as the caller meant it: without "provider/", alias resolved
  std::string wire_model;  // as the provider takes it
};

// `provider` may be empty when `model` is "provider/name", an alias, or a bare name that only one provider's
// catalogue knows. Errors: invalid_request (unknown provider, with did-you-mean; ambiguous bare name),
// model_not_found (unplaceable bare name, with did-you-mean), provider_not_configured.
Result<Candidate> find_candidate(const Table& table, const pricing::Catalog& catalog,
                                 std::string_view provider, std::string_view model);

}  // namespace ai_proxy::routing
