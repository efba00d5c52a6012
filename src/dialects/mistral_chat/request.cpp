// The canonical request as Mistral's body: only members on its list, because it refuses all others (422).
// Source: Mistral API specification and @mistralai/mistralai 2.7.0 (November 2026).
#include <algorithm>
#include <array>
#include <limits>

#include "dialects/mistral_chat/messages.h"
#include "dialects/mistral_chat/mistral_chat.h"

namespace ai_proxy::dialects::mistral_chat {
namespace {

using chat_completions::Pen;

constexpr double kTemperatureMax = 1.5;

// Mistral's own members that the canonical request does not hold.
constexpr std::array<std::string_view, 6> kExtras{"n",          "prediction",       "prompt_mode",
                                                  "guardrails", "prompt_cache_key", "safe_prompt"};

void write_seed(Pen& pen) {
  const auto& seed = pen.request.sampling.seed;
  if (!seed) return;
  if (*seed < 0) return pen.left_out("seed", "Mistral takes none below 0");
  pen.out.member("random_seed", *seed);
}

void write_service_tier(Pen& pen) {
  const std::string_view asked = pen.request.service_tier;
  if (asked.empty()) return;
  if (asked == "auto") {
    pen.out.member("service_tier", "auto");
  } else if (asked == "standard_only" || asked == "default" || asked == "standard") {
    pen.out.member("service_tier", "standard_only");
  } else {
    pen.left_out("service_tier", "Mistral knows only auto and standard_only");
  }
}

void write_extras(Pen& pen) {
  const bool seeded = pen.request.sampling.seed.has_value();
  for (const auto& [name, raw] : pen.request.extra) {
    if (std::ranges::find(kExtras, name) != kExtras.end() || (name == "random_seed" && !seeded)) {
      pen.out.raw_member(name, raw);
    } else {
      pen.left_out(name, "Mistral has no such parameter");
    }
  }
}

Result<void> write_body(Pen& pen, std::string_view wire_model) {
  pen.out.begin_object().member("model", wire_model);
  if (auto written = write_messages(pen); !written) return written;
  const auto effort = chat_completions::effort_to_send(pen);
  if (!effort) return std::unexpected(effort.error());

  chat_completions::write_max_tokens(pen, "max_tokens");
  chat_completions::write_samplers(pen, chat_completions::samplers_allowed(pen.traits, *effort),
                                   kTemperatureMax);
  write_seed(pen);
  if (auto written = chat_completions::write_stop(pen, std::numeric_limits<std::size_t>::max()); !written)
    return written;
  if (auto written = chat_completions::write_tools(pen, "any"); !written) return written;
  chat_completions::write_response_format(pen);
  if (!effort->empty()) pen.out.member("reasoning_effort", *effort);
  if (!pen.request.metadata.empty()) pen.out.raw_member("metadata", pen.request.metadata);
  if (!pen.request.user.empty()) pen.left_out("user", "Mistral has no such parameter");
  write_service_tier(pen);
  write_extras(pen);
  // Usage comes on the last chunk without being asked for; stream_options would be refused.
  if (pen.request.stream) pen.out.member("stream", true);
  pen.out.end_object();
  return {};
}

}  // namespace

Result<std::string> render_request(const chat::Request& request, std::string_view wire_model,
                                   const chat::ModelTraits& traits, chat::Warnings& warnings) {
  std::string body;
  body.reserve(request.bytes_to_write());
  Pen pen{json::Writer(body), request, traits, warnings, "Mistral", "mistral_chat"};
  if (auto written = write_body(pen, wire_model); !written)
    return std::unexpected(std::move(written.error()));
  return body;
}

}  // namespace ai_proxy::dialects::mistral_chat
