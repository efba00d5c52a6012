// Names of our own for models of providers, one or several.
#include <algorithm>
#include <array>
#include <iterator>

#include "base/ascii.h"
#include "base/nearest.h"
#include "config/sections.h"
#include "config/units.h"

namespace ai_proxy::config {
namespace {

using namespace std::chrono_literals;
using routing::Alias;
using routing::Target;

constexpr std::size_t kNameLengthMax = 256;
constexpr std::uint64_t kWeightMax = 10'000;

bool is_name(std::string_view name) {
  return !name.empty() && name.size() <= kNameLengthMax &&
         std::ranges::all_of(name, [](char c) { return c > 0x20 && c < 0x7f && c != '/'; });
}

template <class Value, std::size_t Size>
Parsed<Value> parse_word(std::string_view text,
                         const std::array<std::pair<std::string_view, Value>, Size>& words) {
  std::vector<std::string_view> known;
  for (const auto& [word, value] : words) {
    if (ascii_iequals(word, ascii_trim(text))) return value;
    known.push_back(word);
  }
  return std::unexpected(not_one_of(text, known));
}

class AliasReader {
 public:
  AliasReader(Reading& reading, Section& aliases, const YamlNode::Member& member)
      : reading_(reading), aliases_(aliases), member_(member), place_(aliases.place(member)) {
    for (const auto& provider : reading.settings.routes.providers) providers_.push_back(provider.name);
  }

  // nullopt: faulty, and it has been said why.
  std::optional<Alias> read() {
    if (member_.value.kind == YamlNode::Kind::map && has_targets()) {
      read_rules(aliases_.section_of(member_));
    } else {
      read_tier(member_);
    }
    if (!good_) return std::nullopt;
    return std::move(alias_);
  }

 private:
  bool has_targets() const {
    return std::ranges::any_of(member_.value.members, [](const auto& one) { return one.key == "targets"; });
  }

  void fault(std::string_view place, std::string_view text) {
    reading_.faults.add(place, text);
    good_ = false;
  }

  void read_rules(Section section) {
    read_targets(section);
    assign(alias_.choose, section.text("choose"), reading_.faults, [](std::string_view text) {
      using enum routing::Preference;
      return parse_word(text, std::array{std::pair(std::string_view("weight"), weight),
                                         std::pair(std::string_view("latency"), latency)});
    });
    assign(alias_.affinity, section.text("affinity"), reading_.faults, [](std::string_view text) {
      using enum routing::Affinity;
      return parse_word(text, std::array{std::pair(std::string_view("none"), none),
                                         std::pair(std::string_view("user"), user),
                                         std::pair(std::string_view("prompt"), prompt)});
    });
    read_causes(section);
    read_hedge(section.section("hedge"));
    section.finish();
  }

  void read_targets(Section& section) {
    const YamlNode* targets = section.find("targets");
    if (targets->kind != YamlNode::Kind::sequence || targets->members.empty())
      return fault(section.place("targets"), "must be a list of targets, such as [openai/gpt-4o-mini].");
    for (const YamlNode::Member& one : targets->members) read_tier(one);
    if (std::size_t count = 0; good_) {
      for (const auto& tier : alias_.tiers) count += tier.size();
      if (count > routing::kCandidatesMax) fault(section.place("targets"), "must be at most 64 targets.");
    }
  }

  // One target, or a list of those that share a tier.
  void read_tier(const YamlNode::Member& member) {
    std::vector<Target> tier;
    if (member.value.kind == YamlNode::Kind::sequence) {
      for (const YamlNode::Member& one : member.value.members) read_target(one, tier);
      if (tier.empty() && good_) fault(place_, "must not hold an empty list of targets.");
    } else {
      read_target(member, tier);
    }
    if (!tier.empty()) alias_.tiers.push_back(std::move(tier));
  }

  // "provider/model", or {provider: …, model: …, weight: …}; the model alone may be provider/model.
  void read_target(const YamlNode::Member& member, std::vector<Target>& tier) {
    Target target;
    if (member.value.kind == YamlNode::Kind::map) {
      Section parts = aliases_.section_of(member);
      const auto provider = parts.text("provider");
      const auto model = parts.text("model");
      std::uint64_t weight = target.weight;
      assign(weight, parts.text("weight"), reading_.faults,
             [](std::string_view text) { return parse_count(text, 1, kWeightMax); });
      parts.finish();
      if (model) target.model = ascii_trim(model->value);
      if (provider) target.provider = ascii_trim(provider->value);
      target.weight = static_cast<unsigned>(weight);
    } else if (member.value.kind == YamlNode::Kind::scalar) {
      target.model = ascii_trim(member.value.text);
    }
    if (const std::size_t slash = target.model.find('/');
        target.provider.empty() && slash != std::string::npos) {
      target.provider = target.model.substr(0, slash);
      target.model.erase(0, slash + 1);
    }
    check(target, member.value.kind == YamlNode::Kind::map);
    tier.push_back(std::move(target));
  }

  void check(const Target& target, bool in_parts) {
    if (target.provider.empty() || (target.model.empty() && in_parts))
      return fault(place_, "must be provider/model, or provider: and model: below it.");
    if (std::ranges::find(providers_, target.provider) == providers_.end())
      return fault(place_, "there is no provider " + shown(target.provider) + "." +
                               did_you_mean(target.provider, providers_));
    if (auto model = parse_plain(target.model, "the name of a model", kNameLengthMax); !model)
      fault(place_, model.error());
  }

  // A list of error codes; "default" stands for those that are one without being named.
  void read_causes(Section& section) {
    const YamlNode* causes = section.find("fallback_on");
    if (causes == nullptr) return;
    const std::string place = section.place("fallback_on");
    if (causes->kind != YamlNode::Kind::sequence)
      return fault(place, "must be a list, such as [default, context_length_exceeded].");
    // Nobody is left to fall back for when the caller has gone away.
    std::vector<ErrorCode> codes;
    std::ranges::remove_copy(routing::kAllErrorCodes, std::back_inserter(codes), ErrorCode::cancelled);
    std::vector<std::string_view> known{"default"};
    for (const ErrorCode code : codes) known.push_back(word(code));
    routing::Causes chosen;
    for (const YamlNode::Member& one : causes->members) {
      const auto found = std::ranges::find(known, std::string_view(one.value.text));
      if (found == known.end()) {
        fault(place, not_one_of(one.value.text, known));
      } else if (found == known.begin()) {
        for (const ErrorCode code : codes)
          if (routing::kFallbackCauses.has(code)) chosen.add(code);
      } else {
        chosen.add(codes[static_cast<std::size_t>(found - known.begin()) - 1]);
      }
    }
    alias_.fallback_on = chosen;
  }

  void read_hedge(Section hedge) {
    const auto after = hedge.text("after");
    const auto cost_max = hedge.text("cost_max");
    assign(alias_.hedge.after, after, reading_.faults,
           [](std::string_view text) { return parse_duration(text, 10ms, 1h); });
    assign(alias_.hedge.cost_max, cost_max, reading_.faults, [](std::string_view text) -> Parsed<PicoUsd> {
      const auto amount = parse_decimal(ascii_trim(text), 12);
      if (amount && *amount > 0) return *amount;
      return std::unexpected("must be an amount in USD, such as 0.01, not " + shown(text) + ".");
    });
    if (hedge.present() && !after)
      fault(hedge.place(), "after is missing: how long the first call may say nothing, such as 2s.");
    if (hedge.present() && !cost_max)
      fault(hedge.place(), "cost_max is missing: what a second call may cost at most in USD, such as 0.01.");
    hedge.finish();
  }

  Reading& reading_;
  Section& aliases_;
  const YamlNode::Member& member_;
  std::string place_;
  std::vector<std::string_view> providers_;
  Alias alias_;
  bool good_ = true;
};

}  // namespace

void read_aliases(Reading& reading) {
  Section section = reading.root.section("aliases");
  for (const YamlNode::Member& member : section.members()) {
    if (!is_name(member.key)) {
      reading.faults.add(section.place(member),
                         "the name of an alias must be visible ASCII without blanks and '/'.");
      continue;
    }
    if (auto alias = AliasReader(reading, section, member).read())
      reading.settings.routes.aliases.insert_or_assign(member.key, std::move(*alias));
  }
}

}  // namespace ai_proxy::config
