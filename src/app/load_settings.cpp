#include "app/load_settings.h"

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <system_error>
#include <utility>

namespace ai_proxy::app {
namespace {

constexpr std::uintmax_t kFileBytesMax = 64 * 1024 * 1024;

struct Close {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

// nullopt: there is none. What is there and cannot be read is an error, whatever the reason: to go on without
// it would be to run with other settings than were written.
Result<std::optional<std::string>> read_if_there(const std::string& path) {
  const auto refused = [&path](std::string_view reason) {
    return std::unexpected(bad_request(path + ": " + std::string(reason)));
  };
  const auto unreadable = [&refused](const std::error_code& fault) {
    return refused("the file cannot be read (" + fault.message() + ").");
  };
  std::error_code fault;
  const auto type = std::filesystem::status(path, fault).type();
  if (type == std::filesystem::file_type::not_found) return std::nullopt;
  if (type == std::filesystem::file_type::none) return unreadable(fault);
  if (type != std::filesystem::file_type::regular)
    return refused("there is no such file: what has its name is a directory or a device.");
  if (std::filesystem::file_size(path, fault) > kFileBytesMax && !fault)
    return refused("the file is larger than 64 MiB.");

  const std::unique_ptr<std::FILE, Close> file(std::fopen(path.c_str(), "rbe"));
  if (file == nullptr) return unreadable({errno, std::generic_category()});
  std::string text;
  std::array<char, 16 * 1024> piece;
  while (const std::size_t got = std::fread(piece.data(), 1, piece.size(), file.get()))
    text.append(piece.data(), got);
  if (std::ferror(file.get()) != 0) return unreadable({errno, std::generic_category()});
  return text;
}

Result<std::string> read_file(const std::string& path) {
  auto text = read_if_there(path);
  if (!text) return std::unexpected(std::move(text.error()));
  if (!*text) return std::unexpected(bad_request(path + ": there is no such file."));
  return std::move(**text);
}

std::optional<std::string> environment(const CommandLine& command_line, std::string_view name) {
  if (const auto own = command_line.overrides.find(name); own != command_line.overrides.end())
    return own->second;
  const char* value = std::getenv(std::string(name).c_str());
  if (value == nullptr) return std::nullopt;
  return std::string(value);
}

// What decides which files are read: the environment with .env under it.
Result<config::Sources> first_sources(const CommandLine& command_line) {
  config::Sources sources;
  sources.environment = [&command_line](std::string_view name) { return environment(command_line, name); };
  sources.read_file = read_file;
  auto text = read_if_there(command_line.dotenv_file);
  if (!text) return std::unexpected(std::move(text.error()));
  if (*text) sources.dotenv_text = std::move(**text);
  return sources;
}

std::string config_path(const CommandLine& command_line, const config::Sources& sources) {
  return command_line.config_file.empty() ? config::config_path(sources) : command_line.config_file;
}

}  // namespace

config::SettingsResult load_settings(const CommandLine& command_line) {
  Result<config::Sources> first = first_sources(command_line);
  if (!first) return std::unexpected(std::vector<std::string>{first.error().message});
  config::Sources& sources = *first;
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
