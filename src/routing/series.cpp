#include "routing/series.h"

#include "routing/route.h"

namespace ai_proxy::routing {

Series::Series(const Table& table, const pricing::Catalog& catalog, const NumberOf& number_of) {
  for (const providers::Provider& provider : table.providers) {
    OfProvider& series = providers_.emplace_back();
    series.other = number_of(provider.name, kOther);
    series.catalogued.assign(catalog.models().size(), series.other);
    for (std::size_t i = 0; i < catalog.models().size(); ++i) {
      const pricing::Model& model = catalog.models()[i];
      if (model.provider == provider.catalog) series.catalogued[i] = number_of(provider.name, model.id);
    }
    for (const auto& [name, alias] : table.aliases) {
      for (const std::vector<Target>& tier : alias.tiers) {
        for (const Target& target : tier) {
          if (target.provider != provider.name) continue;
          const std::string wire_model(providers::wire_model(provider.catalog, target.model));
          if (catalog.find(provider.catalog, wire_model) != nullptr) continue;
          series.configured.emplace(wire_model, number_of(provider.name, wire_model));
        }
      }
    }
  }
}

std::uint32_t Series::of(std::size_t provider, std::string_view catalog_name, const pricing::Catalog& catalog,
                         std::string_view wire_model) const {
  if (provider >= providers_.size()) return 0;
  const OfProvider& series = providers_[provider];
  if (const pricing::Model* model = catalog.find(catalog_name, wire_model))
    return series.catalogued[static_cast<std::size_t>(model - catalog.models().data())];
  if (series.configured.empty()) return series.other;
  const auto found = series.configured.find(wire_model);
  return found == series.configured.end() ? series.other : found->second;
}

}  // namespace ai_proxy::routing
