// From what the caller wrote to whom we call. Pure.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/money.h"
#include "base/secret.h"
#include "pricing/catalog.h"
#include "providers/provider.h"
#include "routing/retry.h"
#include "routing/series.h"

namespace ai_proxy::routing {

// A provider's model, as the configuration or a caller names it.
struct Target {
  std::string provider;
  std::string model;
  unsigned weight = 1;  // its share among the targets of its tier
};

// How one target of a tier is chosen.
enum class Preference : std::uint8_t { weight, latency };
// What shall meet the same target again, because the provider may have cached its prompt.
enum class Affinity : std::uint8_t { none, user, prompt };

// A second call beside one that is slow to begin; the first to begin its answer wins.
struct Hedge {
  std::chrono::milliseconds after{0};  // without a word from the first; 0: never
  PicoUsd cost_max = 0;                // of what the second may cost at most
};

// An alias of the configuration: a name that stands for targets, in the order in which they are to be tried.
struct Alias {
  std::vector<std::vector<Target>> tiers;  // at least one, none empty
  Preference choose = Preference::weight;
  Affinity affinity = Affinity::none;
  Hedge hedge;
  Causes fallback_on = kFallbackCauses;

  const Target& first() const { return tiers.front().front(); }
};

struct Table {
  std::vector<providers::Provider> providers;
  std::map<std::string, Alias, std::less<>> aliases;
  Series series;  // of these providers
};

// One place a request can go: a provider, its model and one of its keys.
struct Candidate {
  const providers::Provider* provider = nullptr;
  const Secret* key = nullptr;  // never null once placed; empty where the provider needs none
  std::string model;            // as the caller meant it: without "provider/", alias resolved
  std::string wire_model;       // as the provider takes it
  std::string id;               // provider/wire_model, and #2 for its second key: for people, and for health
  unsigned key_number = 1;
  unsigned weight = 1;
  std::size_t tier = 0;
  std::uint32_t series = 0;  // where it is counted: Table::series
};

struct Plan {
  std::vector<Candidate> candidates;  // by tiers; at least one, at most kCandidatesMax
  const Alias* alias = nullptr;       // whose rules hold; null: the caller named the provider

  Causes fallback_on() const { return alias != nullptr ? alias->fallback_on : kFallbackCauses; }
};
inline constexpr std::size_t kCandidatesMax = 64;

// `provider` may be empty when `model` is "provider/name", an alias, or a bare name that only one provider's
// catalogue knows. Errors: invalid_request (unknown provider, with did-you-mean; ambiguous bare name),
// model_not_found (unplaceable bare name, with did-you-mean), provider_not_configured (when no target has a
// key: those without are passed over).
Result<Plan> make_plan(const Table& table, const pricing::Catalog& catalog, std::string_view provider,
                       std::string_view model);

// Adds what `model` stands for as further tiers. Errors as above.
Result<void> add_fallback(Plan& plan, const Table& table, const pricing::Catalog& catalog,
                          std::string_view model);

}  // namespace ai_proxy::routing
