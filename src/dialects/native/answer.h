// The parts that a whole answer and the end of a stream have in common.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "chat/usage.h"
#include "chat/warnings.h"
#include "dialects/native/native.h"

namespace ai_proxy::dialects::native {

// "usage":{…},"cost":{…}. `cached`: it cost nothing. Counts are null when the provider reported none.
void append_usage_and_cost(std::string& out, const std::optional<chat::Usage>& usage, const CostView& cost,
                           bool cached);
// ,"warnings":[…] when there are any, or when the usage is missing, which is one more.
void append_warnings(std::string& out, const chat::Warnings& warnings, bool usage_missing);

}  // namespace ai_proxy::dialects::native
