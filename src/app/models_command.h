// ai-proxy models: what the catalogue knows, as a table for people or as JSON.
#pragma once

#include <iosfwd>

#include "pricing/catalog.h"

namespace ai_proxy::app {

// `colour`: the stream is a terminal that shows ANSI colours. Exit code: 0.
int run_models_command(std::ostream& out, const pricing::Catalog& catalog, bool json, bool colour = false);

}  // namespace ai_proxy::app
