// Whom we may call: the built-in providers, those of the table of compatible ones that are asked for, and
// those that stand only in the file.
#include <algorithm>
#include <utility>
#include <vector>

#include "config/credentials.h"
#include "config/provider_entry.h"
#include "config/provider_words.h"
#include "config/sections.h"

namespace ai_proxy::config {
namespace {

using providers::AuthStyle;
using providers::CompatibleProvider;
using providers::Provider;

// Is this variable set to something that is a key (or, being none, a fault to be reported)?
bool holds_key(const Environment& environment, std::string_view variable) {
  if (variable.empty()) return false;
  const auto text = environment.variable(variable);
  if (!text) return false;
  const auto keys = parse_keys(text->value);
  return !keys || !keys->empty();
}

// A row becomes active by an entry of the file, by its key's variable, or by NAME_BASE_URL.
void read_row(Reading& reading, Section& section, const CompatibleProvider& row) {
  const bool in_file = section.find(row.name) != nullptr;
  const std::string url_variable = providers::variable_prefix(row.name) + "_BASE_URL";
  const bool has_url = reading.environment.variable(url_variable).has_value();
  const bool has_key = holds_key(reading.environment, row.key_variable);
  if (!in_file && !has_url && !has_key) return;
  if (!in_file && !has_url && row.base_url.empty()) {
    // Other programs read the same variable: it alone stops nobody's start.
    reading.settings.notes.push_back(std::string(row.key_variable) + " is set, but nothing says where " +
                                     std::string(row.name) + " is: set " + url_variable +
                                     ", such as https://RESOURCE.openai.azure.com, to use it.");
    return;
  }
  Provider provider = providers::make_provider(row);
  std::string place = in_file ? section.place(row.name) : url_variable;
  read_provider(
      reading,
      {.provider = provider, .section = section.section(row.name), .place = std::move(place), .row = &row});
  reading.settings.routes.providers.push_back(std::move(provider));
}

void read_other(Reading& reading, Section& section, const YamlNode::Member& member) {
  auto& all = reading.settings.routes.providers;
  if (!is_provider_name(member.key)) {
    reading.faults.add(
        section.place(member),
        "the name of a provider must begin with a letter and consist of a-z, 0-9, '-', '_' and '.'.");
    return;
  }
  if (std::ranges::find(all, member.key, &Provider::name) != all.end()) return;  // read already
  Provider provider;
  provider.name = member.key;
  read_provider(
      reading, {.provider = provider, .section = section.section_of(member), .place = section.place(member)});
  all.push_back(std::move(provider));
}

bool is_loopback(std::string_view host) {
  return host == "localhost" || host == "::1" || host.starts_with("127.");
}

// What a person should know at once, but what keeps nobody from starting.
void add_notes(Settings& settings) {
  const auto& all = settings.routes.providers;
  if (std::ranges::none_of(all, &Provider::configured)) {
    settings.notes.emplace_back(
        "No provider has an API key yet: set OPENAI_API_KEY, ANTHROPIC_API_KEY or MISTRAL_API_KEY, or try "
        "ai-proxy --demo, which needs none.");
    return;
  }
  for (const Provider& provider : all) {
    if (!provider.configured()) {
      settings.notes.push_back(provider.key_variable + " is not set: requests to " + provider.name +
                               " will be answered with 503 provider_not_configured.");
    } else if (!provider.origin.tls && provider.auth != AuthStyle::none &&
               !is_loopback(provider.origin.host)) {
      settings.notes.push_back("The key of " + provider.name +
                               " travels unencrypted: its base URL begins with http://.");
    }
  }
}

}  // namespace

void read_providers(Reading& reading) {
  Section section = reading.root.section("providers");
  // The section keeps views of the names it is asked for: they must not be those of a vector that grows.
  const std::vector<Provider> built_in = providers::built_in_providers();
  auto& all = reading.settings.routes.providers;
  all = built_in;
  for (std::size_t i = 0; i < built_in.size(); ++i) {
    read_provider(reading, {.provider = all[i],
                            .section = section.section(built_in[i].name),
                            .place = section.place(built_in[i].name),
                            .built_in = true});
  }
  for (const CompatibleProvider& row : providers::compatible_providers()) read_row(reading, section, row);
  for (const YamlNode::Member& member : section.members()) read_other(reading, section, member);
  add_notes(reading.settings);
}

}  // namespace ai_proxy::config
