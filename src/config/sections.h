// The parts of the configuration, each read into its part of Settings: the file first, then the environment
// over it. Every function adds its faults and leaves what is faulty at its default.
#pragma once

#include "config/environment.h"
#include "config/faults.h"
#include "config/settings.h"
#include "config/yaml.h"

namespace ai_proxy::config {

struct Reading {
  const Sources& sources;
  const Environment& environment;
  Faults& faults;
  Section& root;
  Settings& settings;

  // The value of `key` in `section`, then that of `variable` over it.
  template <class T, class Parse>
  void assign_both(T& target, Section& section, std::string_view key, std::string_view variable,
                   const Parse& parse) const {
    assign(target, section.text(key), faults, parse);
    assign(target, environment.variable(variable), faults, parse);
  }

  // The content of a file that a setting names; a fault at `path.place` when it cannot be read.
  std::optional<std::string> read_file(const Text& path) const;
};

void read_server(Reading& reading);     // server, ca_file
void read_admin(Reading& reading);      // admin
void read_log(Reading& reading);        // log
void read_limits(Reading& reading);     // limits
void read_streams(Reading& reading);    // streams
void read_cache(Reading& reading);      // cache
void read_prices(Reading& reading);     // prices: sets the catalogue
void read_providers(Reading& reading);  // providers
void read_egress(Reading& reading);     // egress; after read_providers
void read_aliases(Reading& reading);    // aliases; after read_providers
void read_routing(Reading& reading);    // routing
void read_on_unsupported(Reading& reading);

// A path, a word: not empty, no control characters, not endless. With `wanted` for the message: "the path of
// a file".
Parsed<std::string> parse_plain(std::string_view text, std::string_view wanted,
                                std::size_t length_max = 4096);

// "127.0.0.1", "::1", "[::1]", "gateway.internal", in small letters and without brackets.
Parsed<std::string> parse_host(std::string_view text);
// Of a host that has been parsed: nobody but this machine reaches it.
bool is_loopback(std::string_view host);

}  // namespace ai_proxy::config
