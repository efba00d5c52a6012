// The scalar settings of a request: effort, samplers, limits, stop, response format.
#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>

#include "base/ascii.h"
#include "dialects/chat_completions/request_pen.h"

namespace ai_proxy::dialects::chat_completions {
namespace {

constexpr std::array<std::string_view, 7> kEfforts{"none", "minimal", "low", "medium",
                                                   "high", "xhigh",   "max"};

int rank_of(std::string_view effort) {
  const auto at = std::ranges::find(kEfforts, effort);
  return at == kEfforts.end() ? -1 : static_cast<int>(at - kEfforts.begin());
}

bool takes(const chat::ModelTraits& traits, std::string_view effort) {
  return std::ranges::find(traits.efforts, effort) != traits.efforts.end();
}

// Of two that are equally near the higher one: who asked for thought gets it.
std::string_view nearest_effort(std::string_view asked, const std::vector<std::string_view>& taken) {
  std::string_view best;
  int best_distance = static_cast<int>(kEfforts.size());
  for (const std::string_view candidate : taken) {
    if (rank_of(candidate) < 0) continue;
    const int distance = std::abs(rank_of(candidate) - rank_of(asked));
    if (distance < best_distance || (distance == best_distance && rank_of(candidate) > rank_of(best))) {
      best = candidate;
      best_distance = distance;
    }
  }
  return best;
}

// Anthropic's callers give a budget. The borders are ours: an eighth, a half and more of a usual 16k budget.
std::string_view effort_of_budget(std::int64_t tokens) {
  if (tokens <= 0) return "none";
  if (tokens <= 2048) return "low";
  return tokens <= 8192 ? "medium" : "high";
}

std::string_view asked_effort(Pen& pen) {
  const chat::Reasoning& reasoning = pen.request.reasoning;
  if (!reasoning.effort.empty() || !reasoning.budget_tokens) return reasoning.effort;
  const std::string_view effort = effort_of_budget(*reasoning.budget_tokens);
  if (pen.traits.thinking != chat::ThinkingStyle::none) {
    std::string sentence = pen.named(" takes no thinking budget; reasoning_effort \"");
    sentence.append(effort).append("\" was sent instead.");
    pen.adapted("thinking.budget_tokens", sentence);
  }
  return effort;
}

std::optional<double> number_in(std::string_view raw) {
  double value = 0;
  const auto [end, fault] = std::from_chars(raw.data(), raw.data() + raw.size(), value);
  if (fault != std::errc{} || end != raw.data() + raw.size()) return std::nullopt;
  return value;
}

struct Range {
  double least;
  std::string_view least_text;
  double most;
  std::string_view most_text;
};

void write_number(Pen& pen, std::string_view name, std::string_view raw, const Range& range) {
  const auto value = number_in(raw);
  if (!value) return pen.left_out(name, "it is no number");
  std::string_view sent = raw;
  if (*value < range.least) sent = range.least_text;
  if (*value > range.most) sent = range.most_text;
  if (sent.data() != raw.data()) {
    std::string sentence = pen.named(" takes ");
    sentence.append(range.least_text).append(" to ").append(range.most_text);
    sentence.append("; ").append(raw.substr(0, 32)).append(" was sent as ").append(sent).append(".");
    pen.adapted(name, sentence);
  }
  pen.out.raw_member(name, sent);
}

// A sampler that cannot be sent. At its default it changes nothing, so there is nothing to tell.
void refuse_sampler(Pen& pen, std::string_view name, std::string_view raw, double default_value,
                    std::string_view why) {
  if (number_in(raw) != default_value) pen.left_out(name, why);
}

}  // namespace

std::string Pen::named(std::string_view rest) const {
  return std::string(provider).append(rest);
}

void Pen::left_out(std::string_view member, std::string_view why) {
  std::string sentence(member);
  warnings.add(sentence.append(": ").append(why).append("; it was left out."));
}

void Pen::adapted(std::string_view member, std::string_view sentence) {
  std::string told(member);
  warnings.add(told.append(": ").append(sentence));
}

std::string message_path(std::size_t index, std::string_view suffix) {
  std::string path = "messages[";
  append_integer(path, index);
  return path.append("]").append(suffix);
}

Result<std::string_view> effort_to_send(Pen& pen) {
  const chat::ModelTraits& traits = pen.traits;
  std::string_view effort = asked_effort(pen);
  if (traits.thinking == chat::ThinkingStyle::none) {
    if (!effort.empty() && effort != "none")
      pen.left_out("reasoning_effort", "this model has no effort to choose");
    return std::string_view{};
  }
  if (!effort.empty() && !traits.efforts.empty() && !takes(traits, effort)) {
    if (rank_of(effort) < 0) return std::unexpected(bad_request("Unknown effort.", "reasoning_effort"));
    const std::string_view near = nearest_effort(effort, traits.efforts);
    std::string sentence = "this model does not take \"";
    sentence.append(effort).append("\"; \"").append(near).append("\" was sent.");
    pen.adapted("reasoning_effort", sentence);
    effort = near;
  }
  const std::string_view in_force = effort.empty() ? traits.default_effort : effort;
  const bool has_function_tools =
      std::ranges::any_of(pen.request.tools, [](const chat::Tool& t) { return t.raw.empty(); });
  const bool takes_none = traits.efforts.empty() || takes(traits, "none");
  if (!traits.tools_with_effort && has_function_tools && in_force != "none" && takes_none) {
    if (!effort.empty())
      pen.adapted("reasoning_effort", "this model takes function tools only with \"none\", which was sent.");
    effort = "none";
  }
  return effort;
}

bool samplers_allowed(const chat::ModelTraits& traits, std::string_view effort) {
  if (!traits.samplers) return false;
  return !traits.samplers_without_effort || (effort.empty() ? traits.default_effort : effort) == "none";
}

void write_samplers(Pen& pen, bool allowed, double temperature_max) {
  const chat::Sampling& sampling = pen.request.sampling;
  const bool penalties = allowed && pen.traits.penalties;
  constexpr Range kUnit{0, "0", 1, "1"};
  constexpr Range kPenalty{-2, "-2", 2, "2"};
  const Range temperature{0, "0", temperature_max, temperature_max > 1.75 ? "2" : "1.5"};
  const std::string_view why = pen.traits.samplers ? "this model takes it only with reasoning_effort \"none\""
                                                   : "this model takes only the default";
  const auto write = [&](std::string_view name, std::string_view raw, const Range& range, bool may,
                         double standard) {
    if (raw.empty()) return;
    if (may) return write_number(pen, name, raw, range);
    refuse_sampler(pen, name, raw, standard, why);
  };
  write("temperature", sampling.temperature, temperature, allowed, 1);
  write("top_p", sampling.top_p, kUnit, allowed, 1);
  write("presence_penalty", sampling.presence_penalty, kPenalty, penalties, 0);
  write("frequency_penalty", sampling.frequency_penalty, kPenalty, penalties, 0);
  if (sampling.top_k.empty()) return;
  if (pen.traits.top_k) {
    pen.out.raw_member("top_k", sampling.top_k);
  } else {
    pen.left_out("top_k", pen.named(" has no such parameter"));
  }
}

void write_max_tokens(Pen& pen, std::string_view name) {
  if (!pen.request.max_tokens) return;
  std::int64_t tokens = *pen.request.max_tokens;
  const std::int64_t most = pen.traits.max_output_tokens;
  if (most > 0 && tokens > most) {
    std::string sentence = "this model gives at most ";
    append_integer(sentence, most);
    sentence.append(" tokens; ");
    append_integer(sentence, tokens);
    pen.adapted("max_tokens", sentence.append(" was lowered to that."));
    tokens = most;
  }
  pen.out.member(name, tokens);
}

Result<void> write_stop(Pen& pen, std::size_t count_max) {
  std::vector<std::string_view> stops;
  for (const std::string_view text : pen.request.sampling.stop) {
    if (!text.empty()) stops.push_back(text);
  }
  if (stops.size() < pen.request.sampling.stop.size()) pen.left_out("stop", "an empty text stops nothing");
  if (stops.empty()) return {};
  if (!pen.traits.stop) {
    pen.left_out("stop", "this model takes no stop sequences");
    return {};
  }
  if (stops.size() > count_max) {
    std::string message = pen.named(" takes at most ");
    append_integer(message, count_max);
    return std::unexpected(bad_request(message.append(" stop sequences."), "stop"));
  }
  pen.out.key("stop").begin_array();
  for (const std::string_view text : stops) pen.out.string(text);
  pen.out.end_array();
  return {};
}

void write_response_format(Pen& pen) {
  if (!pen.request.response_format) return;
  const chat::ResponseFormat& format = *pen.request.response_format;
  pen.out.key("response_format").begin_object();
  if (format.kind == chat::ResponseFormatKind::text) {
    pen.out.member("type", "text");
  } else if (format.kind == chat::ResponseFormatKind::json_object || !pen.traits.json_schema) {
    if (format.kind == chat::ResponseFormatKind::json_schema) {
      pen.adapted("response_format",
                  "this model knows no JSON schemas; it was asked for JSON, with the schema in words.");
    }
    pen.out.member("type", "json_object");
  } else {
    pen.out.member("type", "json_schema").key("json_schema").begin_object();
    pen.out.member("name", format.name.empty() ? std::string_view("response") : format.name);
    if (!format.description.empty()) pen.out.member("description", format.description);
    if (!format.schema.empty()) pen.out.raw_member("schema", format.schema);
    if (const auto strict =
            strict_to_send(pen, format.strict, format.schema, "response_format.json_schema.strict"))
      pen.out.member("strict", *strict);
    pen.out.end_object();
  }
  pen.out.end_object();
}

std::optional<std::string> schema_instruction(const Pen& pen) {
  const auto& format = pen.request.response_format;
  if (!format || format->kind != chat::ResponseFormatKind::json_schema || pen.traits.json_schema)
    return std::nullopt;
  std::string text =
      "Answer with one JSON object and nothing else. It must be valid against this JSON schema:\n";
  return text.append(format->schema);
}

}  // namespace ai_proxy::dialects::chat_completions
