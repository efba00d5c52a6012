// ai-proxy price: usage objects as the providers report them, priced. One JSON object per line in,
//   {"provider":"openai","model":"gpt-4o","usage":{…},"context":{"service_tier","batch","region","at",
//    "web_search_calls"}}
// one out: {"input_cost_usd","output_cost_usd","total_cost_usd","fees_cost_usd"}, decimal texts. What has no
// price is null in all four, and "reason" says why. A line that cannot be read yields an "error".
#pragma once

#include <iosfwd>
#include <string>
#include <string_view>

#include "pricing/catalog.h"

namespace ai_proxy::app {

// The answer to one line, without a line feed. `today` (YYYY-MM-DD) is the date of calls that name none.
// `good` tells whether the line could be read.
struct PricedLine {
  std::string text;
  bool good = false;
};
PricedLine price_line(const pricing::Catalog& catalog, std::string_view line, std::string_view today);

// Prices all of `in`, as of today. Exit code: 2 when no line could be read, else 0.
int run_price_command(const pricing::Catalog& catalog, std::istream& in, std::ostream& out,
                      std::ostream& errors);

}  // namespace ai_proxy::app
