// Whom we may call: the built-in providers, changed or joined by those of the file.
#include <algorithm>
#include <array>
#include <utility>

#include "base/ascii.h"
#include "base/nearest.h"
#include "config/credentials.h"
#include "config/sections.h"
#include "dialects/dialects.h"

namespace ai_proxy::config {
namespace {

using providers::AuthStyle;
using providers::Provider;

constexpr std::string_view kAnthropicVersion = "anthropic-version: 2023-06-01\r\n";
constexpr std::array<std::string_view, 3> kCatalogs{"openai", "anthropic", "mistral"};

struct DialectWord {
  std::string_view word;
  const dialects::Dialect* dialect;
  AuthStyle auth;  // what its providers usually ask for
};

constexpr std::array kDialects = std::to_array<DialectWord>({
    {"openai", &dialects::kOpenAiChat, AuthStyle::bearer},
    {"anthropic", &dialects::kAnthropicMessages, AuthStyle::x_api_key},
    {"mistral", &dialects::kMistralChat, AuthStyle::bearer},
});

Parsed<const DialectWord*> parse_dialect(std::string_view text) {
  std::vector<std::string_view> words;
  for (const DialectWord& row : kDialects) {
    if (row.word == ascii_trim(text)) return &row;
    words.push_back(row.word);
  }
  return std::unexpected(not_one_of(text, words));
}

Parsed<AuthStyle> parse_auth(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, AuthStyle>, 3> kStyles{
      {{"bearer", AuthStyle::bearer}, {"x-api-key", AuthStyle::x_api_key}, {"none", AuthStyle::none}}};
  std::vector<std::string_view> words;
  for (const auto& [word, style] : kStyles) {
    if (word == ascii_trim(text)) return style;
    words.push_back(word);
  }
  return std::unexpected(not_one_of(text, words));
}

Parsed<std::string> parse_catalog(std::string_view text) {
  const std::string_view word = ascii_trim(text);
  if (std::ranges::find(kCatalogs, word) != kCatalogs.end()) return std::string(word);
  return std::unexpected(not_one_of(text, kCatalogs));
}

Parsed<std::string> parse_region(std::string_view text) {
  const std::string_view word = ascii_trim(text);
  if (word == "none") return std::string();
  const bool letters = std::ranges::all_of(word, [](char c) { return c >= 'a' && c <= 'z'; });
  if (letters && word.size() >= 2 && word.size() <= 16) return std::string(word);
  return std::unexpected("must be a short word such as eu or us, or none, not " + shown(text) + ".");
}

Parsed<http::Origin> parse_origin(std::string_view text) {
  auto origin = http::parse_base_url(ascii_trim(text));
  if (!origin) return std::unexpected(std::move(origin.error().message));
  return std::move(*origin);
}

bool is_provider_name(std::string_view name) {
  const auto lower = [](char c) { return c >= 'a' && c <= 'z'; };
  const auto inner = [&](char c) {
    return lower(c) || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
  };
  return !name.empty() && name.size() <= 64 && lower(name.front()) && std::ranges::all_of(name, inner);
}

// my-vllm -> MY_VLLM: the beginning of its variables' names.
std::string variable_prefix(std::string_view name) {
  std::string prefix;
  for (const char c : name) {
    prefix.push_back(c >= 'a' && c <= 'z'   ? static_cast<char>(c - 'a' + 'A')
                     : c >= '0' && c <= '9' ? c
                                            : '_');
  }
  return prefix;
}

bool is_variable_name(std::string_view name) {
  return !name.empty() && name.size() <= 256 && !(name.front() >= '0' && name.front() <= '9') &&
         std::ranges::all_of(name, [](char c) {
           const char lower = ascii_lower(c);
           return (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') || c == '_';
         });
}

class ProviderReader {
 public:
  ProviderReader(Reading& reading, Provider& provider, Section section, bool built_in)
      : reading_(reading), provider_(provider), section_(std::move(section)), built_in_(built_in) {}

  void read() {
    read_dialect();
    read_address();
    read_headers();
    read_key();
    assign(provider_.catalog, section_.text("catalog"), reading_.faults, parse_catalog);
    section_.finish();
  }

 private:
  void read_dialect() {
    std::optional<const DialectWord*> chosen;
    assign(chosen, section_.text("dialect"), reading_.faults, parse_dialect);
    if (!chosen && !built_in_) chosen = &kDialects.front();
    if (chosen) {
      provider_.dialect = (*chosen)->dialect;
      provider_.auth = (*chosen)->auth;
    }
    assign(provider_.auth, section_.text("auth"), reading_.faults, parse_auth);
  }

  void read_address() {
    const auto url = section_.text("base_url");
    assign(provider_.origin, url, reading_.faults, parse_origin);
    std::optional<Text> variable;
    if (built_in_) variable = reading_.environment.variable(variable_prefix(provider_.name) + "_BASE_URL");
    assign(provider_.origin, variable, reading_.faults, parse_origin);
    if (!built_in_ && section_.present() && section_.find("base_url") == nullptr) {
      reading_.faults.add(section_.place(), "base_url is missing, such as https://api.example.com.");
    }
    refuse_ourselves(variable ? variable->place : url ? url->place : section_.place());
    provider_.region = providers::region_of(provider_.origin.host);
    assign(provider_.region, section_.text("region"), reading_.faults, parse_region);
  }

  // A gateway that calls itself would go round until its connections run out.
  void refuse_ourselves(const std::string& place) {
    const Settings& settings = reading_.settings;
    const std::string& host = provider_.origin.host;
    const bool here = host == "127.0.0.1" || host == "localhost" || host == "::1" || host == "0.0.0.0" ||
                      host == settings.host;
    if (here && !provider_.origin.tls && settings.port != 0 && provider_.origin.port == settings.port) {
      reading_.faults.add(place, "this is the address of AI Proxy itself.");
    }
  }

  void read_headers() {
    Section headers = section_.section("headers");
    std::string lines;
    std::vector<std::string> names;
    for (const YamlNode::Member& member : headers.members()) {
      const auto value = headers.text_of(member);
      if (!value) continue;
      const auto line = header_line(member.key, value->value);
      std::string name = ascii_lowered(member.key);
      if (!line) {
        reading_.faults.add(value->place, line.error());
      } else if (std::ranges::find(names, name) != names.end()) {
        reading_.faults.add(value->place, "this header field stands twice.");
      } else {
        lines.append(*line);
        names.push_back(std::move(name));
      }
    }
    const bool has_version = std::ranges::find(names, "anthropic-version") != names.end();
    const bool needs_version = provider_.dialect == &dialects::kAnthropicMessages && !has_version;
    provider_.fields = (needs_version ? std::string(kAnthropicVersion) : std::string()) + lines;
  }

  void read_key() {
    const auto written = section_.text("api_key");
    const auto variable = section_.text("api_key_env");
    const auto file = section_.text("api_key_file");
    if ((written ? 1 : 0) + (variable ? 1 : 0) + (file ? 1 : 0) > 1) {
      reading_.faults.add(section_.place(),
                          "only one of api_key, api_key_env and api_key_file may stand here.");
      return;
    }
    provider_.key_variable = variable_prefix(provider_.name) + "_API_KEY";
    if (variable) {
      if (is_variable_name(variable->value)) {
        provider_.key_variable = variable->value;
      } else {
        // Not shown: people put the key itself here.
        reading_.faults.add(variable->place, "must be the name of an environment variable, such as " +
                                                 provider_.key_variable + ".");
      }
    }
    take_key(written);
    if (file) take_key_file(*file);
    take_key(reading_.environment.variable(provider_.key_variable));
  }

  void take_key(const std::optional<Text>& text) {
    std::string key;
    assign(key, text, reading_.faults, parse_key);
    if (!key.empty()) provider_.key = Secret(std::move(key));
  }

  void take_key_file(const Text& path) {
    auto content = reading_.read_file(path);
    if (!content) return;
    if (ascii_trim(*content).empty()) {
      reading_.faults.add(path.place, "the file is empty.");
      return;
    }
    take_key(Text{std::move(*content), path.place});
  }

  Reading& reading_;
  Provider& provider_;
  Section section_;
  bool built_in_;
};

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
               provider.origin.host != "localhost" && provider.origin.host != "::1" &&
               !provider.origin.host.starts_with("127.")) {
      settings.notes.push_back("The key of " + provider.name +
                               " travels unencrypted: its base URL begins with http://.");
    }
  }
}

void read_one(Reading& reading, Section& section, const YamlNode::Member& member) {
  auto& all = reading.settings.routes.providers;
  if (!is_provider_name(member.key)) {
    reading.faults.add(
        section.place(member),
        "the name of a provider must begin with a letter and consist of a-z, 0-9, '-', '_' and '.'.");
    return;
  }
  if (std::ranges::find(all, member.key, &Provider::name) != all.end())
    return;  // built in: read already, or twice
  Provider provider;
  provider.name = member.key;
  ProviderReader(reading, provider, section.section_of(member), false).read();
  all.push_back(std::move(provider));
}

}  // namespace

void read_providers(Reading& reading) {
  Section section = reading.root.section("providers");
  auto& all = reading.settings.routes.providers;
  all = providers::built_in_providers();
  for (Provider& provider : all) {
    ProviderReader(reading, provider, section.section(provider.name), true).read();
  }
  for (const YamlNode::Member& member : section.members()) read_one(reading, section, member);
  add_notes(reading.settings);
}

}  // namespace ai_proxy::config
