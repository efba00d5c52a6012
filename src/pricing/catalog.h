// The price catalogue: which models there are, what a token of each costs, and since when. Read from
// data/prices.json, which is embedded at build time and may be replaced at run time by a file of the same
// form. Pure: no file, no clock.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/error.h"
#include "base/money.h"

namespace ai_proxy::pricing {

// Pico-dollars per token (USD per million tokens, times 10^6), by kind of token. Absent = no price is known.
struct Prices {
  std::optional<PicoUsd> input, output, cache_read, cache_write, cache_write_1h, cache_write_12h;
  std::optional<PicoUsd> audio_input, audio_output, audio_cache_read, image_input, image_output,
      image_cache_read;
};

// The buckets by the names they have in the data file, in reasons (no_price:cache_read) and in lists.
struct PriceMember {
  std::string_view name;
  std::optional<PicoUsd> Prices::* price;
};
inline constexpr std::array<PriceMember, 12> kPriceMembers{{
    {"input", &Prices::input},
    {"output", &Prices::output},
    {"cache_read", &Prices::cache_read},
    {"cache_write", &Prices::cache_write},
    {"cache_write_1h", &Prices::cache_write_1h},
    {"cache_write_12h", &Prices::cache_write_12h},
    {"audio_input", &Prices::audio_input},
    {"audio_output", &Prices::audio_output},
    {"audio_cache_read", &Prices::audio_cache_read},
    {"image_input", &Prices::image_input},
    {"image_output", &Prices::image_output},
    {"image_cache_read", &Prices::image_cache_read},
}};

// Above `threshold_tokens` of total input the whole request moves to these prices.
struct LongContext {
  std::int64_t threshold_tokens = 0;
  bool at_threshold = false;  // true: >=, false: >
  Prices prices;
};

struct Tier {
  std::string name;  // batch, flex, priority, fast, ultrafast
  Prices prices;
  std::optional<LongContext> long_context;
  std::optional<PicoUsd> per_audio_minute;  // pico-dollars
  std::string valid_until;                  // YYYY-MM-DD, inclusive; empty = no end
};

// What was different for calls before the day `until`; the rest was as today. Only standard prices are on
// record: the other tiers of that time are not known, nor is a long band whose prices are empty.
struct PastPrices {
  std::string until;                        // YYYY-MM-DD, exclusive
  Prices prices;                            // empty = same as today
  std::optional<LongContext> long_context;  // a band that no longer exists, or had other prices
};

struct Model {
  std::string provider;  // openai, anthropic, mistral
  std::string id;
  std::vector<std::string> aliases;
  std::string mode;                    // chat, embedding, …
  std::int64_t context_tokens = 0;     // 0 = unknown
  std::int64_t max_output_tokens = 0;  // 0 = unknown
  Prices prices;
  std::optional<LongContext> long_context;
  std::vector<Tier> tiers;
  std::optional<PicoUsd> per_audio_minute;  // pico-dollars, like the next three; those are for the record:
  std::optional<PicoUsd> per_million_characters;  // no usage object counts them
  std::optional<PicoUsd> per_1000_pages;
  std::optional<PicoUsd> per_1000_annotated_pages;
  std::optional<PicoUsd> web_search_per_1000;  // pico-dollars per 1,000 calls
  std::optional<PicoUsd> web_fetch_per_1000;
  std::optional<int> regional_percent;  // 110: prices times 1.1 when served regionally
  std::string status;                   // active, deprecated, retired
  std::string deprecation_date;         // YYYY-MM-DD or empty
  std::string retirement_date;          // YYYY-MM-DD or empty
  std::string source;                   // where the figures come from
  std::string as_of;                    // and when they were read
  std::vector<PastPrices> history;      // oldest first
};

class Catalog {
 public:
  Catalog() = default;
  Catalog(const Catalog&) = delete;  // names refer to names
  Catalog& operator=(const Catalog&) = delete;

  // An error names the model and member at fault. Refused as slips of the unit: a price of $0.01 a token or
  // more, and one that is a hundred times off the built-in price of the same model.
  static Result<std::shared_ptr<const Catalog>> parse(std::string_view json_text);
  // The embedded data file, parsed once.
  static std::shared_ptr<const Catalog> built_in();

  // exact id -> alias -> without "provider/" -> ft:<base>:… -> without a trailing date (openai, anthropic) ->
  // null. Never a prefix or a neighbour.
  const Model* find(std::string_view provider, std::string_view model) const;
  // The provider whose catalogue knows this bare name; empty when none or more than one does.
  std::string_view provider_of(std::string_view model) const;
  std::span<const Model> models() const { return models_; }

 private:
  struct NameHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view name) const { return std::hash<std::string_view>{}(name); }
  };
  // By id or alias; hashed, because every request looks its model up several times.
  template <typename Found>
  using Names = std::unordered_map<std::string, Found, NameHash, std::equal_to<>>;

  static Result<std::shared_ptr<const Catalog>> load(std::string_view json_text);
  const Model* named(std::string_view provider, std::string_view name) const;
  std::string_view find_provider_of(std::string_view model) const;

  std::vector<Model> models_;
  std::map<std::string, Names<std::size_t>, std::less<>> by_provider_;  // indexes in models_
  Names<std::string_view> owners_;  // what provider_of() says of every name that stands in the catalogue
};

}  // namespace ai_proxy::pricing
