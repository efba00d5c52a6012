#include "config/settings.h"

#include <utility>

#include "base/ascii.h"
#include "config/environment.h"
#include "config/sections.h"

namespace ai_proxy::config {

std::string config_path(const Sources& sources) {
  Faults ignored;  // read_settings reports them
  const auto path = Environment(sources, ignored).variable("AI_PROXY_CONFIG");
  return path ? std::string(ascii_trim(path->value)) : std::string();
}

SettingsResult read_settings(const Sources& sources) {
  Faults faults;
  const Environment environment(sources, faults);
  const std::string file = sources.yaml_name.empty() ? "config.yaml" : sources.yaml_name;
  // A file that is just being written, most likely: "all defaults" is said by a comment, or by no file.
  if (!sources.yaml_name.empty() && ascii_trim(sources.yaml_text).empty())
    faults.add(place_of(file, {}), "the file is empty.");
  // A file that is no YAML still leaves the environment to be checked.
  const auto tree = parse_yaml(sources.yaml_text, file, faults);
  Section root(tree ? &*tree : nullptr, "", file, faults);

  auto settings = std::make_shared<Settings>();
  settings->config_file = sources.yaml_name;
  Reading reading{sources, environment, faults, root, *settings};
  read_server(reading);
  read_admin(reading);
  read_providers(reading);
  read_egress(reading);
  read_aliases(reading);
  read_routing(reading);
  read_on_unsupported(reading);
  read_cache(reading);
  read_limits(reading);
  read_streams(reading);
  read_log(reading);
  read_prices(reading);
  root.finish();

  for (std::string& note : environment.notes_on_unknown_names()) settings->notes.push_back(std::move(note));
  if (!faults.empty()) return std::unexpected(faults.take());
  return settings;
}

}  // namespace ai_proxy::config
