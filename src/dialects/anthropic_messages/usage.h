// Anthropic's usage object, whole or arriving in pieces along a stream.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "chat/usage.h"

namespace ai_proxy::dialects::anthropic_messages {

// A stream tells its usage twice: message_start has the input side and the 5 m / 1 h split of cache writes,
// message_delta has cumulative counts that replace the earlier ones. Absent and null keep what is known; an
// explicit 0 counts.
class UsageMerger {
 public:
  // Anything but an object says nothing.
  void merge(const json::Value& usage);

  // nullopt until some object told input or output tokens.
  const std::optional<chat::Usage>& usage() const { return usage_; }

 private:
  void count(const json::Value& value, std::optional<std::int64_t>& slot);
  void merge_counts(const json::Value& usage);
  void merge_cache_writes(const json::Value& usage);
  void merge_iterations(const json::Value& iterations);
  void compute();

  std::optional<std::int64_t> input_;
  std::optional<std::int64_t> cache_read_;
  std::optional<std::int64_t> cache_written_;
  std::optional<std::int64_t> written_5m_;
  std::optional<std::int64_t> written_1h_;
  std::optional<std::int64_t> output_;
  std::optional<std::int64_t> thinking_;
  std::optional<std::int64_t> web_searches_;
  std::optional<std::int64_t> web_fetches_;
  std::string service_tier_;
  std::string speed_;
  std::string inference_geo_;
  std::vector<chat::Usage> compactions_;
  std::vector<chat::Usage::OtherModel> other_models_;
  bool contradictory_ = false;
  std::optional<chat::Usage> usage_;
};

}  // namespace ai_proxy::dialects::anthropic_messages
