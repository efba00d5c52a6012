#include "gateway/overrides.h"

#include <string>

#include "base/ascii.h"
#include "config/settings.h"
#include "config/units.h"

namespace ai_proxy::gateway {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kPrefix = "x-ai-proxy-";
constexpr std::size_t kFallbacksMax = 8;

void read_fallbacks(Overrides& overrides, std::string_view text, chat::Warnings& warnings) {
  if (ascii_iequals(text, "off")) {
    overrides.no_fallback = true;
    return;
  }
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(','), text.size());
    const std::string_view model = ascii_trim(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (model.empty()) continue;
    if (overrides.fallbacks.size() == kFallbacksMax) {
      warnings.add("x-ai-proxy-fallback: only the first 8 models were used.");
      return;
    }
    overrides.fallbacks.push_back(model);
  }
}

void read_field(Overrides& overrides, std::string_view name, std::string_view value,
                chat::Warnings& warnings) {
  if (ascii_iequals(name, "retries")) {
    const auto count = parse_integer<unsigned>(value);
    if (count && *count <= config::kRetriesMax) {
      overrides.retries = static_cast<int>(*count);
    } else {
      warnings.add("x-ai-proxy-retries: not a number from 0 to 10; what is configured was used.");
    }
  } else if (ascii_iequals(name, "timeout")) {
    if (const auto time = config::parse_duration(value, 10ms, 24h)) {
      overrides.total = *time;
    } else {
      warnings.add("x-ai-proxy-timeout: no time such as 30s or 500ms; what is configured was used.");
    }
  } else if (ascii_iequals(name, "fallback")) {
    read_fallbacks(overrides, value, warnings);
  } else if (ascii_iequals(name, "hedge")) {
    if (const auto truth = config::parse_truth(value)) {
      overrides.hedge = *truth;
    } else {
      warnings.add("x-ai-proxy-hedge: neither on nor off; what is configured was used.");
    }
  }
}

}  // namespace

Overrides read_overrides(const http::Headers& headers, chat::Warnings& warnings) {
  Overrides overrides;
  for (const http::Field& field : headers) {
    if (field.name.size() > kPrefix.size() && ascii_iequals(field.name.substr(0, kPrefix.size()), kPrefix))
      read_field(overrides, field.name.substr(kPrefix.size()), ascii_trim(field.value), warnings);
  }
  return overrides;
}

}  // namespace ai_proxy::gateway
