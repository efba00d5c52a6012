// A whole answer as our API shows it (contract: docs/api.md). Written by hand instead of by json::Writer:
// this runs for every request, the order of the members is a promise, and provider text is not trusted to be
// UTF-8.
#include <string>

#include "base/ascii.h"
#include "base/money.h"
#include "dialects/native/answer.h"
#include "dialects/native/native.h"
#include "dialects/native/utf8.h"

namespace ai_proxy::dialects::native {
namespace {

void append_count(std::string& out, std::string_view label, const chat::Usage* usage, std::int64_t count) {
  out.append(label);
  if (usage == nullptr) {
    out.append("null");
  } else {
    append_integer(out, count);
  }
}

void append_positive(std::string& out, std::string_view label, std::int64_t count) {
  if (count <= 0) return;
  out.append(label);
  append_integer(out, count);
}

void append_usd(std::string& out, std::string_view label, const std::optional<PicoUsd>& amount, bool cached) {
  out.append(label);
  if (cached) {
    out.append(R"("0.000000")");
  } else if (amount) {
    out.append("\"").append(format_usd(*amount)).append("\"");
  } else {
    out.append("null");
  }
}

void append_tool_calls(std::string& out, const std::vector<chat::ToolCall>& calls) {
  out.append(R"(,"tool_calls":[)");
  for (std::size_t i = 0; i < calls.size(); ++i) {
    if (i > 0) out.push_back(',');
    out.append(R"({"id":)");
    append_json_string(out, calls[i].id);
    out.append(R"(,"type":"function","function":{"name":)");
    append_json_string(out, calls[i].name);
    out.append(R"(,"arguments":)");
    append_json_string(out, calls[i].arguments.empty() ? std::string_view("{}") : calls[i].arguments);
    out.append("}}");
  }
  out.push_back(']');
}

void append_message(std::string& out, const chat::Reply& reply) {
  out.append(R"({"role":"assistant","content":)");
  if (reply.text.empty() && reply.refusal.empty() && !reply.tool_calls.empty()) {
    out.append("null");
  } else if (reply.refusal.empty()) {
    append_json_string(out, reply.text);
  } else if (reply.text.empty()) {
    append_json_string(out, reply.refusal);
  } else {
    // As a stream would have shown them: one after the other.
    append_json_string(out, reply.text + reply.refusal);
  }
  if (!reply.tool_calls.empty()) append_tool_calls(out, reply.tool_calls);
  out.push_back('}');
}

// Counts that no answer can have are not shown as if they were known; the cost's warning tells of them.
bool can_be_true(const chat::Usage& usage) {
  constexpr std::int64_t kTokensMax = std::int64_t{1} << 52;  // two of them add up without loss anywhere
  const auto possible = [](std::int64_t count) { return count >= 0 && count <= kTokensMax; };
  return possible(usage.input_tokens) && possible(usage.output_tokens);
}

std::size_t likely_size(const chat::Reply& reply) {
  constexpr std::size_t kFrame = 640;  // everything but the answer itself, without warnings
  std::size_t size = kFrame + reply.text.size() + reply.text.size() / 8 + reply.refusal.size();
  for (const chat::ToolCall& call : reply.tool_calls) size += 128 + 2 * call.arguments.size();
  return size;
}

}  // namespace

void append_usage_and_cost(std::string& out, const std::optional<chat::Usage>& usage, const CostView& cost,
                           bool cached) {
  const chat::Usage* known = usage && can_be_true(*usage) ? &*usage : nullptr;
  const std::int64_t input = known ? known->input_tokens : 0;
  const std::int64_t output = known ? known->output_tokens : 0;
  const std::int64_t total = known ? known->total_tokens() : 0;
  append_count(out, R"("usage":{"prompt_tokens":)", known, input);
  append_count(out, R"(,"completion_tokens":)", known, output);
  append_count(out, R"(,"total_tokens":)", known, total);
  if (known) {
    append_positive(out, R"(,"cached_tokens":)", known->cache_read_tokens);
    append_positive(out, R"(,"cache_write_tokens":)", known->cache_written_tokens());
    append_positive(out, R"(,"reasoning_tokens":)", known->reasoning_tokens);
  }
  append_count(out, R"(},"cost":{"total_tokens":)", known, total);
  append_count(out, R"(,"input_tokens":)", known, input);
  append_count(out, R"(,"output_tokens":)", known, output);
  append_usd(out, R"(,"estimated_cost_usd":)", cost.total, cached);
  append_usd(out, R"(,"input_cost_usd":)", cost.input, cached);
  append_usd(out, R"(,"output_cost_usd":)", cost.output, cached);
  out.push_back('}');
}

void append_warnings(std::string& out, const chat::Warnings& warnings, bool usage_missing) {
  if (warnings.empty() && !usage_missing) return;
  out.append(R"(,"warnings":[)");
  bool first = true;
  for (const std::string& sentence : warnings.list()) {
    if (!first) out.push_back(',');
    first = false;
    append_json_string(out, sentence);
  }
  if (usage_missing) {
    if (!first) out.push_back(',');
    append_json_string(out, "usage: the provider reported none; tokens are not known.");
  }
  out.push_back(']');
}

std::string render_reply(const ReplyView& view) {
  const chat::Reply& reply = view.reply;
  std::string out;
  out.reserve(likely_size(reply));
  out.append(R"({"provider":)");
  append_json_string(out, view.provider);
  out.append(R"(,"model":)");
  append_json_string(out, view.model);
  out.append(R"(,"message":)");
  append_message(out, reply);
  out.append(R"(,"finish_reason":")");
  out.append(chat::word(chat::effective_finish_reason(reply.finish_reason, !reply.tool_calls.empty())));
  out.append(R"(",)");
  append_usage_and_cost(out, reply.usage, view.cost, view.cached);
  out.append(R"(,"latency_ms":)");
  append_integer(out, view.latency_ms);
  if (view.cached) out.append(R"(,"cached":true)");
  append_warnings(out, view.warnings, !reply.usage);
  out.push_back('}');
  return out;
}

}  // namespace ai_proxy::dialects::native
