// What becomes of a request that asks for something its provider has no place for: a warning, or a refusal.
#include <array>

#include "base/ascii.h"
#include "config/sections.h"

namespace ai_proxy::config {

void read_on_unsupported(Reading& reading) {
  static constexpr std::array<std::string_view, 2> kWords{"warn", "reject"};
  const auto parse = [](std::string_view text) -> Parsed<bool> {
    for (const std::string_view word : kWords) {
      if (ascii_iequals(word, ascii_trim(text))) return word == "reject";
    }
    return std::unexpected(not_one_of(text, kWords));
  };
  reading.assign_both(reading.settings.reject_unsupported, reading.root, "on_unsupported",
                      "AI_PROXY_ON_UNSUPPORTED", parse);
}

}  // namespace ai_proxy::config
