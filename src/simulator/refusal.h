// A refusal as each provider words it. Body shapes: wire.md 2.8, 3.5, 4.5.
#pragma once

#include <string>
#include <string_view>

#include "simulator/simulator.h"

namespace ai_proxy::simulator {

struct Refusal {
  int status = 500;
  std::string fields;  // extra header lines
  std::string body;
};

// What the provider says of this status when nothing more is known.
Refusal render_refusal(Flavour flavour, int status, std::string_view message);
// The provider's own words for a status that was asked for.
Refusal render_failure(Flavour flavour, int status);

// Empty `param` and `code` become null.
Refusal openai_refusal(int status, std::string_view type, std::string_view message, std::string_view param,
                       std::string_view code);
Refusal anthropic_refusal(int status, std::string_view type, std::string_view message);
Refusal mistral_refusal(int status, std::string_view type, std::string_view message, std::string_view code);
// 422: one fault of the body; `location` is a JSON array, `input` the JSON value that is at fault.
Refusal mistral_invalid(std::string_view type, std::string_view location, std::string_view message,
                        std::string_view input);

}  // namespace ai_proxy::simulator
