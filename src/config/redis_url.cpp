#include "config/redis_url.h"

#include "base/ascii.h"
#include "http/url.h"

namespace ai_proxy::config {
namespace {

constexpr std::string_view kForm = "must look like redis://user:password@host:6379/0";

std::optional<unsigned> hex_digit(char c) {
  const char lower = ascii_lower(c);
  if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
  if (lower >= 'a' && lower <= 'f') return static_cast<unsigned>(lower - 'a' + 10);
  return std::nullopt;
}

Parsed<std::string> percent_decoded(std::string_view text) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded.push_back(text[i]);
      continue;
    }
    const auto high = i + 1 < text.size() ? hex_digit(text[i + 1]) : std::nullopt;
    const auto low = i + 2 < text.size() ? hex_digit(text[i + 2]) : std::nullopt;
    if (!high || !low)
      return std::unexpected("has a '%' in the user or password that is no percent-encoding; write %25.");
    decoded.push_back(static_cast<char>(*high * 16 + *low));
    i += 2;
  }
  return decoded;
}

Parsed<void> read_credentials(std::string_view text, RedisSettings& settings) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) {
    return std::unexpected("has a user but no password; for a password alone write redis://:password@host.");
  }
  auto user = percent_decoded(text.substr(0, colon));
  if (!user) return std::unexpected(std::move(user.error()));
  auto password = percent_decoded(text.substr(colon + 1));
  if (!password) return std::unexpected(std::move(password.error()));
  settings.user = std::move(*user);
  settings.password = Secret(std::move(*password));
  return {};
}

// The rules for host and port are those of every URL we take.
Parsed<void> read_address(std::string_view address, RedisSettings& settings) {
  const std::size_t bracket = address.rfind(']');
  const std::size_t colon = address.find(':', bracket == std::string_view::npos ? 0 : bracket);
  std::string url = "http://";
  url.append(address);
  if (colon == std::string_view::npos) url.append(":6379");
  const auto origin = http::parse_base_url(url);
  if (!origin) {
    std::string message = origin.error().message;
    constexpr std::string_view kSubject = "The base URL ";
    if (message.starts_with(kSubject)) message.erase(0, kSubject.size());
    return std::unexpected(std::move(message));
  }
  settings.host = origin->host;
  settings.port = origin->port;
  return {};
}

}  // namespace

Parsed<RedisSettings> parse_redis_url(std::string_view url) {
  url = ascii_trim(url);
  RedisSettings settings;
  const std::size_t end = url.find("://");
  const std::string_view scheme = url.substr(0, end);
  settings.tls = ascii_iequals(scheme, "rediss");
  if (end == std::string_view::npos || (!settings.tls && !ascii_iequals(scheme, "redis"))) {
    return std::unexpected(std::string(kForm) + ", or rediss:// for TLS.");
  }
  std::string_view rest = url.substr(end + 3);

  // The last '@': one in an unencoded password is a common slip that still has one meaning only.
  if (const std::size_t at = rest.rfind('@'); at != std::string_view::npos) {
    if (auto good = read_credentials(rest.substr(0, at), settings); !good)
      return std::unexpected(good.error());
    rest.remove_prefix(at + 1);
  }
  if (rest.find_first_of("?#") != std::string_view::npos) {
    return std::unexpected("must not hold a query or fragment ('?', '#'); in a password write %3F and %23.");
  }
  const std::size_t slash = rest.find('/');
  if (auto good = read_address(rest.substr(0, slash), settings); !good) return std::unexpected(good.error());
  const std::string_view database = slash == std::string_view::npos ? "" : rest.substr(slash + 1);
  if (!database.empty()) {
    const auto number = parse_integer<int>(database);
    if (!number || *number < 0 || *number > 65535) {
      return std::unexpected("must name the database by a number from 0 to 65535 after the last '/'.");
    }
    settings.database = *number;
  }
  return settings;
}

}  // namespace ai_proxy::config
