// Anthropic counts the three kinds of input side by side (input_tokens is only what was neither read from nor
// written to the cache); ours is the sum.
#include "dialects/anthropic_messages/usage.h"

#include <algorithm>

#include "dialects/anthropic_messages/anthropic_messages.h"

namespace ai_proxy::dialects::anthropic_messages {
namespace {

// More tokens than any request can have; keeps every sum far from overflow.
constexpr std::int64_t kCountMax = 1'000'000'000'000;

void take_text(const json::Value& value, std::string& slot) {
  if (const auto text = value.string()) slot = *text;
}

void add(chat::Usage& total, const chat::Usage& part) {
  total.input_tokens += part.input_tokens;
  total.cache_read_tokens += part.cache_read_tokens;
  total.cache_write_tokens += part.cache_write_tokens;
  total.cache_write_1h_tokens += part.cache_write_1h_tokens;
  total.output_tokens += part.output_tokens;
  total.reasoning_tokens += part.reasoning_tokens;
  total.web_search_calls += part.web_search_calls;
  total.web_fetch_calls += part.web_fetch_calls;
  total.valid = total.valid && part.valid;
}

}  // namespace

void UsageMerger::count(const json::Value& value, std::optional<std::int64_t>& slot) {
  if (!value.has_value()) return;
  const auto number = value.integer();
  if (number && *number >= 0 && *number <= kCountMax) {
    slot = number;
  } else {
    contradictory_ = true;
  }
}

void UsageMerger::merge_cache_writes(const json::Value& usage) {
  const json::Value total = usage["cache_creation_input_tokens"];
  const json::Value split = usage["cache_creation"];
  count(total, cache_written_);
  count(split["ephemeral_5m_input_tokens"], written_5m_);
  count(split["ephemeral_1h_input_tokens"], written_1h_);
  // A split below the total is normal where server tools ran: it covers the last internal turn only. A split
  // above a total told by the same object makes no sense.
  if (total.has_value() && split.is_object() &&
      written_5m_.value_or(0) + written_1h_.value_or(0) > cache_written_.value_or(0)) {
    contradictory_ = true;
  }
}

void UsageMerger::merge_iterations(const json::Value& iterations) {
  if (!iterations.is_array()) return;
  compactions_.clear();
  other_models_.clear();
  for (const json::Value entry : iterations) {
    const std::string_view type = entry["type"].string_or("");
    if (type == "message") continue;  // inside the counts above
    const std::string_view model = entry["model"].string_or("");
    if (type != "compaction" && model.empty()) continue;
    UsageMerger merger;
    merger.merge_counts(entry);  // no iterations of an iteration
    merger.compute();
    if (!merger.usage()) continue;
    if (type == "compaction") {
      compactions_.push_back(*merger.usage());
    } else {
      other_models_.push_back({std::string(model), *merger.usage()});
    }
  }
}

void UsageMerger::merge(const json::Value& usage) {
  if (!usage.is_object()) return;
  merge_counts(usage);
  merge_iterations(usage["iterations"]);
  compute();
}

void UsageMerger::merge_counts(const json::Value& usage) {
  count(usage["input_tokens"], input_);
  count(usage["cache_read_input_tokens"], cache_read_);
  merge_cache_writes(usage);
  count(usage["output_tokens"], output_);
  count(usage["output_tokens_details"]["thinking_tokens"], thinking_);
  count(usage["server_tool_use"]["web_search_requests"], web_searches_);
  count(usage["server_tool_use"]["web_fetch_requests"], web_fetches_);
  take_text(usage["service_tier"], service_tier_);
  take_text(usage["speed"], speed_);
  take_text(usage["inference_geo"], inference_geo_);
}

void UsageMerger::compute() {
  if (!input_ && !output_ && !contradictory_) return;
  chat::Usage& usage = usage_.emplace();
  // The total is what is billed. What the split leaves open is put to five minutes, the API's default.
  const std::int64_t written = cache_written_.value_or(written_5m_.value_or(0) + written_1h_.value_or(0));
  usage.cache_write_1h_tokens = std::min(written_1h_.value_or(0), written);
  usage.cache_write_tokens = written - usage.cache_write_1h_tokens;
  usage.cache_read_tokens = cache_read_.value_or(0);
  usage.input_tokens = input_.value_or(0) + usage.cache_read_tokens + written;
  usage.output_tokens = output_.value_or(0);
  usage.reasoning_tokens = thinking_.value_or(0);
  usage.web_search_calls = web_searches_.value_or(0);
  usage.web_fetch_calls = web_fetches_.value_or(0);
  usage.service_tier = service_tier_;
  usage.speed = speed_;
  usage.inference_region = inference_geo_;
  usage.valid = !contradictory_ && usage.reasoning_tokens <= usage.output_tokens;
  for (const chat::Usage& compaction : compactions_) add(usage, compaction);
  usage.other_models = other_models_;
  for (chat::Usage::OtherModel& other : usage.other_models) {
    // Tier and place belong to the whole request; an entry does not repeat them.
    if (other.usage.service_tier.empty()) other.usage.service_tier = service_tier_;
    if (other.usage.inference_region.empty()) other.usage.inference_region = inference_geo_;
    usage.valid = usage.valid && other.usage.valid;
  }
}

std::optional<chat::Usage> parse_usage(const json::Value& usage) {
  UsageMerger merger;
  merger.merge(usage);
  return merger.usage();
}

}  // namespace ai_proxy::dialects::anthropic_messages
