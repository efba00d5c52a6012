// See door_thinking.h. What the canonical request can say is said there; only what it cannot goes on as
// Anthropic's own member, so that no other provider has to explain what it made of it.
#include "dialects/anthropic_messages/door_thinking.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "base/json_writer.h"

namespace ai_proxy::dialects::anthropic_messages {
namespace {

constexpr std::int64_t kBudgetMin = 1024;

// A model that decides for itself thinks with this effort when none is said (Anthropic's default).
constexpr std::string_view kAdaptiveEffort = "high";

class SettingsReader {
 public:
  SettingsReader(const json::Value& body, const Path& root, Faults& faults, chat::Request& request)
      : thinking_(body["thinking"]),
        config_(body["output_config"]),
        old_format_(body["output_format"]),
        root_(root),
        faults_(faults),
        request_(request) {}

  void read() {
    read_config();
    if (old_format_.has_value()) read_format(old_format_, Path(root_, "output_format"));
    read_thinking();
    hand_on_config();
  }

 private:
  void read_config() {
    const Path path(root_, "output_config");
    if (!config_.has_value()) return;
    if (!config_.is_object()) return faults_.add(path, kNotAnObject);
    static constexpr std::array<std::string_view, 5> kEfforts{"low", "medium", "high", "xhigh", "max"};
    const std::string_view effort = faults_.optional_string(config_, "effort", path);
    if (!effort.empty() && std::ranges::find(kEfforts, effort) == kEfforts.end()) {
      faults_.add(Path(path, "effort"), "Input should be 'low', 'medium', 'high', 'xhigh' or 'max'");
    }
    request_.reasoning.effort = effort;
    if (config_["format"].has_value()) read_format(config_["format"], Path(path, "format"));
  }

  void read_format(const json::Value& format, const Path& path) {
    if (!format.is_object()) return faults_.add(path, kNotAnObject);
    if (faults_.required_string(format, "type", path) != "json_schema")
      return faults_.add(Path(path, "type"), "Input should be 'json_schema'");
    chat::ResponseFormat& read = request_.response_format.emplace();
    read.kind = chat::ResponseFormatKind::json_schema;
    read.schema = faults_.required_object(format, "schema", path);
  }

  void read_thinking() {
    const Path path(root_, "thinking");
    if (!thinking_.has_value()) return;
    if (!thinking_.is_object()) return faults_.add(path, kNotAnObject);
    const std::string_view type = faults_.required_string(thinking_, "type", path);
    chat::Reasoning& reasoning = request_.reasoning;
    if (type == "enabled") {
      read_budget(Path::tagged(path, type));
    } else if (type == "adaptive") {
      if (reasoning.effort.empty()) reasoning.effort = kAdaptiveEffort;
    } else if (type == "disabled") {
      reasoning.effort = "none";
    }
    const bool plain = type == "enabled" || type == "adaptive" || type == "disabled";
    const std::size_t members = type == "enabled" ? 2 : 1;
    own_words_ = !plain || thinking_.size() > members;
    if (own_words_) request_.extra.emplace_back("thinking", thinking_.raw());
  }

  void read_budget(const Path& path) {
    const json::Value value = thinking_["budget_tokens"];
    const Path at(path, "budget_tokens");
    if (!value.present()) return faults_.add(at, kRequired);
    const auto budget = faults_.integer(value, at);
    if (!budget) return;
    if (*budget < kBudgetMin) return faults_.add(at, "Input should be greater than or equal to 1024");
    if (request_.max_tokens && *budget >= *request_.max_tokens) {
      faults_.add_sentence(Path(root_, "max_tokens"),
                           "`max_tokens` must be greater than `thinking.budget_tokens`.");
    }
    request_.reasoning.budget_tokens = budget;
  }

  // Members of tomorrow go on; so does the effort, where the canonical one says something else or a
  // `thinking` in Anthropic's own words stands beside it.
  void hand_on_config() {
    if (!config_.is_object()) return;
    const bool with_effort =
        own_words_ || request_.reasoning.effort != config_["effort"].string_or(request_.reasoning.effort);
    std::string rest;
    json::Writer out(rest);
    out.begin_object();
    std::size_t count = 0;
    for (const json::Value member : config_) {
      if (member.key() == "format" || !member.has_value()) continue;
      if (member.key() == "effort" && !with_effort) continue;
      out.raw_member(member.key(), member.raw());
      ++count;
    }
    out.end_object();
    if (count > 0) request_.extra.emplace_back("output_config", request_.keep(std::move(rest)));
  }

  json::Value thinking_;
  json::Value config_;
  json::Value old_format_;
  const Path& root_;
  Faults& faults_;
  chat::Request& request_;
  bool own_words_ = false;  // `thinking` says more than the canonical request can
};

}  // namespace

void read_thinking_and_format(const json::Value& body, const Path& root, Faults& faults,
                              chat::Request& request) {
  SettingsReader(body, root, faults, request).read();
}

}  // namespace ai_proxy::dialects::anthropic_messages
