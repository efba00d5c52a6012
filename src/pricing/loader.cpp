#include "pricing/loader.h"

#include <algorithm>
#include <initializer_list>

#include "base/ascii.h"
#include "base/json.h"

namespace ai_proxy::pricing {
namespace {

constexpr std::string_view kSchema = "ai-proxy-prices/1";
// What nothing costs. A price above is one per million tokens (minutes, calls …) taken for one per token.
constexpr PicoUsd kTokenPriceMax = kPicoPerUsd / 100;  // $0.01 a token
constexpr PicoUsd kUnitPriceMax =
    kPicoPerUsd * 1000;  // per minute, per 1,000 pages or calls, per 1M characters
constexpr PicoUsd kSuspiciousRatio = 100;

// Reads one model; the first fault ends it and is kept.
class ModelReader {
 public:
  Result<Model> read(json::Value object, std::size_t index) {
    name_ = "models[" + std::to_string(index) + "]";
    if (!object.is_object()) fail("", "must be an object.");
    Model model;
    model.provider = required_text(object, "provider");
    model.id = required_text(object, "model");
    if (!fault_) name_ = model.provider + "/" + model.id;
    only_members(object, "",
                 {"provider", "model", "aliases", "mode", "context_tokens", "max_output_tokens", "prices",
                  "long_context", "tiers", "units", "fees", "regional_factor", "status", "deprecation_date",
                  "retirement_date", "retirement_verified", "history", "source", "as_of"});
    read_identity(object, model);
    model.prices = prices(object["prices"], "prices");
    model.long_context = long_context(object["long_context"], "long_context");
    read_tiers(object["tiers"], model);
    read_units(object, model);
    read_history(object["history"], model);
    if (fault_) return std::unexpected(*fault_);
    return model;
  }

 private:
  void fail(std::string_view member, std::string_view message) {
    if (fault_) return;
    std::string text = "Price file: " + name_;
    if (!member.empty()) text.append(": ").append(member);
    fault_ = internal_error(text.append(" ").append(message));
    fault_->parameter = member;
  }

  void only_members(json::Value object, const std::string& path,
                    std::initializer_list<std::string_view> allowed) {
    for (const json::Value member : object) {
      if (std::ranges::find(allowed, member.key()) == allowed.end()) {
        fail(path.empty() ? std::string(member.key()) : path + "." + std::string(member.key()),
             "is not a member this program knows.");
      }
    }
  }

  std::string required_text(json::Value object, std::string_view member) {
    const auto text = object[member].string();
    if (!text || text->empty()) fail(member, "must be a text.");
    return std::string(text.value_or(""));
  }

  std::string optional_date(json::Value object, std::string_view member) {
    if (!object[member].present()) return {};
    const std::string text(object[member].string_or(""));
    if (!is_date(text)) fail(member, "must be a date, YYYY-MM-DD.");
    return text;
  }

  std::int64_t optional_count(json::Value object, std::string_view member) {
    if (!object[member].present()) return 0;
    const auto count = object[member].integer();
    if (!count || *count <= 0) fail(member, "must be a whole number above 0.");
    return count.value_or(0);
  }

  void read_identity(json::Value object, Model& model) {
    for (const json::Value alias : object["aliases"]) {
      if (alias.string_or("").empty()) fail("aliases", "must be an array of texts.");
      model.aliases.emplace_back(alias.string_or(""));
    }
    model.mode = required_text(object, "mode");
    model.context_tokens = optional_count(object, "context_tokens");
    model.max_output_tokens = optional_count(object, "max_output_tokens");
    model.status = required_text(object, "status");
    if (model.status != "active" && model.status != "deprecated" && model.status != "retired") {
      fail("status", "must be active, deprecated or retired.");
    }
    model.deprecation_date = optional_date(object, "deprecation_date");
    model.retirement_date = optional_date(object, "retirement_date");
    model.source = required_text(object, "source");
    model.as_of = required_text(object, "as_of");
    if (!is_date(model.as_of) && !is_date(model.as_of + "-01"))
      fail("as_of", "must be YYYY-MM-DD or YYYY-MM.");
  }

  // An amount of USD as pico-dollars per `units_per_price` units.
  std::optional<PicoUsd> amount(json::Value value, const std::string& path, int decimals_max, PicoUsd max) {
    if (!value.present()) return std::nullopt;
    if (!value.is_string()) {
      fail(path, "must be a decimal number as a text, such as \"2.50\".");
      return std::nullopt;
    }
    const auto parsed = parse_decimal(*value.string(), decimals_max);
    if (!parsed) fail(path, "is no plain decimal of at most " + std::to_string(decimals_max) + " decimals.");
    if (parsed && *parsed < 0) fail(path, "must not be negative.");
    if (parsed && *parsed >= max) {
      fail(path,
           "is implausibly high. Prices are in " + std::string(kUnit) + "; units and fees in USD each.");
    }
    return parsed;
  }

  // USD per million tokens with six decimals is a whole number of pico-dollars per token.
  Prices prices(json::Value object, const std::string& path) {
    Prices result;
    if (!object.present()) return result;
    if (!object.is_object()) fail(path, "must be an object.");
    for (const json::Value price : object) {
      const std::string member = path + "." + std::string(price.key());
      const auto known = std::ranges::find(kPriceMembers, price.key(), &PriceMember::name);
      if (known == kPriceMembers.end()) {
        fail(member, "is not a price this program knows.");
      } else {
        result.*(known->price) = amount(price, member, 6, kTokenPriceMax);
      }
    }
    return result;
  }

  std::optional<LongContext> long_context(json::Value object, const std::string& path) {
    if (!object.present()) return std::nullopt;
    if (!object.is_object()) fail(path, "must be an object.");
    only_members(object, path, {"above_tokens", "from_tokens", "prices"});
    LongContext result;
    result.at_threshold = object["from_tokens"].present();
    const auto threshold = object[result.at_threshold ? "from_tokens" : "above_tokens"].integer();
    if (!threshold || *threshold <= 0)
      fail(path, "needs above_tokens or from_tokens, a whole number above 0.");
    result.threshold_tokens = threshold.value_or(0);
    if (!object["prices"].is_object()) fail(path + ".prices", "must be an object.");
    result.prices = prices(object["prices"], path + ".prices");
    return result;
  }

  void read_tiers(json::Value tiers, Model& model) {
    for (const json::Value object : tiers) {
      const std::string path = "tiers." + std::string(object.key());
      only_members(object, path, {"prices", "long_context", "units", "valid_until"});
      Tier tier;
      tier.name = object.key();
      tier.prices = prices(object["prices"], path + ".prices");
      tier.long_context = long_context(object["long_context"], path + ".long_context");
      only_members(object["units"], path + ".units", {"audio_minute"});
      tier.per_audio_minute =
          amount(object["units"]["audio_minute"], path + ".units.audio_minute", 12, kUnitPriceMax);
      tier.valid_until = object["valid_until"].string_or("");
      if (object["valid_until"].present() && !is_date(tier.valid_until)) {
        fail(path + ".valid_until", "must be a date, YYYY-MM-DD.");
      }
      model.tiers.push_back(std::move(tier));
    }
  }

  void read_units(json::Value object, Model& model) {
    const json::Value units = object["units"];
    only_members(units, "units",
                 {"audio_minute", "million_characters", "thousand_pages", "thousand_annotated_pages"});
    model.per_audio_minute = amount(units["audio_minute"], "units.audio_minute", 12, kUnitPriceMax);
    model.per_million_characters =
        amount(units["million_characters"], "units.million_characters", 12, kUnitPriceMax);
    model.per_1000_pages = amount(units["thousand_pages"], "units.thousand_pages", 12, kUnitPriceMax);
    model.per_1000_annotated_pages =
        amount(units["thousand_annotated_pages"], "units.thousand_annotated_pages", 12, kUnitPriceMax);

    const json::Value fees = object["fees"];
    only_members(fees, "fees", {"thousand_web_searches", "thousand_web_fetches"});
    model.web_search_per_1000 = fee(fees["thousand_web_searches"], "fees.thousand_web_searches");
    model.web_fetch_per_1000 = fee(fees["thousand_web_fetches"], "fees.thousand_web_fetches");

    if (const json::Value factor = object["regional_factor"]; factor.present()) {
      const auto percent = parse_decimal(factor.string_or(""), 2);
      if (!percent || *percent < 100 || *percent > 200)
        fail("regional_factor", "must be from \"1\" to \"2\".");
      model.regional_percent = static_cast<int>(percent.value_or(100));
    }
  }

  // Nine decimals per thousand calls are a whole number of pico-dollars per call.
  std::optional<PicoUsd> fee(json::Value value, const std::string& path) {
    const auto nano_usd = amount(value, path, 9, kUnitPriceMax / 1000);
    if (!nano_usd) return std::nullopt;
    return *nano_usd * 1000;
  }

  void read_history(json::Value history, Model& model) {
    for (const json::Value object : history) {
      const std::string path = "history[" + std::to_string(model.history.size()) + "]";
      only_members(object, path, {"until", "prices", "long_context"});
      PastPrices past;
      past.until = object["until"].string_or("");
      if (!is_date(past.until)) fail(path + ".until", "must be a date, YYYY-MM-DD.");
      past.prices = prices(object["prices"], path + ".prices");
      past.long_context = long_context(object["long_context"], path + ".long_context");
      model.history.push_back(std::move(past));
    }
    std::sort(model.history.begin(), model.history.end(),
              [](const PastPrices& a, const PastPrices& b) { return a.until < b.until; });
  }

  std::string name_;
  std::optional<Error> fault_;
};

Result<void> check_header(json::Value root) {
  if (!root.is_object()) return std::unexpected(internal_error("Price file: must be a JSON object."));
  if (root["schema"].string_or("") != kSchema) {
    return std::unexpected(internal_error("Price file: schema must be \"" + std::string(kSchema) + "\"."));
  }
  // Without its unit a price is a factor of a million away from its neighbour's.
  if (root["unit"].string_or("") != kUnit) {
    return std::unexpected(internal_error("Price file: unit must be \"" + std::string(kUnit) + "\"."));
  }
  if (!is_date(root["as_of"].string_or(""))) {
    return std::unexpected(internal_error("Price file: as_of must be a date, YYYY-MM-DD."));
  }
  if (!root["models"].is_array())
    return std::unexpected(internal_error("Price file: models must be an array."));
  return {};
}

}  // namespace

bool is_date(std::string_view text) {
  if (text.size() != 10 || text[4] != '-' || text[7] != '-') return false;
  for (const std::size_t i : {0U, 1U, 2U, 3U, 5U, 6U, 8U, 9U}) {
    if (text[i] < '0' || text[i] > '9') return false;
  }
  const int month = (text[5] - '0') * 10 + (text[6] - '0');
  const int day = (text[8] - '0') * 10 + (text[9] - '0');
  return month >= 1 && month <= 12 && day >= 1 && day <= 31;
}

Result<std::vector<Model>> load_models(std::string_view json_text) {
  json::Document document;
  if (const auto fault = document.parse(json_text)) {
    return std::unexpected(internal_error("Price file: line " + std::to_string(fault->line) + ", column " +
                                          std::to_string(fault->column) + ": " + fault->message));
  }
  const json::Value root = document.root();
  if (auto good = check_header(root); !good) return std::unexpected(std::move(good.error()));
  std::vector<Model> models;
  for (const json::Value object : root["models"]) {
    auto model = ModelReader().read(object, models.size());
    if (!model) return std::unexpected(std::move(model.error()));
    models.push_back(std::move(*model));
  }
  return models;
}

Result<void> check_against(const Model& model, const Model& known) {
  for (const PriceMember& member : kPriceMembers) {
    const auto price = model.prices.*(member.price);
    const auto usual = known.prices.*(member.price);
    // Free is a statement, not a slip.
    if (!price || !usual || *price == 0 || *usual == 0) continue;
    if (*price >= *usual * kSuspiciousRatio || *usual >= *price * kSuspiciousRatio) {
      Error error = internal_error(
          "Price file: " + model.provider + "/" + model.id + ": prices." + std::string(member.name) +
          " is a hundred times or more off the built-in price. Prices are in " + std::string(kUnit) + ".");
      error.parameter = "prices." + std::string(member.name);
      return std::unexpected(std::move(error));
    }
  }
  return {};
}

}  // namespace ai_proxy::pricing
