// For the tests of this folder: sources without a machine behind them.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "config/settings.h"

namespace ai_proxy::config {

struct World {
  std::map<std::string, std::string, std::less<>> environment;
  std::string dotenv;
  std::string yaml;
  std::map<std::string, std::string, std::less<>> files;

  SettingsResult read() const {
    Sources sources;
    sources.environment = [this](std::string_view name) -> std::optional<std::string> {
      const auto found = environment.find(name);
      return found == environment.end() ? std::nullopt : std::optional(found->second);
    };
    sources.dotenv_text = dotenv;
    sources.yaml_text = yaml;
    sources.yaml_name = yaml.empty() ? "" : "config.yaml";
    sources.read_file = [this](const std::string& path) -> Result<std::string> {
      const auto found = files.find(path);
      if (found == files.end()) return std::unexpected(bad_request(path + ": there is no such file."));
      return found->second;
    };
    return read_settings(sources);
  }

  std::vector<std::string> faults() const {
    auto result = read();
    return result ? std::vector<std::string>{} : result.error();
  }
};

inline std::string joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text.append(line).append("\n");
  return text;
}

}  // namespace ai_proxy::config
