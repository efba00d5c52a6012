// The small texts of HTTP: base URLs, targets, hosts, queries and dates. What is accepted is clean, and means
// the same when it is written out again.
#include "http/url.h"

#include <array>
#include <cstdio>

#include "base/fuzz_input.h"
#include "http/date.h"
#include "http/request_target.h"
#include "http/server.h"

namespace ai_proxy::http {
namespace {

using fuzzing::require;

bool is_printed(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7F; });
}

void check_base_url(std::string_view text) {
  const Result<Origin> origin = parse_base_url(text);
  if (!origin) {
    require(!origin.error().message.empty(), "a refusal says why");
    return;
  }
  require(!origin->host.empty() && origin->port != 0, "an origin can be connected to", text);
  require(is_printed(origin->authority()) && is_printed(origin->path_prefix), "an origin is visible ASCII",
          text);
  require(!origin->path_prefix.ends_with('/'), "a prefix has no slash at its end", text);
  // One /v1 at the end means nothing: with it, a prefix that ends so itself stays.
  const std::string again =
      (origin->tls ? "https://" : "http://") + origin->authority() + origin->path_prefix + "/v1";
  const Result<Origin> same = parse_base_url(again);
  require(same && *same == *origin, "a URL written out again is the same", again);
}

void check_target(std::string_view text) {
  for (const std::string_view method : {"GET", "POST", "OPTIONS", "CONNECT"}) {
    Target target;
    if (parse_target(method, text, target)) continue;
    require(is_printed(target.path) && is_printed(target.query) && !target.path.empty(),
            "a target is visible ASCII", text);
    require(target.path == "*" || target.path.starts_with('/'), "a path begins with a slash", text);
    require(target.path.find_first_of("?#") == std::string_view::npos, "a path ends where the query begins",
            text);
    require(target.authority.empty() || is_valid_host(target.authority), "an authority is a host", text);
  }
  if (is_valid_host(text))
    require(is_printed(text) && text.find_first_of("/@?#\\,") == std::string_view::npos, "a host", text);
}

void check_query(std::string_view text) {
  require(percent_decoded(text).size() <= text.size(), "decoding never makes longer");
  const std::string_view name = text.substr(0, text.find_first_of("=&"));
  const bool plain = name.find_first_of("%+") == std::string_view::npos;
  require(!plain || text.empty() || query_value(text, name), "the first name of a query is found", text);
}

std::string written(std::chrono::sys_seconds date) {
  using namespace std::chrono;
  constexpr std::array kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                               "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const year_month_day day(floor<days>(date));
  const hh_mm_ss time(date - floor<days>(date));
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "Sun, %02u %s %04d %02d:%02d:%02d GMT", unsigned{day.day()},
                kMonths[unsigned{day.month()} - 1], int{day.year()}, static_cast<int>(time.hours().count()),
                static_cast<int>(time.minutes().count()), static_cast<int>(time.seconds().count()));
  return text.data();
}

void check_date(std::string_view text) {
  const auto date = parse_date(text);
  constexpr std::chrono::sys_days kEnd = std::chrono::year(10000) / 1 / 1;  // a leap second may lead there
  require(!date || *date >= kEnd || parse_date(written(*date)) == date,
          "a date written out again is the same", text);
}

}  // namespace
}  // namespace ai_proxy::http

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ai_proxy;
  const fuzzing::Block text(fuzzing::Input(data, size).rest());
  http::check_base_url(text.view());
  http::check_target(text.view());
  http::check_query(text.view());
  http::check_date(text.view());
  return 0;
}
