#include "config/provider_entry.h"

#include <algorithm>
#include <utility>

#include "base/ascii.h"
#include "config/credentials.h"
#include "config/provider_words.h"
#include "config/units.h"
#include "dialects/dialects.h"

namespace ai_proxy::config {
namespace {

using providers::AuthStyle;
using providers::Provider;
using providers::Quirks;

constexpr std::string_view kAnthropicVersion = "anthropic-version: 2023-06-01\r\n";

class ProviderReader {
 public:
  ProviderReader(Reading& reading, ProviderEntry& entry)
      : reading_(reading), entry_(entry), provider_(entry.provider), section_(entry.section) {}

  void read() {
    read_dialect();
    read_quirks();
    assign(provider_.version_path, section_.text("version_path"), reading_.faults, parse_version_path);
    read_address();
    read_headers();
    read_key();
    assign(provider_.catalog, section_.text("catalog"), reading_.faults, parse_catalog);
    section_.finish();
  }

 private:
  bool known() const { return entry_.built_in || entry_.row != nullptr; }

  void read_dialect() {
    std::optional<const DialectWord*> chosen;
    assign(chosen, section_.text("dialect"), reading_.faults, parse_dialect);
    if (!chosen && !known()) chosen = &openai_dialect();
    // Another dialect than its own: what we knew of the provider no longer holds.
    if (chosen && provider_.dialect != (*chosen)->dialect) {
      provider_.dialect = (*chosen)->dialect;
      provider_.auth = (*chosen)->auth;
      provider_.embeddings = (*chosen)->embeddings;
      provider_.responses = false;
      provider_.quirks = {};
    }
    const auto auth = section_.text("auth");
    auth_is_written_ = auth.has_value();
    assign(provider_.auth, auth, reading_.faults, parse_auth);
  }

  void read_quirks() {
    Section section = section_.section("quirks");
    if (section.present() && provider_.dialect != &dialects::kOpenAiChat) {
      reading_.faults.add(section.place(), "only providers of the dialect openai have quirks.");
    }
    const auto read = [&](bool& flag, std::string_view key) {
      assign(flag, section.text(key), reading_.faults, parse_truth);
    };
    Quirks& quirks = provider_.quirks;
    read(quirks.stream_options, "stream_options");
    read(quirks.max_completion_tokens, "max_completion_tokens");
    read(quirks.developer_role, "developer_role");
    read(quirks.parallel_tool_calls, "parallel_tool_calls");
    read(quirks.json_schema, "json_schema");
    read(quirks.top_k, "top_k");
    read(provider_.responses, "responses");
    bool embeddings = provider_.embeddings != nullptr;
    read(embeddings, "embeddings");
    if (!embeddings) {
      provider_.embeddings = nullptr;
    } else if (provider_.embeddings == nullptr) {
      provider_.embeddings = openai_dialect().embeddings;
    }
    section.finish();
  }

  void read_address() {
    const auto url = section_.text("base_url");
    assign(provider_.origin, url, reading_.faults, parse_origin);
    std::optional<Text> variable;
    if (known())
      variable = reading_.environment.variable(providers::variable_prefix(provider_.name) + "_BASE_URL");
    assign(provider_.origin, variable, reading_.faults, parse_origin);
    providers::drop_version(provider_.origin, provider_.version_path);
    if (entry_.row != nullptr) providers::complete_path(provider_.origin, *entry_.row);
    const std::string& place = section_.present() ? section_.place() : entry_.place;
    if (provider_.origin.host.empty() && !url && !variable && section_.find("base_url") == nullptr) {
      const bool azure = provider_.auth == AuthStyle::api_key && entry_.row != nullptr;
      reading_.faults.add(place, azure ? "base_url is missing, such as https://RESOURCE.openai.azure.com."
                                       : "base_url is missing, such as https://api.example.com.");
    }
    read_trust();
    refuse_ourselves(variable ? variable->place : url ? url->place : place, url || variable);
    provider_.region = providers::region_of(provider_.origin.host);
    assign(provider_.region, section_.text("region"), reading_.faults, parse_region);
  }

  // Whose word counts: that of the certificate's authority, and of the name server.
  void read_trust() {
    // Servers of one's own are called by names of one's own network.
    provider_.origin.internal = entry_.row != nullptr && entry_.row->auth == AuthStyle::none;
    assign(provider_.origin.internal, section_.text("internal"), reading_.faults, parse_truth);
    assign(provider_.origin.internal,
           reading_.environment.variable(providers::variable_prefix(provider_.name) + "_INTERNAL"),
           reading_.faults, parse_truth);
    assign(provider_.origin.tls_verify, section_.text("tls_verify"), reading_.faults, parse_truth);
    if (!provider_.origin.tls || provider_.origin.tls_verify) return;
    reading_.settings.warnings.push_back("The certificate of " + provider_.name +
                                         " is not checked (tls_verify: false): whoever stands between can "
                                         "read its key and every request.");
  }

  // A gateway that calls itself would go round until its connections run out.
  void refuse_ourselves(const std::string& place, bool written) {
    const Settings& settings = reading_.settings;
    const std::string& host = provider_.origin.host;
    const bool here = host == "127.0.0.1" || host == "localhost" || host == "::1" || host == "0.0.0.0" ||
                      host == settings.host;
    if (!here || provider_.origin.tls || settings.port == 0 || provider_.origin.port != settings.port) return;
    reading_.faults.add(place, written
                                   ? "this is the address of AI Proxy itself."
                                   : "its usual address is that of AI Proxy itself: give one of them another "
                                     "port (base_url, or PORT).");
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
    if (provider_.key_variable.empty())
      provider_.key_variable = providers::variable_prefix(provider_.name) + "_API_KEY";
    if (variable) {
      if (is_variable_name(variable->value)) {
        provider_.key_variable = variable->value;
      } else {
        // Not shown: people put the key itself here.
        reading_.faults.add(variable->place, "must be the name of an environment variable, such as " +
                                                 provider_.key_variable + ".");
      }
    }
    take_keys(written);
    if (file) take_key_file(*file);
    take_keys(reading_.environment.variable(provider_.key_variable));
    // A local server that asks for no key by itself can be told to: then there is one here as well.
    const bool asks_for_none = entry_.row != nullptr && entry_.row->auth == AuthStyle::none;
    if (asks_for_none && !auth_is_written_ && !provider_.keys.empty()) provider_.auth = AuthStyle::bearer;
  }

  void take_keys(const std::optional<Text>& text) {
    std::vector<Secret> keys;
    assign(keys, text, reading_.faults, parse_keys);
    if (!keys.empty()) provider_.keys = std::move(keys);
  }

  void take_key_file(const Text& path) {
    auto content = reading_.read_file(path);
    if (!content) return;
    if (ascii_trim(*content).empty()) {
      reading_.faults.add(path.place, "the file is empty.");
      return;
    }
    take_keys(Text{std::move(*content), path.place});
  }

  Reading& reading_;
  ProviderEntry& entry_;
  Provider& provider_;
  Section& section_;
  bool auth_is_written_ = false;
};

}  // namespace

void read_provider(Reading& reading, ProviderEntry entry) {
  ProviderReader(reading, entry).read();
}

}  // namespace ai_proxy::config
