#include "app/models_command.h"

#include <algorithm>
#include <array>
#include <ostream>
#include <string>
#include <vector>

#include "base/ascii.h"
#include "base/json_writer.h"
#include "base/money.h"

namespace ai_proxy::app {
namespace {

constexpr PicoUsd kTokensPerPrice = 1'000'000;

// "2.5": without the zeros that format_usd keeps for amounts.
std::string shortest(PicoUsd amount) {
  std::string text = format_usd(amount);
  while (text.ends_with('0')) text.pop_back();
  if (text.ends_with('.')) text.pop_back();
  return text;
}

std::string per_million(const std::optional<PicoUsd>& per_token) {
  return per_token ? shortest(*per_token * kTokensPerPrice) : "-";
}

// 1050000 -> "1.05M", 128000 -> "128k", 16385 -> "16385": only what comes out even is shortened.
std::string short_count(std::int64_t count) {
  if (count == 0) return "-";
  if (count >= 1'000'000 && count % 10'000 == 0) {
    return shortest(PicoUsd{count} * (kPicoPerUsd / 1'000'000)) + "M";
  }
  if (count % 1000 == 0) return std::to_string(count / 1000) + "k";
  return std::to_string(count);
}

constexpr std::size_t kColumns = 9;
using Row = std::array<std::string, kColumns>;
constexpr std::size_t kFirstNumber = 2, kStatus = 8;

Row row_of(const pricing::Model& model) {
  Row row{model.provider,
          model.id,
          short_count(model.context_tokens),
          short_count(model.max_output_tokens),
          per_million(model.prices.input),
          per_million(model.prices.output),
          per_million(model.prices.cache_read),
          per_million(model.prices.cache_write),
          model.status};
  if (!model.retirement_date.empty()) row[kStatus] += " " + model.retirement_date;
  return row;
}

std::string_view colour_of(const pricing::Model& model) {
  if (model.status == "retired") return "\x1b[2m";
  if (model.status == "deprecated") return "\x1b[33m";
  return {};
}

void write_row(std::ostream& out, const Row& row, const std::array<std::size_t, kColumns>& widths,
               std::string_view colour) {
  out << colour;
  for (std::size_t i = 0; i < kColumns; ++i) {
    const std::string blanks(widths[i] - row[i].size(), ' ');
    const bool number = i >= kFirstNumber && i < kStatus;
    if (i > 0) out << "  ";
    if (number)
      out << blanks << row[i];
    else if (i + 1 < kColumns)
      out << row[i] << blanks;
    else
      out << row[i];
  }
  if (!colour.empty()) out << "\x1b[0m";
  out << '\n';
}

void write_table(std::ostream& out, const pricing::Catalog& catalog, bool colour) {
  const Row heads{"PROVIDER", "MODEL",      "CONTEXT",     "MAX OUTPUT", "INPUT",
                  "OUTPUT",   "CACHE READ", "CACHE WRITE", "STATUS"};
  std::array<std::size_t, kColumns> widths{};
  std::vector<Row> rows;
  for (const pricing::Model& model : catalog.models()) rows.push_back(row_of(model));
  for (std::size_t i = 0; i < kColumns; ++i) {
    widths[i] = heads[i].size();
    for (const Row& row : rows) widths[i] = std::max(widths[i], row[i].size());
  }
  write_row(out, heads, widths, colour ? "\x1b[1m" : "");
  for (std::size_t i = 0; i < rows.size(); ++i) {
    write_row(out, rows[i], widths, colour ? colour_of(catalog.models()[i]) : "");
  }
  out << rows.size()
      << " models. Prices in USD per 1,000,000 tokens, standard tier; - means not known or none.\n";
}

void write_prices(json::Writer& out, const pricing::Prices& prices) {
  out.begin_object();
  for (const pricing::PriceMember& member : pricing::kPriceMembers) {
    if (const auto price = prices.*(member.price))
      out.member(member.name, shortest(*price * kTokensPerPrice));
  }
  out.end_object();
}

void write_long_context(json::Writer& out, const std::optional<pricing::LongContext>& band) {
  if (!band) return;
  out.key("long_context").begin_object();
  out.member(band->at_threshold ? "from_tokens" : "above_tokens", band->threshold_tokens);
  out.key("prices");
  write_prices(out, band->prices);
  out.end_object();
}

void write_amount(json::Writer& out, std::string_view name, const std::optional<PicoUsd>& amount) {
  if (amount) out.member(name, shortest(*amount));
}

void write_tiers(json::Writer& out, const pricing::Model& model) {
  if (model.tiers.empty()) return;
  out.key("tiers").begin_object();
  for (const pricing::Tier& tier : model.tiers) {
    out.key(tier.name).begin_object().key("prices");
    write_prices(out, tier.prices);
    write_long_context(out, tier.long_context);
    write_amount(out, "audio_minute", tier.per_audio_minute);
    if (!tier.valid_until.empty()) out.member("valid_until", tier.valid_until);
    out.end_object();
  }
  out.end_object();
}

void write_count(json::Writer& out, std::string_view name, std::int64_t count) {
  if (count > 0)
    out.member(name, count);
  else
    out.key(name).null();
}

void write_model(json::Writer& out, const pricing::Model& model) {
  out.begin_object().member("provider", model.provider).member("model", model.id);
  out.key("aliases").begin_array();
  for (const std::string& alias : model.aliases) out.string(alias);
  out.end_array().member("mode", model.mode);
  write_count(out, "context_tokens", model.context_tokens);
  write_count(out, "max_output_tokens", model.max_output_tokens);
  out.key("prices");
  write_prices(out, model.prices);
  write_long_context(out, model.long_context);
  write_tiers(out, model);
  write_amount(out, "audio_minute", model.per_audio_minute);
  write_amount(out, "million_characters", model.per_million_characters);
  write_amount(out, "thousand_pages", model.per_1000_pages);
  write_amount(out, "thousand_annotated_pages", model.per_1000_annotated_pages);
  write_amount(out, "thousand_web_searches", model.web_search_per_1000);
  write_amount(out, "thousand_web_fetches", model.web_fetch_per_1000);
  if (model.regional_percent)
    out.member("regional_factor", shortest(*model.regional_percent * kPicoPerUsd / 100));
  out.member("status", model.status);
  if (!model.deprecation_date.empty()) out.member("deprecation_date", model.deprecation_date);
  if (!model.retirement_date.empty()) out.member("retirement_date", model.retirement_date);
  out.member("source", model.source).member("as_of", model.as_of).end_object();
}

}  // namespace

int run_models_command(std::ostream& out, const pricing::Catalog& catalog, bool json, bool colour) {
  if (!json) {
    write_table(out, catalog, colour);
    return 0;
  }
  // One array, one model a line: whole for a parser, readable for grep and diff.
  std::string_view before = "[\n";
  for (const pricing::Model& model : catalog.models()) {
    std::string text;
    json::Writer writer(text);
    write_model(writer, model);
    out << before << text;
    before = ",\n";
  }
  out << (catalog.models().empty() ? "[]\n" : "\n]\n");
  return 0;
}

}  // namespace ai_proxy::app
