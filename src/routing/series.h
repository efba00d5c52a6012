// Where a candidate is counted. Every model that the catalogue or the configuration names for a provider has
// a number of its own, all others of that provider share one: what a caller writes never becomes the name of
// anything. Pure.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "pricing/catalog.h"

namespace ai_proxy::routing {

struct Table;

class Series {
 public:
  // The number of a provider's model. Must give the same one for the same pair, whenever it is asked.
  using NumberOf = std::function<std::uint32_t(std::string_view provider, std::string_view model)>;
  static constexpr std::string_view kOther = "other";  // stands for a provider's nameless models

  Series() = default;  // everything is counted under 0
  Series(const Table& table, const pricing::Catalog& catalog, const NumberOf& number_of);

  // `provider`: its place in the table. Dated and other names of a model of the catalogue are that model.
  std::uint32_t of(std::size_t provider, std::string_view catalog_name, const pricing::Catalog& catalog,
                   std::string_view wire_model) const;

 private:
  struct OfProvider {
    std::uint32_t other = 0;
    std::vector<std::uint32_t> catalogued;                         // by place in the catalogue
    std::map<std::string, std::uint32_t, std::less<>> configured;  // targets that the catalogue does not know
  };
  std::vector<OfProvider> providers_;  // as in the table
};

}  // namespace ai_proxy::routing
