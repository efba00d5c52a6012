// Rules by model of anthropic-version 2023-06-01: temperature 0..1; not together with top_p from opus-4-1 on;
// after opus-4-6 only temperature 1 and top_p >= 0.99; while thinking only temperature 1 and top_p >= 0.95,
// no top_k.
#include "dialects/anthropic_messages/sampling.h"

#include <cstdlib>
#include <string>

#include "base/ascii.h"

namespace ai_proxy::dialects::anthropic_messages {
namespace {

constexpr std::string_view kNotWhileThinking = "Anthropic does not take it while the model thinks";

double number_of(std::string_view raw) {
  return std::strtod(std::string(raw).c_str(), nullptr);
}

// True: it was written.
bool write_temperature(json::Writer& out, const Scope& scope, bool thinking) {
  std::string_view raw = scope.request.sampling.temperature;
  if (!says_something(raw)) return false;
  if (!scope.traits.samplers) {
    scope.leave_out("temperature", "this model does not take it");
    return false;
  }
  if (number_of(raw) > 1) {
    scope.adapt("temperature", "Anthropic takes 0 to 1; 1 was used");
    raw = "1";
  }
  if (number_of(raw) != 1 && (thinking || scope.traits.temperature_only_one)) {
    scope.leave_out("temperature", thinking ? kNotWhileThinking : "this model takes only 1");
    return false;
  }
  out.raw_member("temperature", raw);
  return true;
}

void write_top_p(json::Writer& out, const Scope& scope, bool thinking, bool has_temperature) {
  const std::string_view raw = scope.request.sampling.top_p;
  if (!says_something(raw)) return;
  const double value = number_of(raw);
  if (!scope.traits.samplers) {
    scope.leave_out("top_p", "this model does not take it");
  } else if (has_temperature && !scope.traits.temperature_with_top_p) {
    scope.leave_out("top_p", "this model does not take it together with temperature");
  } else if (scope.traits.temperature_only_one && value < 0.99) {
    scope.leave_out("top_p", "this model takes only 0.99 to 1");
  } else if (thinking && value < 0.95) {
    scope.leave_out("top_p", "Anthropic takes only 0.95 to 1 while the model thinks");
  } else {
    out.raw_member("top_p", raw);
  }
}

void write_top_k(json::Writer& out, const Scope& scope, bool thinking) {
  const std::string_view raw = scope.request.sampling.top_k;
  if (!says_something(raw)) return;
  if (!scope.traits.top_k || !scope.traits.samplers) {
    scope.leave_out("top_k", "this model does not take it");
  } else if (thinking) {
    scope.leave_out("top_k", kNotWhileThinking);
  } else {
    out.raw_member("top_k", raw);
  }
}

void write_stop(json::Writer& out, const Scope& scope) {
  const auto& stop = scope.request.sampling.stop;
  if (stop.empty()) return;
  if (!scope.traits.stop) {
    scope.leave_out("stop", "this model does not take it");
    return;
  }
  bool opened = false;
  for (const std::string_view text : stop) {
    if (ascii_trim(text).empty()) {
      scope.adapt("stop", "Anthropic refuses empty and blank sequences; they were left out");
      continue;
    }
    if (!opened) out.key("stop_sequences").begin_array();
    opened = true;
    out.string(text);
  }
  if (opened) out.end_array();
}

void leave_out_foreign(const Scope& scope) {
  const chat::Sampling& sampling = scope.request.sampling;
  constexpr std::string_view kNone = "Anthropic has no such parameter";
  if (says_something(sampling.presence_penalty)) scope.leave_out("presence_penalty", kNone);
  if (says_something(sampling.frequency_penalty)) scope.leave_out("frequency_penalty", kNone);
  if (sampling.seed) scope.leave_out("seed", kNone);
}

}  // namespace

Result<void> write_sampling(json::Writer& out, const Scope& scope, bool thinking) {
  if (number_of(scope.request.sampling.temperature) < 0) {
    return std::unexpected(bad_request("Anthropic takes a temperature of 0 to 1.", "temperature"));
  }
  const bool has_temperature = write_temperature(out, scope, thinking);
  write_top_p(out, scope, thinking, has_temperature);
  write_top_k(out, scope, thinking);
  write_stop(out, scope);
  leave_out_foreign(scope);
  return {};
}

}  // namespace ai_proxy::dialects::anthropic_messages
