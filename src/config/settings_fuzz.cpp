// A whole configuration: YAML file, .env, environment. It is either settings within their bounds or a list of
// faults, each with its place; no secret stands in a fault or a note.
// Input: the file, then behind a byte 0x1E .env, then behind another the environment, NAME=value a line.
#include <algorithm>

#include "base/fuzz_input.h"
#include "config/settings_fixture.h"

namespace ai_proxy::config {
namespace {

using fuzzing::require;

constexpr char kNext = '\x1E';
constexpr std::string_view kSecret = "sk-fuzz-4f7Qw9zX2mLp8RtV6bNc3kHd";

// The placeholder SECRETKEY in an input stands for a secret.
std::string with_secret(std::string_view text) {
  constexpr std::string_view kPlaceholder = "SECRETKEY";
  std::string result(text);
  for (std::size_t at = 0; (at = result.find(kPlaceholder, at)) != std::string::npos; at += kSecret.size())
    result.replace(at, kPlaceholder.size(), kSecret);
  return result;
}

World world_of(fuzzing::Input input) {
  World world;
  world.yaml = with_secret(input.until(kNext));
  world.dotenv = with_secret(input.until(kNext));
  while (!input.rest().empty()) {
    const std::string_view line = input.until('\n');
    const std::size_t equals = std::min(line.find('='), line.size());
    world.environment[std::string(line.substr(0, equals))] =
        with_secret(line.substr(std::min(equals + 1, line.size())));
  }
  world.files["key"] = std::string(kSecret) + "\n";
  world.files["prices"] = R"({"unit": "USD per 1,000,000 tokens", "models": []})";
  return world;
}

void check_line(std::string_view line) {
  require(!line.empty(), "a fault says something");
  require(line.find(kSecret) == std::string_view::npos, "no secret is told", line);
  require(line.find('\n') == std::string_view::npos, "a fault is one line", line);
}

void check(const Settings& settings) {
  require(!settings.host.empty() && settings.catalog != nullptr, "there is a host, and a catalogue");
  require(settings.routes.providers.size() >= 3, "the three providers are there");
  for (const providers::Provider& provider : settings.routes.providers) {
    require(!provider.name.empty() && provider.dialect != nullptr, "a provider has a name and a dialect");
    for (const Secret& key : provider.keys)
      require(key.reveal().find_first_of("\r\n") == std::string::npos, "a key is one line");
  }
  require(settings.server.head_bytes_max > 0 && settings.server.body_bytes_max > 0, "bounds are set");
  require(settings.client.connect_time.count() > 0 && settings.client.total_time.count() > 0,
          "times are set");
  require(settings.drain_time.count() >= 0 && settings.cache.ttl.count() >= 0, "times are not negative");
  for (const std::string& note : settings.notes) check_line(note);
}

}  // namespace
}  // namespace ai_proxy::config

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ai_proxy;
  using namespace ai_proxy::config;
  const World world = world_of(fuzzing::Input(data, size));
  const SettingsResult settings = world.read();
  if (settings) {
    check(**settings);
  } else {
    fuzzing::require(!settings.error().empty(), "a refusal says why");
    for (const std::string& line : settings.error()) check_line(line);
  }
  return 0;
}
