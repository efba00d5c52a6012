#include "http/date.h"

#include <algorithm>
#include <array>

#include "base/ascii.h"

namespace ai_proxy::http {
namespace {

// "Sun, 06 Nov 1994 08:49:37 GMT": everything has its place.
constexpr std::size_t kLength = 29;
constexpr std::array<std::string_view, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

}  // namespace

std::optional<std::chrono::sys_seconds> parse_date(std::string_view text) {
  using namespace std::chrono;
  if (text.size() != kLength || text.substr(3, 2) != ", " || !text.ends_with(" GMT")) return std::nullopt;
  const auto number = [text](std::size_t at, std::size_t size) {
    return parse_integer<unsigned>(text.substr(at, size));
  };
  const auto month_at = std::ranges::find(kMonths, text.substr(8, 3));
  const auto day_number = number(5, 2), year_number = number(12, 4);
  const auto hour = number(17, 2), minute = number(20, 2), second = number(23, 2);
  if (month_at == kMonths.end() || !day_number || !year_number || !hour || !minute || !second)
    return std::nullopt;
  const auto month_number = static_cast<unsigned>(month_at - kMonths.begin()) + 1;
  const year_month_day date(year(static_cast<int>(*year_number)), month(month_number), day(*day_number));
  if (!date.ok() || *hour > 23 || *minute > 59 || *second > 60) return std::nullopt;
  return sys_days(date) + hours(*hour) + minutes(*minute) + seconds(*second);
}

}  // namespace ai_proxy::http
