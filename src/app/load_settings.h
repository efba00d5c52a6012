// The outside world as config/ wants it: environment, .env, files.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "config/settings.h"

namespace ai_proxy::app {

struct CommandLine {
  std::string config_file;  // --config; empty: AI_PROXY_CONFIG or none
  std::string dotenv_file = ".env";
  // Values that stand above the environment (--port, --host; the demo's base URLs and keys).
  std::map<std::string, std::string, std::less<>> overrides;
};

// A missing .env is none; one that is there and cannot be read is a fault, as it is with the other files.
config::SettingsResult load_settings(const CommandLine& command_line);

// When the files behind the settings last changed, as one number that differs after a change.
std::uint64_t fingerprint_of_files(const CommandLine& command_line, const config::Settings& settings);

}  // namespace ai_proxy::app
