#include "routing/route.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "base/nearest.h"
#include "providers/compatible.h"

namespace ai_proxy::routing {
namespace {

using providers::Provider;

const Provider* named(const Table& table, std::string_view name) {
  const auto found = std::ranges::find(table.providers, name, &Provider::name);
  return found == table.providers.end() ? nullptr : &*found;
}

std::vector<std::string_view> names_of(const Table& table) {
  std::vector<std::string_view> names;
  names.reserve(table.providers.size());
  for (const Provider& provider : table.providers) names.push_back(provider.name);
  return names;
}

// What a caller wrote goes into a message quoted and cut.
std::string in_quotes(std::string_view text) {
  constexpr std::size_t kShownMax = 100;
  std::string result = "\"";
  for (const char c : text.substr(0, kShownMax)) {
    result.push_back(static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c);
  }
  if (text.size() > kShownMax) result.append("…");
  return result.append("\"");
}

std::string listed(const std::vector<std::string_view>& names) {
  std::string text;
  for (const std::string_view name : names) text.append(text.empty() ? "" : ", ").append(name);
  return text;
}

Error unknown_provider(const Table& table, std::string_view name, std::string_view parameter) {
  if (const auto* row = providers::find_compatible(name)) return providers::not_active(*row);
  const auto names = names_of(table);
  return bad_request("There is no provider " + in_quotes(name) + "." + did_you_mean(name, names) +
                         " Configured are: " + listed(names) + ".",
                     std::string(parameter));
}

const Secret kNoKey;
// Names are remembered, logged and sent back in header fields.
constexpr std::size_t kModelNameLengthMax = 256;

// What names are looked up in.
struct Known {
  const Table& table;
  const pricing::Catalog& catalog;
};

// One candidate for each of the provider's keys.
Result<void> add_candidates(Plan& plan, const Known& known, const Provider& provider, std::string_view model,
                            unsigned weight, std::size_t tier) {
  if (model.empty()) {
    return std::unexpected(
        bad_request("The name of a model is missing after " + in_quotes(provider.name + "/") + ".", "model"));
  }
  if (model.size() > kModelNameLengthMax)
    return std::unexpected(bad_request("The name of a model has at most 256 characters.", "model"));
  if (!provider.configured()) return std::unexpected(not_configured(provider.name, provider.key_variable));
  const std::string wire_model(providers::wire_model(provider.catalog, model));
  const auto place = static_cast<std::size_t>(&provider - known.table.providers.data());
  const std::uint32_t series = known.table.series.of(place, provider.catalog, known.catalog, wire_model);
  const std::size_t keys = std::max<std::size_t>(provider.keys.size(), 1);
  for (std::size_t i = 0; i < keys && plan.candidates.size() < kCandidatesMax; ++i) {
    std::string id = provider.name + "/" + wire_model;
    if (i > 0) id.append("#").append(std::to_string(i + 1));
    plan.candidates.push_back({.provider = &provider,
                               .key = provider.keys.empty() ? &kNoKey : &provider.keys[i],
                               .model = std::string(model),
                               .wire_model = wire_model,
                               .id = std::move(id),
                               .key_number = static_cast<unsigned>(i + 1),
                               .weight = weight,
                               .tier = tier,
                               .series = series});
  }
  return {};
}

// Where the next tier begins.
std::size_t next_tier(const Plan& plan) {
  return plan.candidates.empty() ? 0 : plan.candidates.back().tier + 1;
}

Result<void> add_candidates(Plan& plan, const Known& known, const Provider& provider,
                            std::string_view model) {
  return add_candidates(plan, known, provider, model, 1, next_tier(plan));
}

// What stands before the first slash, or nothing.
std::optional<std::pair<std::string_view, std::string_view>> split_at_slash(std::string_view model) {
  const std::size_t slash = model.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  return std::pair(model.substr(0, slash), model.substr(slash + 1));
}

// Whose catalogue knows this bare name, either as it is or by the name that goes out.
std::string_view catalog_of(const pricing::Catalog& catalog, std::string_view model) {
  if (const std::string_view known = catalog.provider_of(model); !known.empty()) return known;
  std::string_view found;
  for (const std::string_view name : {"openai", "anthropic", "mistral"}) {
    if (providers::wire_model(name, model) == model && catalog.find(name, model) == nullptr) continue;
    if (!found.empty()) return {};
    found = name;
  }
  return found;
}

// Among the providers that serve a catalogue: the one of that name, or else the only one with a key.
Result<const Provider*> serving(const Table& table, std::string_view catalog, std::string_view model) {
  const Provider* own = named(table, catalog);
  if (own != nullptr && own->catalog == catalog && own->configured()) return own;
  std::vector<const Provider*> others;
  std::vector<std::string_view> names;
  for (const Provider& provider : table.providers) {
    if (provider.catalog != catalog || !provider.configured()) continue;
    others.push_back(&provider);
    names.push_back(provider.name);
  }
  if (others.size() == 1) return others.front();
  if (others.empty() && own != nullptr) return own;  // its missing key is what there is to say
  if (others.empty()) return nullptr;
  return std::unexpected(bad_request(
      "The model " + in_quotes(model) + " is served by more than one provider (" + listed(names) +
          "). Say which, as in " + in_quotes(std::string(names.front()) + "/" + std::string(model)) + ".",
      "model"));
}

Error unplaceable(const Table& table, const pricing::Catalog& catalog, std::string_view model) {
  std::vector<std::string_view> known;
  for (const auto& [name, alias] : table.aliases) known.push_back(name);
  for (const pricing::Model& entry : catalog.models()) {
    known.push_back(entry.id);
    known.insert(known.end(), entry.aliases.begin(), entry.aliases.end());
  }
  Error error = bad_request(
      "No provider is known for the model " + in_quotes(model) + "." + did_you_mean(model, known) +
          " Name one: \"provider\", or the model as provider/name (" + listed(names_of(table)) + ").",
      "model");
  error.code = ErrorCode::model_not_found;
  return error;
}

const Alias* find_alias(const Table& table, std::string_view model) {
  const auto found = table.aliases.find(model);
  return found == table.aliases.end() ? nullptr : &found->second;
}

// The caller named a provider: only its own prefix and its own aliases are taken off the model's name.
// Anything else goes on as it is, slashes too: some providers have them in their names.
Result<void> with_provider(Plan& plan, const Known& known, std::string_view provider_name,
                           std::string_view model) {
  const Table& table = known.table;
  const Provider* provider = named(table, provider_name);
  if (provider == nullptr) return std::unexpected(unknown_provider(table, provider_name, "provider"));
  if (const auto parts = split_at_slash(model); parts && parts->first == provider_name) model = parts->second;
  if (const Alias* alias = find_alias(table, model)) {
    for (const std::vector<Target>& tier : alias->tiers) {
      for (const Target& target : tier) {
        if (target.provider == provider_name) return add_candidates(plan, known, *provider, target.model);
      }
    }
  }
  return add_candidates(plan, known, *provider, model);
}

// Targets without a key are passed over, unless no other is left.
Result<void> with_alias(Plan& plan, const Known& known, const Alias& alias) {
  const std::size_t before = plan.candidates.size();
  std::optional<Error> missing;
  for (const std::vector<Target>& tier : alias.tiers) {
    const std::size_t number = next_tier(plan);
    for (const Target& target : tier) {
      const Provider* provider = named(known.table, target.provider);
      if (provider == nullptr)
        return std::unexpected(unknown_provider(known.table, target.provider, "model"));
      Result<void> added = add_candidates(plan, known, *provider, target.model, target.weight, number);
      if (!added && !missing) missing = std::move(added.error());
    }
  }
  if (plan.candidates.size() == before && missing) return std::unexpected(std::move(*missing));
  return {};
}

Result<void> by_catalogue(Plan& plan, const Known& known, std::string_view model) {
  const auto& [table, catalog] = known;
  const std::string_view owner = catalog_of(catalog, model);
  if (owner.empty()) return std::unexpected(unplaceable(table, catalog, model));
  const auto provider = serving(table, owner, model);
  if (!provider) return std::unexpected(provider.error());
  if (*provider == nullptr) return std::unexpected(unplaceable(table, catalog, model));
  return add_candidates(plan, known, **provider, model);
}

Result<void> by_model(Plan& plan, const Known& known, std::string_view model) {
  const Table& table = known.table;
  if (const Alias* alias = find_alias(table, model)) return with_alias(plan, known, *alias);
  if (const auto parts = split_at_slash(model)) {
    if (named(table, parts->first) == nullptr) {
      return std::unexpected(unknown_provider(table, parts->first, "model"));
    }
    return with_provider(plan, known, parts->first, parts->second);
  }
  return by_catalogue(plan, known, model);
}

}  // namespace

Result<Plan> make_plan(const Table& table, const pricing::Catalog& catalog, std::string_view provider,
                       std::string_view model) {
  if (model.empty()) return std::unexpected(bad_request("The name of a model is missing.", "model"));
  const Known known{table, catalog};
  Plan plan;
  Result<void> placed =
      provider.empty() ? by_model(plan, known, model) : with_provider(plan, known, provider, model);
  if (!placed) return std::unexpected(std::move(placed.error()));
  if (provider.empty()) plan.alias = find_alias(table, model);
  return plan;
}

Result<void> add_fallback(Plan& plan, const Table& table, const pricing::Catalog& catalog,
                          std::string_view model) {
  return by_model(plan, {table, catalog}, model);
}

}  // namespace ai_proxy::routing
