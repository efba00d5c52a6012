#include "telemetry/series.h"

namespace ai_proxy::telemetry {

SeriesNames::SeriesNames() {
  number_of("none", "none");
  number_of("other", "other");
}

std::uint32_t SeriesNames::number_of(std::string_view provider, std::string_view model) {
  const Labels labels = Labels("gen_ai_provider_name", provider).add("gen_ai_request_model", model);
  const auto found = numbers_.find(labels.text());
  if (found != numbers_.end()) return found->second;
  if (size() == kSeriesMax) return kOthers;
  numbers_.emplace(labels.text(), size());
  labels_.push_back(labels);
  return size() - 1;
}

}  // namespace ai_proxy::telemetry
