// Where we listen, how many threads serve, how we log; the files that settings name.
#include <algorithm>
#include <array>
#include <ranges>
#include <utility>

#include "base/ascii.h"
#include "config/sections.h"
#include "config/units.h"

namespace ai_proxy::config {
namespace {

using namespace std::chrono_literals;

bool is_ipv4(std::string_view host) {
  int parts = 0;
  for (const auto part : std::views::split(host, '.')) {
    const auto number = parse_integer<unsigned>(std::string_view(part.begin(), part.end()));
    if (!number || *number > 255 || ++parts > 4) return false;
  }
  return parts == 4;
}

constexpr std::array<std::pair<std::string_view, LogFormat>, 3> kLogFormats{
    {{"auto", LogFormat::automatic}, {"json", LogFormat::json}, {"text", LogFormat::text}}};

Parsed<LogFormat> parse_log_format(std::string_view text) {
  std::vector<std::string_view> words;
  for (const auto& [word, format] : kLogFormats) {
    if (ascii_iequals(word, ascii_trim(text))) return format;
    words.push_back(word);
  }
  return std::unexpected(not_one_of(text, words));
}

Parsed<std::string> parse_log_level(std::string_view text) {
  static constexpr std::array<std::string_view, 5> kLevels{"debug", "info", "warn", "error", "off"};
  for (const std::string_view word : kLevels) {
    if (ascii_iequals(word, ascii_trim(text))) return std::string(word);
  }
  return std::unexpected(not_one_of(text, kLevels));
}

Parsed<std::string> parse_path(std::string_view text) {
  return parse_plain(text, "the path of a file");
}

void read_ca_file(Reading& reading) {
  auto path = reading.environment.variable("AI_PROXY_CA_FILE");
  auto in_file = reading.root.text("ca_file");
  if (!path) path = std::move(in_file);
  if (!path) return;
  const auto content = reading.read_file(*path);
  if (!content) return;
  if (!content->contains("-----BEGIN CERTIFICATE-----")) {
    reading.faults.add(path->place,
                       "the file holds no certificate in PEM form (-----BEGIN CERTIFICATE-----).");
    return;
  }
  reading.settings.ca_file = std::string(ascii_trim(path->value));
}

}  // namespace

bool is_loopback(std::string_view host) {
  return host == "::1" || host == "localhost" || (is_ipv4(host) && host.starts_with("127."));
}

Parsed<std::string> parse_host(std::string_view text) {
  std::string_view host = ascii_trim(text);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  const bool ipv6 = host.contains(':');
  const bool digits_only = host.find_first_not_of("0123456789.") == std::string_view::npos;
  const std::string_view allowed = ipv6 ? "0123456789abcdefABCDEF:.%"
                                        : "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-._";
  const bool right = !host.empty() && host.size() <= 253 &&
                     host.find_first_not_of(allowed) == std::string_view::npos &&
                     (ipv6 || !digits_only || is_ipv4(host));
  if (right) return ascii_lowered(host);
  return std::unexpected(
      "must be an IP address or a host name without a port, such as 127.0.0.1 or ::1, not " + shown(text) +
      ".");
}

Parsed<std::string> parse_plain(std::string_view text, std::string_view wanted, std::size_t length_max) {
  const std::string_view word = ascii_trim(text);
  const bool printable =
      std::ranges::none_of(word, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
  if (!word.empty() && word.size() <= length_max && printable) return std::string(word);
  return std::unexpected(
      std::string("must be ").append(wanted).append(", not ").append(shown(text)).append("."));
}

std::optional<std::string> Reading::read_file(const Text& path) const {
  auto name = parse_plain(path.value, "the path of a file");
  if (!name) {
    faults.add(path.place, name.error());
    return std::nullopt;
  }
  if (!sources.read_file) {
    faults.add(path.place, "files cannot be read here.");
    return std::nullopt;
  }
  auto content = sources.read_file(*name);
  if (!content) {
    faults.add(path.place, content.error().message);
    return std::nullopt;
  }
  return std::move(*content);
}

void read_server(Reading& reading) {
  Section server = reading.root.section("server");
  Settings& settings = reading.settings;
  reading.assign_both(settings.host, server, "host", "HOST", parse_host);
  std::uint64_t port = settings.port;
  reading.assign_both(port, server, "port", "PORT",
                      [](std::string_view text) { return parse_count(text, 0, 65535); });
  settings.port = static_cast<std::uint16_t>(port);
  std::uint64_t threads = settings.threads;
  reading.assign_both(threads, server, "threads", "AI_PROXY_THREADS",
                      [](std::string_view text) { return parse_count(text, 0, 1024); });
  settings.threads = static_cast<unsigned>(threads);
  reading.assign_both(settings.allow_anonymous, server, "allow_anonymous", "AI_PROXY_ALLOW_ANONYMOUS",
                      parse_truth);
  reading.assign_both(settings.drain_time, server, "drain", "AI_PROXY_DRAIN_SECONDS",
                      [](std::string_view text) { return parse_duration(text, 0ms, 24h); });
  reading.assign_both(settings.lame_duck, server, "lame_duck", "AI_PROXY_LAME_DUCK",
                      [](std::string_view text) { return parse_duration(text, 0ms, 1h); });
  reading.assign_both(settings.core_dumps, server, "core_dumps", "AI_PROXY_CORE_DUMPS", parse_truth);

  if (!is_loopback(settings.host) && !settings.allow_anonymous) {
    const auto variable = reading.environment.variable("HOST");
    reading.faults.add(
        variable ? variable->place : server.place("host"),
        shown(settings.host) +
            " is open to others, and callers need no key. Listen on 127.0.0.1, or say that this is "
            "meant: AI_PROXY_ALLOW_ANONYMOUS=true (server.allow_anonymous).");
  }
  server.finish();
  read_ca_file(reading);
}

void read_log(Reading& reading) {
  Section log = reading.root.section("log");
  LogSettings& settings = reading.settings.log;
  reading.assign_both(settings.format, log, "format", "AI_PROXY_LOG_FORMAT", parse_log_format);
  reading.assign_both(settings.level, log, "level", "AI_PROXY_LOG_LEVEL", parse_log_level);
  reading.assign_both(settings.file, log, "file", "AI_PROXY_LOG_FILE", parse_path);
  reading.assign_both(settings.access, log, "access", "AI_PROXY_LOG_ACCESS", parse_truth);
  log.finish();
}

}  // namespace ai_proxy::config
