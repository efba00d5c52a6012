// Two styles: up to 4.6 {type: enabled, budget_tokens >= 1024 and < max_tokens}, from 4.6 on {type: adaptive}
// with output_config.effort. Source: SDK types 1.12.0, recordings of 2026.
#include "dialects/anthropic_messages/thinking.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>
#include <variant>

#include "base/ascii.h"
#include "base/json.h"

namespace ai_proxy::dialects::anthropic_messages {
namespace {

using Failure = std::unexpected<Error>;

constexpr std::int64_t kMaxTokensOtherwise = 4096;  // every Claude model can write this much
constexpr std::int64_t kBudgetMin = 1024;           // Anthropic's own bound

struct EffortRow {
  std::string_view word;
  std::int64_t budget_tokens;
};
// Words in rising order. Budgets follow what other gateways settled on for low, medium and high.
constexpr std::array<EffortRow, 6> kEfforts{
    {{"minimal", 1024}, {"low", 1024}, {"medium", 8192}, {"high", 24576}, {"xhigh", 32768}, {"max", 49152}}};

const EffortRow* row_of(std::string_view word) {
  const auto* row = std::ranges::find(kEfforts, word, &EffortRow::word);
  return row == kEfforts.end() ? nullptr : row;
}

Result<std::int64_t> answer_limit(const Scope& scope) {
  const std::int64_t most = scope.traits.max_output_tokens;
  if (!scope.request.max_tokens) {
    if (most > 0) return most;
    scope.adapt("max_tokens", "Anthropic needs a limit and this model's own is not known; 4096 was used");
    return kMaxTokensOtherwise;
  }
  const std::int64_t wanted = *scope.request.max_tokens;
  if (wanted < 0) return Failure(bad_request("max_tokens must not be negative.", "max_tokens"));
  if (most == 0 || wanted <= most) return wanted;
  scope.adapt("max_tokens", "this model writes at most " + std::to_string(most) + " tokens; that was used");
  return most;
}

// Does the request end with tool results for a turn whose thinking did not come back? Budget thinking refuses
// that.
bool lost_its_thinking(const Conversation& conversation) {
  const auto& turns = conversation.turns;
  const auto last = std::ranges::find(turns.rbegin(), turns.rend(), Speaker::assistant, &Turn::speaker);
  if (last == turns.rend() || last == turns.rbegin()) return false;
  if (std::prev(last)->results.empty()) return false;
  return !std::holds_alternative<chat::ThinkingPart>(last->blocks.front().part->kind);
}

// The nearest word this model takes: the next lower one, else the lowest it has.
std::string fitting_effort(const Scope& scope, std::string_view word) {
  const auto& known = scope.traits.efforts;
  std::string_view fitting = word == "minimal" ? "low" : word;
  const auto takes = [&](std::string_view one) { return std::ranges::find(known, one) != known.end(); };
  if (!known.empty() && !takes(fitting)) {
    const EffortRow* at = row_of(fitting);
    std::string_view lower;
    std::string_view higher;
    for (const EffortRow& row : kEfforts) {
      if (!takes(row.word) || at == nullptr) continue;
      if (&row < at) lower = row.word;
      if (&row > at && higher.empty()) higher = row.word;
    }
    fitting = !lower.empty() ? lower : !higher.empty() ? higher : known.front();
  }
  if (fitting != word) {
    scope.adapt("reasoning_effort", std::string("this model does not take \"")
                                        .append(word)
                                        .append("\"; \"")
                                        .append(fitting)
                                        .append("\" was used"));
  }
  return std::string(fitting);
}

// {type: enabled}: the budget is part of max_tokens, so a limit that leaves no room for an answer is raised.
Result<void> plan_budget(const Scope& scope, const Conversation& conversation, ThinkingPlan& plan) {
  const chat::Reasoning& reasoning = scope.request.reasoning;
  std::int64_t budget = reasoning.budget_tokens.value_or(0);
  if (!reasoning.budget_tokens) {
    const EffortRow* row = row_of(reasoning.effort);
    if (row == nullptr) return Failure(bad_request("This is no effort Anthropic knows.", "reasoning_effort"));
    budget = row->budget_tokens;
  }
  if (conversation.turns.back().speaker == Speaker::assistant) {
    scope.leave_out("reasoning", "a model that goes on from a trailing assistant message cannot think");
    return {};
  }
  if (lost_its_thinking(conversation)) {
    scope.leave_out("reasoning",
                    "the tool calls came back without the thinking before them, and then Anthropic "
                    "refuses to think on");
    return {};
  }
  if (budget < kBudgetMin) {
    scope.adapt("reasoning.budget_tokens", "Anthropic's least is 1024; that was used");
    budget = kBudgetMin;
  }
  if (budget >= plan.max_tokens) {
    const std::int64_t most = scope.traits.max_output_tokens > 0 ? scope.traits.max_output_tokens : INT64_MAX;
    const std::int64_t room = std::max<std::int64_t>(plan.max_tokens, 1);
    const std::int64_t raised = budget > most - room ? most : budget + room;
    budget = std::min(budget, raised - 1);
    if (budget < kBudgetMin) {
      scope.leave_out("reasoning", "this model's output limit leaves no room to think");
      return {};
    }
    if (raised != plan.max_tokens) {
      scope.adapt("max_tokens", "thinking counts towards it; it was raised to " + std::to_string(raised));
    } else {
      scope.adapt("reasoning.budget_tokens",
                  "it must be below max_tokens; " + std::to_string(budget) + " was used");
    }
    plan.max_tokens = raised;
  }
  plan.thinking = R"({"type":"enabled","budget_tokens":)" + std::to_string(budget) + "}";
  plan.on = true;
  return {};
}

std::string_view effort_for_budget(std::int64_t budget) {
  if (budget <= 4096) return "low";
  return budget <= 16384 ? "medium" : "high";
}

void plan_adaptive(const Scope& scope, ThinkingPlan& plan) {
  const chat::Reasoning& reasoning = scope.request.reasoning;
  std::string_view effort = reasoning.effort;
  if (effort.empty()) {
    effort = effort_for_budget(reasoning.budget_tokens.value_or(0));
    scope.adapt(
        "reasoning.budget_tokens",
        std::string("this model sets its own budget; effort \"").append(effort).append("\" was used"));
  }
  plan.thinking = R"({"type":"adaptive"})";
  plan.effort = fitting_effort(scope, effort);
  plan.on = true;
}

// Some adaptive models think unless told not to; the Fable family always does and refuses "disabled".
void plan_none(const Scope& scope, ThinkingPlan& plan) {
  if (scope.traits.thinking != chat::ThinkingStyle::adaptive) return;
  if (scope.model.find("fable-") == std::string_view::npos) {
    plan.thinking = R"({"type":"disabled"})";
    return;
  }
  scope.adapt("reasoning_effort", "this model always thinks; \"low\" was used");
  plan.effort = "low";
  plan.on = true;
}

// The caller wrote Anthropic's own member; what it says holds.
bool is_on(std::string_view thinking) {
  json::Document document;
  if (document.parse(thinking, json::kProviderLimits)) return false;
  const std::string_view type = document.root()["type"].string_or("disabled");
  return type != "disabled";
}

}  // namespace

Result<ThinkingPlan> plan_thinking(const Scope& scope, const Conversation& conversation) {
  ThinkingPlan plan;
  auto limit = answer_limit(scope);
  if (!limit) return Failure(std::move(limit.error()));
  plan.max_tokens = *limit;

  const chat::Reasoning& reasoning = scope.request.reasoning;
  if (const std::string_view own = scope.extra("thinking"); says_something(own)) {
    plan.on = is_on(own);
    return plan;
  }
  if (reasoning.effort.empty() && !reasoning.budget_tokens) return plan;
  if (reasoning.effort == "none") {
    plan_none(scope, plan);
    return plan;
  }
  switch (scope.traits.thinking) {
    case chat::ThinkingStyle::budget:
      if (auto planned = plan_budget(scope, conversation, plan); !planned)
        return Failure(std::move(planned.error()));
      break;
    case chat::ThinkingStyle::adaptive:
      plan_adaptive(scope, plan);
      break;
    case chat::ThinkingStyle::effort:
      if (!reasoning.effort.empty()) plan.effort = fitting_effort(scope, reasoning.effort);
      break;
    case chat::ThinkingStyle::none:
      scope.leave_out(reasoning.effort.empty() ? "reasoning.budget_tokens" : "reasoning_effort",
                      "this model does not think on request");
      break;
  }
  return plan;
}

}  // namespace ai_proxy::dialects::anthropic_messages
