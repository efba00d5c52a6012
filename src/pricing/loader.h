// Reads the text of a price file into models: the checks that need no other model. Faults name model and
// member.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "pricing/catalog.h"

namespace ai_proxy::pricing {

// The only unit a price file may be in; its `unit` member must say so.
inline constexpr std::string_view kUnit = "USD per 1,000,000 tokens";

Result<std::vector<Model>> load_models(std::string_view json_text);

// "2026-11-23": the form in which dates are compared, as texts.
bool is_date(std::string_view text);

// An error when a price of `model` is a hundred times above or below that of `known`: a slip of the unit.
Result<void> check_against(const Model& model, const Model& known);

}  // namespace ai_proxy::pricing
