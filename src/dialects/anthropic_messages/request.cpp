// The request body. Members stand in the order of the prompt (tools, system, messages), which is also the
// order in which cache markers count. The same request gives the same bytes.
#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "base/json.h"
#include "base/json_writer.h"
#include "dialects/anthropic_messages/answer_form.h"
#include "dialects/anthropic_messages/anthropic_messages.h"
#include "dialects/anthropic_messages/blocks.h"
#include "dialects/anthropic_messages/conversation.h"
#include "dialects/anthropic_messages/sampling.h"
#include "dialects/anthropic_messages/scope.h"
#include "dialects/anthropic_messages/thinking.h"
#include "dialects/anthropic_messages/tools.h"

namespace ai_proxy::dialects::anthropic_messages {
namespace {

using Failure = std::unexpected<Error>;

// Anthropic's longest metadata.user_id.
constexpr std::size_t kUserIdBytesMax = 256;

// What the caller wrote in Anthropic's own words stays; effort and format are added where it says nothing of
// them.
void write_output_config(json::Writer& out, const Scope& scope, std::string_view effort,
                         std::string_view schema) {
  json::Document own;
  const std::string_view raw = scope.extra("output_config");
  const bool has_own =
      says_something(raw) && !own.parse(raw, json::kProviderLimits) && own.root().is_object();
  if (schema.empty() && effort.empty() && !has_own) return;
  out.key("output_config").begin_object();
  if (has_own) {
    for (const json::Value member : own.root()) out.raw_member(member.key(), member.raw());
  }
  if (!effort.empty() && !(has_own && own.root()["effort"].present())) out.member("effort", effort);
  if (!schema.empty() && !(has_own && own.root()["format"].present())) {
    out.key("format").begin_object().member("type", "json_schema").raw_member("schema", schema).end_object();
  }
  out.end_object();
}

// Anthropic keeps one thing about the caller: an opaque user id.
void write_metadata(json::Writer& out, const Scope& scope) {
  json::Document metadata;
  std::string user(scope.request.user);
  if (says_something(scope.request.metadata) &&
      !metadata.parse(scope.request.metadata, json::kProviderLimits)) {
    const json::Value root = metadata.root();
    if (user.empty()) user = root["user_id"].string_or("");
    if (root.size() > (root["user_id"].present() ? 1U : 0U)) {
      scope.adapt("metadata", "Anthropic keeps only user_id; the rest was left out");
    }
  }
  if (user.empty()) {
    json::Document identifier;
    if (!identifier.parse(scope.extra("safety_identifier"), json::kProviderLimits)) {
      user = identifier.root().string_or("");
    }
  }
  if (user.empty()) return;
  if (user.size() > kUserIdBytesMax) {
    scope.leave_out("user", "Anthropic takes at most 256 characters");
    return;
  }
  out.key("metadata").begin_object().member("user_id", user).end_object();
}

void write_service_tier(json::Writer& out, const Scope& scope) {
  const std::string_view tier = scope.request.service_tier;
  if (tier.empty()) return;
  if (tier == "auto" || tier == "standard_only") {
    out.member("service_tier", tier);
  } else {
    scope.leave_out("service_tier", "Anthropic knows only auto and standard_only");
  }
}

// Members of other dialects that ask for nothing Anthropic does not do anyway.
bool asks_for_nothing(std::string_view name, std::string_view raw) {
  return !says_something(raw) || name == "stream_options" || name == "safety_identifier" ||
         (name == "n" && raw == "1") || ((name == "logprobs" || name == "store") && raw == "false");
}

void write_extra(json::Writer& out, const Scope& scope) {
  static constexpr std::array<std::string_view, 9> kKnown{
      "thinking",    "container",     "context_management", "inference_geo", "speed",
      "mcp_servers", "cache_control", "diagnostics",        "output_format"};
  for (const auto& [name, raw] : scope.request.extra) {
    if (std::ranges::find(kKnown, name) != kKnown.end()) {
      out.raw_member(name, raw);
    } else if (name != "output_config" && !asks_for_nothing(name, raw)) {
      scope.leave_out(name, "Anthropic has no such parameter");
    }
  }
}

Result<void> write_body(json::Writer& out, const Scope& scope) {
  const auto conversation = arrange(scope);
  if (!conversation) return Failure(conversation.error());
  const auto plan = plan_thinking(scope, *conversation);
  if (!plan) return Failure(plan.error());
  const auto form = answer_form(scope);
  if (!form) return Failure(form.error());
  CacheMarkers markers(scope, *conversation);

  out.begin_object().member("model", scope.model).member("max_tokens", plan->max_tokens);
  if (auto written = write_tools(out, scope, markers, plan->on); !written) return written;
  write_system(out, *conversation, form->instruction, markers);
  if (auto written = write_messages(out, scope, *conversation, markers); !written) return written;
  if (auto written = write_sampling(out, scope, plan->on); !written) return written;
  if (!plan->thinking.empty()) out.raw_member("thinking", plan->thinking);
  write_output_config(out, scope, plan->effort, form->schema);
  write_metadata(out, scope);
  write_service_tier(out, scope);
  write_extra(out, scope);
  if (scope.request.stream) out.member("stream", true);
  out.end_object();
  return {};
}

}  // namespace

Result<std::string> render_request(const chat::Request& request, std::string_view wire_model,
                                   const chat::ModelTraits& traits, chat::Warnings& warnings) {
  std::string body;
  body.reserve(request.bytes_to_write());
  json::Writer out(body);
  const Scope scope{.request = request, .model = wire_model, .traits = traits, .warnings = warnings};
  if (auto written = write_body(out, scope); !written) return Failure(std::move(written.error()));
  return body;
}

}  // namespace ai_proxy::dialects::anthropic_messages
