#include "app/load_settings.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>
#include <utility>

namespace ai_proxy::app {
namespace {

constexpr std::uintmax_t kFileBytesMax = 64 * 1024 * 1024;

Result<std::string> read_file(const std::string& path) {
  std::error_code fault;
  const bool regular = std::filesystem::is_regular_file(path, fault);
  if (fault || !regular) return std::unexpected(bad_request(path + ": there is no such file."));
  if (std::filesystem::file_size(path, fault) > kFileBytesMax || fault) {
    return std::unexpected(bad_request(path + ": the file is larger than 64 MiB."));
  }
  std::ifstream file(path, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(file), {}};
  if (!file) return std::unexpected(bad_request(path + ": the file cannot be read."));
  return text;
}

std::optional<std::string> environment(const CommandLine& command_line, std::string_view name) {
  if (const auto own = command_line.overrides.find(name); own != command_line.overrides.end())
    return own->second;
  const char* value = std::getenv(std::string(name).c_str());
  if (value == nullptr) return std::nullopt;
  return std::string(value);
}

// What decides which files are read: the environment with .env under it.
config::Sources first_sources(const CommandLine& command_line) {
  config::Sources sources;
  sources.environment = [&command_line](std::string_view name) { return environment(command_line, name); };
  sources.read_file = read_file;
  if (auto text = read_file(command_line.dotenv_file)) sources.dotenv_text = std::move(*text);
  return sources;
}

std::string config_path(const CommandLine& command_line, const config::Sources& sources) {
  return command_line.config_file.empty() ? config::config_path(sources) : command_line.config_file;
}

}  // namespace

config::SettingsResult load_settings(const CommandLine& command_line) {
  config::Sources sources = first_sources(command_line);
  sources.yaml_name = config_path(command_line, sources);
  if (!sources.yaml_name.empty()) {
    auto text = read_file(sources.yaml_name);
    if (!text) return std::unexpected(std::vector<std::string>{text.error().message});
    sources.yaml_text = std::move(*text);
  }
  return config::read_settings(sources);
}

std::uint64_t fingerprint_of_files(const CommandLine& command_line, const config::Settings& settings) {
  std::uint64_t fingerprint = 0;
  for (const std::string& path :
       {command_line.dotenv_file, settings.config_file, settings.prices_file, settings.ca_file}) {
    if (path.empty()) continue;
    std::error_code fault;
    const auto written = std::filesystem::last_write_time(path, fault);
    const auto size = fault ? 0 : std::filesystem::file_size(path, fault);
    const std::uint64_t mark =
        fault ? 1 : static_cast<std::uint64_t>(written.time_since_epoch().count()) ^ (size << 1);
    fingerprint = fingerprint * 1'000'003 + mark;
  }
  return fingerprint;
}

}  // namespace ai_proxy::app
