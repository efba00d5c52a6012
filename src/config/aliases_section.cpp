// Names of our own for a provider's model.
#include <algorithm>

#include "base/ascii.h"
#include "base/nearest.h"
#include "config/sections.h"

namespace ai_proxy::config {
namespace {

constexpr std::size_t kNameLengthMax = 256;

bool is_name(std::string_view name) {
  return !name.empty() && name.size() <= kNameLengthMax &&
         std::ranges::all_of(name, [](char c) { return c > 0x20 && c < 0x7f && c != '/'; });
}

// {provider: …, model: …}, or "provider/model".
std::optional<routing::Alias> parse_alias(Reading& reading, Section& section,
                                          const YamlNode::Member& member) {
  const auto refuse = [&] {
    reading.faults.add(section.place(member), "must be provider/model, or provider: and model: below it.");
    return std::nullopt;
  };
  if (member.value.kind == YamlNode::Kind::map) {
    Section parts = section.section_of(member);
    const auto provider = parts.text("provider");
    const auto model = parts.text("model");
    parts.finish();
    if (!provider || !model) return refuse();
    return routing::Alias{std::string(ascii_trim(provider->value)), std::string(ascii_trim(model->value))};
  }
  if (member.value.kind != YamlNode::Kind::scalar) return refuse();
  const std::string_view text = ascii_trim(member.value.text);
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) return refuse();
  return routing::Alias{std::string(text.substr(0, slash)), std::string(text.substr(slash + 1))};
}

}  // namespace

void read_aliases(Reading& reading) {
  Section section = reading.root.section("aliases");
  std::vector<std::string_view> providers;
  for (const auto& provider : reading.settings.routes.providers) providers.push_back(provider.name);

  for (const YamlNode::Member& member : section.members()) {
    const std::string place = section.place(member);
    if (!is_name(member.key)) {
      reading.faults.add(place, "the name of an alias must be visible ASCII without blanks and '/'.");
      continue;
    }
    auto alias = parse_alias(reading, section, member);
    if (!alias) continue;
    if (std::ranges::find(providers, alias->provider) == providers.end()) {
      reading.faults.add(place, "there is no provider " + shown(alias->provider) + "." +
                                    did_you_mean(alias->provider, providers));
    } else if (auto model = parse_plain(alias->model, "the name of a model", kNameLengthMax); !model) {
      reading.faults.add(place, model.error());
    } else {
      reading.settings.routes.aliases.insert_or_assign(member.key, std::move(*alias));
    }
  }
}

}  // namespace ai_proxy::config
