#include "pricing/catalog.h"

#include <stdexcept>
#include <utility>

#include "pricing/embedded_prices.h"
#include "pricing/loader.h"

namespace ai_proxy::pricing {
namespace {

// claude-sonnet-4-5-20250929, gpt-4o-2024-08-06 -> the name before the date; the whole name when there is
// none.
std::string_view without_date(std::string_view name) {
  constexpr std::size_t kDashed = 11, kPlain = 9;  // with the dash before
  if (name.size() > kDashed && name[name.size() - kDashed] == '-' && is_date(name.substr(name.size() - 10))) {
    return name.substr(0, name.size() - kDashed);
  }
  if (name.size() > kPlain && name[name.size() - kPlain] == '-') {
    std::string date(name.substr(name.size() - 8));
    date.insert(6, 1, '-').insert(4, 1, '-');
    if (is_date(date)) return name.substr(0, name.size() - kPlain);
  }
  return name;
}

// Mistral's dates have four digits and belong to the name.
bool dates_are_versions_of_one_price(std::string_view provider) {
  return provider == "openai" || provider == "anthropic";
}

}  // namespace

Result<std::shared_ptr<const Catalog>> Catalog::load(std::string_view json_text) {
  auto models = load_models(json_text);
  if (!models) return std::unexpected(std::move(models.error()));
  auto catalog = std::make_shared<Catalog>();
  catalog->models_ = std::move(*models);
  for (std::size_t i = 0; i < catalog->models_.size(); ++i) {
    const Model& model = catalog->models_[i];
    Names<std::size_t>& names = catalog->by_provider_[model.provider];
    const auto add = [&](const std::string& name) { return names.emplace(name, i).second; };
    std::string_view taken = add(model.id) ? std::string_view() : model.id;
    for (const std::string& alias : model.aliases) {
      if (!add(alias)) taken = alias;
    }
    if (!taken.empty()) {
      return std::unexpected(internal_error("Price file: " + model.provider + "/" + model.id + ": the name " +
                                            std::string(taken) + " stands twice."));
    }
  }
  for (const auto& [provider, names] : catalog->by_provider_) {
    for (const auto& [name, index] : names) catalog->owners_.emplace(name, catalog->find_provider_of(name));
  }
  return catalog;
}

Result<std::shared_ptr<const Catalog>> Catalog::parse(std::string_view json_text) {
  auto catalog = load(json_text);
  if (!catalog) return catalog;
  const auto known = built_in();
  for (const Model& model : (*catalog)->models_) {
    const Model* usual = known->named(model.provider, model.id);
    if (usual == nullptr) continue;
    if (auto good = check_against(model, *usual); !good) return std::unexpected(std::move(good.error()));
  }
  return catalog;
}

std::shared_ptr<const Catalog> Catalog::built_in() {
  static const std::shared_ptr<const Catalog> catalog = [] {
    auto loaded = load(kEmbeddedPrices);
    // The tests load it, so a program that reaches this was built without them.
    if (!loaded) throw std::logic_error(loaded.error().message);
    return *loaded;
  }();
  return catalog;
}

const Model* Catalog::named(std::string_view provider, std::string_view name) const {
  const auto names = by_provider_.find(provider);
  if (names == by_provider_.end()) return nullptr;
  const auto found = names->second.find(name);
  return found == names->second.end() ? nullptr : &models_[found->second];
}

const Model* Catalog::find(std::string_view provider, std::string_view model) const {
  if (const Model* found = named(provider, model)) return found;
  if (model.size() > provider.size() && model.starts_with(provider) && model[provider.size()] == '/') {
    model.remove_prefix(provider.size() + 1);
    if (const Model* found = named(provider, model)) return found;
  }
  if (model.starts_with("ft:")) {
    model = model.substr(0, model.find(':', 3));
    if (const Model* found = named(provider, model)) return found;
  }
  if (dates_are_versions_of_one_price(provider)) return named(provider, without_date(model));
  return nullptr;
}

std::string_view Catalog::provider_of(std::string_view model) const {
  const auto known = owners_.find(model);
  return known == owners_.end() ? find_provider_of(model) : known->second;
}

std::string_view Catalog::find_provider_of(std::string_view model) const {
  std::string_view provider;
  for (const auto& [name, names] : by_provider_) {
    if (find(name, model) == nullptr) continue;
    if (!provider.empty()) return {};
    provider = name;
  }
  return provider;
}

}  // namespace ai_proxy::pricing
