#include "telemetry/exposition.h"

#include <charconv>

#include "base/ascii.h"
#include "telemetry/escape.h"

namespace ai_proxy::telemetry {
namespace {

constexpr std::size_t kLabelBytesMax = 300;

std::string_view word(Exposition::Kind kind) {
  switch (kind) {
    case Exposition::Kind::counter:
      return "counter";
    case Exposition::Kind::gauge:
      return "gauge";
    case Exposition::Kind::histogram:
      break;
  }
  return "histogram";
}

}  // namespace

Labels& Labels::add(std::string_view name, std::string_view value) {
  if (!text_.empty()) text_.append(",");
  text_.append(name).append("=\"");
  append_escaped(text_, value, kLabelBytesMax, Quoting::label);
  text_.append("\"");
  return *this;
}

std::string decimal(std::uint64_t value, int decimals) {
  std::string text;
  append_integer(text, value);
  if (decimals == 0) return text;
  const auto places = static_cast<std::size_t>(decimals);
  if (text.size() <= places) text.insert(0, places + 1 - text.size(), '0');
  text.insert(text.size() - places, 1, '.');
  text.erase(text.find_last_not_of('0') + 1);
  if (text.ends_with('.')) text.pop_back();
  return text;
}

void Exposition::family(std::string_view name, Kind kind, std::string_view help) {
  name_ = name;
  text_.append("# HELP ").append(name).append(" ").append(help).append("\n# TYPE ");
  text_.append(name).append(" ").append(word(kind)).append("\n");
}

void Exposition::append_sample(std::string_view suffix, const Labels& labels, std::string_view number) {
  text_.append(name_).append(suffix);
  if (!labels.text().empty()) text_.append("{").append(labels.text()).append("}");
  text_.append(" ").append(number).append("\n");
}

// The count is that of the last bucket, whatever is being counted meanwhile.
void Exposition::append_histogram(const Labels& labels, std::span<const std::int64_t> bounds,
                                  std::span<const std::uint64_t> counts, std::uint64_t sum, int decimals) {
  std::uint64_t count = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    count += counts[i];
    const std::string bound =
        i < bounds.size() ? decimal(static_cast<std::uint64_t>(bounds[i]), decimals) : "+Inf";
    append_sample("_bucket", labels.with("le", bound), decimal(count, 0));
  }
  append_sample("_sum", labels, decimal(sum, decimals));
  append_sample("_count", labels, decimal(count, 0));
}

}  // namespace ai_proxy::telemetry
