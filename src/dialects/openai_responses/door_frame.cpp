// The Response object: what was asked is repeated, with OpenAI's defaults for what was not said
// (door_answer.h). Member order as recorded.
#include <array>
#include <string>

#include "base/ascii.h"
#include "dialects/chat_completions/door_answer.h"
#include "dialects/native/utf8.h"
#include "dialects/openai_chat/door_answer.h"
#include "dialects/openai_responses/door_answer.h"

namespace ai_proxy::dialects::openai_responses {
namespace {

using native::append_json_string;

constexpr std::string_view kIdPrefix = "resp_";

// An event is one line: line ends can only stand between tokens there.
void append_on_one_line(std::string& out, std::string_view raw) {
  for (const char c : raw) out.push_back(c == '\n' || c == '\r' ? ' ' : c);
}

// `label`: ,"temperature":
void append_asked(std::string& out, std::string_view label, const json::Value& asked,
                  std::string_view otherwise) {
  out.append(label);
  append_on_one_line(out, asked.has_value() ? asked.raw() : otherwise);
}

// The members of an object that was asked for, then those that OpenAI adds.
template <std::size_t N>
void append_completed_object(std::string& out, const json::Value& asked,
                             const std::array<std::pair<std::string_view, std::string_view>, N>& added) {
  out.push_back('{');
  bool first = true;
  const auto member = [&](std::string_view name, std::string_view raw) {
    if (!first) out.push_back(',');
    first = false;
    append_json_string(out, name);
    out.push_back(':');
    append_on_one_line(out, raw);
  };
  for (const json::Value value : asked) {
    if (asked.is_object() && value.has_value()) member(value.key(), value.raw());
  }
  for (const auto& [name, raw] : added) {
    if (!asked[name].has_value()) member(name, raw);
  }
  out.push_back('}');
}

void append_tools(std::string& out, const json::Value& tools) {
  using Added = std::array<std::pair<std::string_view, std::string_view>, 3>;
  static constexpr Added kAdded{{{"description", "null"}, {"parameters", "null"}, {"strict", "true"}}};
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 0> kNothing{};
  out.append(R"(,"tools":[)");
  bool first = true;
  for (const json::Value tool : tools) {
    if (!tools.is_array() || !tool.is_object()) continue;
    if (!first) out.push_back(',');
    first = false;
    if (tool["type"].string_or("") == "function") {
      append_completed_object(out, tool, kAdded);
    } else {
      append_completed_object(out, tool, kNothing);
    }
  }
  out.push_back(']');
}

std::string_view status_word(Frame::Status status) {
  switch (status) {
    case Frame::Status::in_progress:
      return "in_progress";
    case Frame::Status::completed:
      return "completed";
    case Frame::Status::incomplete:
      return "incomplete";
    case Frame::Status::failed:
      break;
  }
  return "failed";
}

void append_usage(std::string& out, const chat::Usage& usage) {
  using chat_completions::append_labelled_integer;
  append_labelled_integer(out, R"({"input_tokens":)", usage.input_tokens);
  append_labelled_integer(out, R"(,"input_tokens_details":{"cache_write_tokens":)",
                          usage.cache_written_tokens());
  append_labelled_integer(out, R"(,"cached_tokens":)", usage.cache_read_tokens);
  append_labelled_integer(out, R"(},"output_tokens":)", usage.output_tokens);
  append_labelled_integer(out, R"(,"output_tokens_details":{"reasoning_tokens":)", usage.reasoning_tokens);
  append_labelled_integer(out, R"(},"total_tokens":)", usage.total_tokens());
  out.push_back('}');
}

}  // namespace

Frame::Frame(const AnswerContext& context, std::string_view provider_id) : id_(context.id) {
  if (id_.empty()) {
    if (!provider_id.starts_with(kIdPrefix)) id_.append(kIdPrefix);
    id_.append(provider_id);
  }
  begin_ = R"({"id":)";
  append_json_string(begin_, id_);
  begin_.append(R"(,"object":"response","created_at":)");
  append_integer(begin_, context.created);

  const json::Value& request = context.request;
  append_asked(asked_, R"(,"instructions":)", request["instructions"], "null");
  append_asked(asked_, R"(,"max_output_tokens":)", request["max_output_tokens"], "null");
  append_asked(asked_, R"(,"max_tool_calls":)", request["max_tool_calls"], "null");
  asked_.append(R"(,"model":)");
  append_json_string(asked_, context.model);

  append_asked(middle_, R"(,"parallel_tool_calls":)", request["parallel_tool_calls"], "true");
  middle_.append(R"(,"presence_penalty":0.0,"previous_response_id":null)");
  append_asked(middle_, R"(,"prompt_cache_key":)", request["prompt_cache_key"], "null");
  using TwoAdded = std::array<std::pair<std::string_view, std::string_view>, 2>;
  static constexpr TwoAdded kReasoning{{{"effort", "null"}, {"summary", "null"}}};
  middle_.append(R"(,"reasoning":)");
  append_completed_object(middle_, request["reasoning"], kReasoning);
  append_asked(middle_, R"(,"safety_identifier":)", request["safety_identifier"], "null");
  tier_ = request["service_tier"].string_or("");

  append_asked(tail_, R"(,"store":false,"temperature":)", request["temperature"], "1.0");
  static constexpr TwoAdded kText{{{"format", R"({"type":"text"})"}, {"verbosity", R"("medium")"}}};
  tail_.append(R"(,"text":)");
  append_completed_object(tail_, request["text"], kText);
  append_asked(tail_, R"(,"tool_choice":)", request["tool_choice"], R"("auto")");
  append_tools(tail_, request["tools"]);
  append_asked(tail_, R"(,"top_logprobs":)", request["top_logprobs"], "0");
  append_asked(tail_, R"(,"top_p":)", request["top_p"], "1.0");
  append_asked(tail_, R"(,"truncation":)", request["truncation"], R"("disabled")");

  append_asked(user_, R"(,"user":)", request["user"], "null");
  append_asked(user_, R"(,"metadata":)", request["metadata"], "{}");
}

std::string Frame::item_id(std::string_view prefix, std::size_t output_index) const {
  std::string_view rest = id_;
  if (rest.starts_with(kIdPrefix)) rest.remove_prefix(kIdPrefix.size());
  std::string id(prefix);
  id.append("_").append(rest).append("_");
  append_integer(id, output_index);
  return id;
}

void Frame::append(std::string& out, std::string_view output, const Outcome& outcome) const {
  out.append(begin_).append(R"(,"status":")").append(status_word(outcome.status));
  out.append(R"(","background":false,"error":)");
  out.append(outcome.error.empty() ? std::string_view("null") : outcome.error);
  out.append(R"(,"frequency_penalty":0.0,"incomplete_details":)");
  if (outcome.incomplete_reason.empty()) {
    out.append("null");
  } else {
    out.append(R"({"reason":")").append(outcome.incomplete_reason).append(R"("})");
  }
  out.append(asked_).append(R"(,"output":[)").append(output).append("]").append(middle_);
  out.append(R"(,"service_tier":)");
  const bool running = outcome.status == Status::in_progress;
  std::string_view tier = outcome.service_tier;
  if (tier.empty()) tier = !running ? "default" : tier_.empty() ? std::string_view("auto") : tier_;
  append_json_string(out, tier);
  out.append(tail_).append(R"(,"usage":)");
  if (outcome.usage == nullptr) {
    out.append("null");
  } else {
    append_usage(out, *outcome.usage);
  }
  out.append(user_).append("}");
}

// A turn that was paused, and a reason that nobody knows, did end by themselves.
Frame::Outcome outcome_of(chat::FinishReason reason, const std::optional<chat::Usage>& usage) {
  Frame::Outcome outcome;
  outcome.status = Frame::Status::completed;
  if (reason == chat::FinishReason::length) outcome.incomplete_reason = "max_output_tokens";
  if (reason == chat::FinishReason::content_filter) outcome.incomplete_reason = "content_filter";
  if (!outcome.incomplete_reason.empty()) outcome.status = Frame::Status::incomplete;
  outcome.usage = chat_completions::credible(usage);
  outcome.service_tier = openai_chat::service_tier_word(usage);
  return outcome;
}

}  // namespace ai_proxy::dialects::openai_responses
