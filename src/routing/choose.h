// Which of a request's candidates is asked next. Pure: chance and what is known of each are arguments.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "routing/health.h"
#include "routing/route.h"

namespace ai_proxy::routing {

// What is known of one candidate, in the plan's order.
struct Prospect {
  Health::Standing standing = Health::Standing::usable;
  Time usable_at{};
  double load = 0;     // Health::load
  bool tried = false;  // by this request
};

// Two draws, each in [0, 1).
struct Chance {
  double first = 0;
  double second = 0;
};

struct Choice {
  std::size_t index = 0;
  // A rate limit holds for all that could be asked, until then for this one: nobody is to be called.
  std::optional<Time> paused_until = std::nullopt;
};

// The same text, the same number, in every process.
std::uint64_t affinity_of(std::string_view text);

// Of the first tier that has an untried usable candidate: by affinity (the same request key gets the same
// candidate as long as it is usable), by weight, or the better of two by load. When none is usable, what is
// merely open is asked all the same: the last one is never given up. nullopt: all have been tried.
// `affinity`: a hash of what shall stay together; nullopt: nothing.
std::optional<Choice> choose(const Plan& plan, std::span<const Prospect> prospects,
                             std::optional<std::uint64_t> affinity, Chance chance);

}  // namespace ai_proxy::routing
