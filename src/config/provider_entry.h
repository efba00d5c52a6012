// One provider being read: what stands in the file, then its variables over it.
#pragma once

#include "config/sections.h"
#include "providers/compatible.h"

namespace ai_proxy::config {

struct ProviderEntry {
  providers::Provider& provider;  // holds what is already known of it
  Section section;                // its part of the file; may be absent
  std::string place;              // of its name in the file, for faults about what is not there
  bool built_in = false;
  const providers::CompatibleProvider* row = nullptr;  // of the table of compatible providers
};

void read_provider(Reading& reading, ProviderEntry entry);

}  // namespace ai_proxy::config
