#include "app/price_command.h"

#include <chrono>
#include <istream>
#include <optional>
#include <ostream>

#include "base/ascii.h"
#include "base/json.h"
#include "base/json_writer.h"
#include "base/money.h"
#include "dialects/dialects.h"
#include "pricing/cost.h"
#include "pricing/loader.h"

namespace ai_proxy::app {
namespace {

constexpr std::size_t kLineBytesMax = 1 << 20;

const dialects::Dialect* dialect_of(std::string_view provider) {
  if (provider == "openai") return &dialects::kOpenAiChat;
  if (provider == "anthropic") return &dialects::kAnthropicMessages;
  if (provider == "mistral") return &dialects::kMistralChat;
  return nullptr;
}

PricedLine broken(std::string_view message) {
  PricedLine line;
  json::Writer out(line.text);
  out.begin_object().key("input_cost_usd").null().key("output_cost_usd").null().key("total_cost_usd").null();
  out.member("error", message).end_object();
  return line;
}

void write_amount(json::Writer& out, std::string_view name, const std::optional<PicoUsd>& amount) {
  out.key(name);
  if (amount)
    out.string(format_usd(*amount));
  else
    out.null();
}

PricedLine priced(const pricing::Cost& cost) {
  PricedLine line;
  json::Writer out(line.text);
  out.begin_object();
  write_amount(out, "input_cost_usd", cost.input);
  write_amount(out, "output_cost_usd", cost.output);
  write_amount(out, "total_cost_usd", cost.total);
  write_amount(out, "fees_cost_usd", cost.fees);
  if (!cost.known()) out.member("reason", cost.reason);
  out.end_object();
  line.good = true;
  return line;
}

// Fills `context` from the line's own; the answer is what is wrong with it, empty when nothing is.
std::string_view read_context(const json::Value& object, pricing::CallContext& context) {
  if (!object.has_value()) return {};
  if (!object.is_object()) return "context must be an object.";
  for (const json::Value member : object) {
    if (member.is_null()) continue;
    if (member.key() == "service_tier") {
      if (!member.is_string()) return "context.service_tier must be a text.";
      context.service_tier = *member.string();
    } else if (member.key() == "batch") {
      if (!member.is_boolean()) return "context.batch must be true or false.";
      context.batch = *member.boolean();
    } else if (member.key() == "region") {
      if (!member.is_string()) return "context.region must be a text.";
      context.region = *member.string();
    } else if (member.key() == "web_search_calls") {
      if (!member.integer()) return "context.web_search_calls must be a whole number.";
      context.web_search_calls = *member.integer();
    } else if (member.key() == "at") {
      // A point in time counts as its day.
      const std::string_view date = member.string_or("").substr(0, 10);
      if (!pricing::is_date(date)) return "context.at must be a date, YYYY-MM-DD.";
      context.date = date;
    } else {
      return "context knows service_tier, batch, region, at and web_search_calls only.";
    }
  }
  return {};
}

// Reads up to the next line feed, or the end. False: there was nothing left. A line that is too long is read
// to its end and kept cut, one byte above the limit.
bool next_line(std::istream& in, std::string& line) {
  line.clear();
  std::streambuf* bytes = in.rdbuf();
  for (int c = bytes->sbumpc(); c != std::char_traits<char>::eof(); c = bytes->sbumpc()) {
    if (c == '\n') return true;
    if (line.size() <= kLineBytesMax) line.push_back(static_cast<char>(c));
  }
  return !line.empty();
}

std::string today_utc() {
  using namespace std::chrono;
  const year_month_day date(floor<days>(system_clock::now()));
  const auto padded = [](unsigned number) { return (number < 10 ? "-0" : "-") + std::to_string(number); };
  return std::to_string(static_cast<int>(date.year())) + padded(static_cast<unsigned>(date.month())) +
         padded(static_cast<unsigned>(date.day()));
}

}  // namespace

PricedLine price_line(const pricing::Catalog& catalog, std::string_view line, std::string_view today) {
  if (line.size() > kLineBytesMax) return broken("The line is longer than 1 MiB.");
  json::Document document;
  if (const auto fault = document.parse(line)) {
    return broken("Column " + std::to_string(fault->column) + ": " + fault->message);
  }
  const json::Value root = document.root();
  if (!root.is_object()) return broken("The line must hold a JSON object.");
  const auto provider = root["provider"].string();
  if (!provider) return broken("provider must be a text.");
  if (root["model"].has_value() && !root["model"].is_string()) return broken("model must be a text.");

  pricing::CallContext context;
  context.date = today;
  if (const auto fault = read_context(root["context"], context); !fault.empty()) return broken(fault);
  std::optional<chat::Usage> usage;
  if (const dialects::Dialect* dialect = dialect_of(*provider)) usage = dialect->parse_usage(root["usage"]);
  return priced(
      pricing::cost_of(catalog, *provider, root["model"].string_or(""), usage ? &*usage : nullptr, context));
}

int run_price_command(const pricing::Catalog& catalog, std::istream& in, std::ostream& out,
                      std::ostream& errors) {
  const std::string today = today_utc();
  bool any_line = false, any_good = false;
  std::string line;
  while (next_line(in, line)) {
    if (ascii_trim(line).empty()) continue;
    any_line = true;
    const PricedLine answer = price_line(catalog, line, today);
    any_good = any_good || answer.good;
    out << answer.text << '\n';
  }
  out.flush();
  if (any_good || !any_line) return 0;
  errors << "ai-proxy price: no line could be read. Each must be an object such as "
            R"({"provider":"openai","model":"gpt-4o","usage":{"prompt_tokens":10,"completion_tokens":25}})"
         << '\n';
  return 2;
}

}  // namespace ai_proxy::app
