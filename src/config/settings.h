// Everything that can be set, checked: environment (and .env) over YAML file over defaults. An immutable
// snapshot; a reload makes a new one.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/secret.h"
#include "http/limits.h"
#include "http/url.h"
#include "pricing/catalog.h"
#include "routing/policies.h"
#include "routing/route.h"

namespace ai_proxy::config {

// Attempts beyond the first: the most that may be configured, or asked for.
inline constexpr unsigned kRetriesMax = 10;

struct RedisSettings {
  bool tls = false;
  std::string host;
  std::uint16_t port = 6379;
  std::string user;
  Secret password;
  int database = 0;
  std::chrono::milliseconds operation_time{50};
};

// Of finished streams: not kept; given again at once; or at the pace at which they came.
enum class StreamReplay : std::uint8_t { off, fast, paced };

struct CacheSettings {
  bool enabled = false;          // REDIS_URL or cache: is set
  std::size_t memory_bytes = 0;  // 0: no memory cache
  std::optional<RedisSettings> redis;
  std::chrono::seconds ttl{600};
  bool single_flight = true;  // the same request, while one is on its way: one call for both
  StreamReplay streams = StreamReplay::off;
};

enum class LogFormat : std::uint8_t { automatic, json, text };  // automatic: text on a terminal

struct LogSettings {
  LogFormat format = LogFormat::automatic;
  std::string level = "info";  // debug, info, warn, error, off
  std::string file;            // empty: stderr (messages) and stdout (access lines)
  bool access = true;
};

// The listener for those who run the gateway: metrics and health.
struct AdminSettings {
  std::string host;  // empty: there is none
  std::uint16_t port = 0;
  bool allow_anonymous = false;  // AI_PROXY_ADMIN_ALLOW_ANONYMOUS
  bool operator==(const AdminSettings&) const = default;
};

struct StreamSettings {
  std::chrono::milliseconds keep_alive{15'000};  // silence after which the caller hears something; 0: never
  bool begin_early = false;  // a stream may begin, with status 200, before the provider has answered at all
};

struct Settings {
  std::string host = "127.0.0.1";
  std::uint16_t port = 8080;
  unsigned threads = 0;          // 0: as many as CPUs we may run on
  bool allow_anonymous = false;  // AI_PROXY_ALLOW_ANONYMOUS
  std::chrono::milliseconds drain_time{30'000};
  // After SIGTERM: how long new requests are still served, before the port closes. None: they are refused at
  // once, in words, and the port stays open until the end.
  std::optional<std::chrono::milliseconds> lame_duck;
  bool core_dumps = false;  // after a crash; a core holds keys and prompts

  bool reject_unsupported = false;  // on_unsupported: what a provider has no place for is an error

  routing::Table routes;  // providers and aliases
  routing::Policies routing;
  std::shared_ptr<const pricing::Catalog> catalog;
  CacheSettings cache;
  LogSettings log;
  AdminSettings admin;
  StreamSettings streams;
  http::ServerLimits server;
  http::ClientLimits client;
  // The process's memory: 0: no limit; nullopt: 90 % of what the system grants it, where it says so.
  std::optional<std::size_t> memory_bytes_max;
  std::string ca_file;  // extra CA bundle for providers; empty: the system's

  std::string prices_file;            // replaces the built-in catalogue; empty = none
  std::string config_file;            // where the YAML came from; empty = none
  std::vector<std::string> notes;     // said once at start ("OPENAI_API_KEY is not set: …")
  std::vector<std::string> warnings;  // dangers that were asked for: logged at every start and reload
};

// How settings are read: the outside world as arguments, so that this stays pure.
struct Sources {
  std::function<std::optional<std::string>(std::string_view name)> environment;  // the real one
  std::string dotenv_text;  // content of .env, "" when there is none
  std::string yaml_text;    // content of the config file, "" when there is none
  std::string yaml_name;    // its path, for messages
  std::function<Result<std::string>(const std::string& path)> read_file;  // for price files and key files
};

// All faults at once, each a line "config.yaml:12:3: limits.body_bytes: must be …" or "PORT: …".
using SettingsResult = std::expected<std::shared_ptr<const Settings>, std::vector<std::string>>;
SettingsResult read_settings(const Sources& sources);

// AI_PROXY_CONFIG of the environment, or else of .env; empty when neither names a file. Needs only the first
// two of the sources.
std::string config_path(const Sources& sources);

}  // namespace ai_proxy::config
