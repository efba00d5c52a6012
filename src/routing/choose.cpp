#include "routing/choose.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace ai_proxy::routing {
namespace {

using Standing = Health::Standing;

bool is_usable(const Prospect& prospect) {
  return prospect.standing == Standing::usable || prospect.standing == Standing::probe;
}

std::size_t by_weight(const Plan& plan, std::span<const std::size_t> choices, double chance) {
  double total = 0;
  for (const std::size_t index : choices) total += plan.candidates[index].weight;
  double left = chance * total;
  for (const std::size_t index : choices) {
    left -= plan.candidates[index].weight;
    if (left < 0) return index;
  }
  return choices.back();
}

// SplitMix64's finalizer: spreads every bit.
std::uint64_t mixed(std::uint64_t value) {
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9ULL;
  value = (value ^ (value >> 27)) * 0x94d049bb133111ebULL;
  return value ^ (value >> 31);
}

// Weighted rendezvous hashing: a candidate that drops out moves only those that were its own.
std::size_t by_affinity(const Plan& plan, std::span<const std::size_t> choices, std::uint64_t affinity) {
  std::size_t best = choices.front();
  double best_score = -1;
  for (const std::size_t index : choices) {
    const Candidate& candidate = plan.candidates[index];
    const std::uint64_t hash = mixed(affinity ^ affinity_of(candidate.id));
    const double draw = (static_cast<double>(hash >> 11) + 0.5) / static_cast<double>(1ULL << 53);
    const double score = candidate.weight / -std::log(draw);
    if (score > best_score) {
      best = index;
      best_score = score;
    }
  }
  return best;
}

// Two random ones, the less loaded of them: nearly as good as the best of all, and no herd.
std::size_t by_load(std::span<const Prospect> prospects, std::span<const std::size_t> choices,
                    Chance chance) {
  const auto pick = [](std::size_t size, double draw) {
    return std::min(static_cast<std::size_t>(draw * static_cast<double>(size)), size - 1);
  };
  const std::size_t one = pick(choices.size(), chance.first);
  std::size_t other = pick(choices.size() - 1, chance.second);
  if (other >= one) ++other;
  const double load_of_one = prospects[choices[one]].load;
  const double load_of_other = prospects[choices[other]].load;
  return load_of_other < load_of_one ? choices[other] : choices[one];
}

std::size_t choose_among(const Plan& plan, std::span<const Prospect> prospects,
                         std::span<const std::size_t> choices, std::optional<std::uint64_t> affinity,
                         Chance chance) {
  if (choices.size() == 1) return choices.front();
  if (affinity) return by_affinity(plan, choices, *affinity);
  if (plan.alias != nullptr && plan.alias->choose == Preference::latency)
    return by_load(prospects, choices, chance);
  return by_weight(plan, choices, chance.first);
}

}  // namespace

// FNV-1a.
std::uint64_t affinity_of(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  return hash;
}

std::optional<Choice> choose(const Plan& plan, std::span<const Prospect> prospects,
                             std::optional<std::uint64_t> affinity, Chance chance) {
  std::vector<std::size_t> usable;
  std::size_t tier = std::numeric_limits<std::size_t>::max();
  const Prospect* open = nullptr;
  const Prospect* paused = nullptr;
  for (std::size_t i = 0; i < prospects.size(); ++i) {
    const Prospect& prospect = prospects[i];
    if (prospect.tried) continue;
    if (is_usable(prospect)) {
      if (usable.empty()) tier = plan.candidates[i].tier;
      if (plan.candidates[i].tier == tier) usable.push_back(i);
    } else {
      const Prospect*& best = prospect.standing == Standing::open ? open : paused;
      if (best == nullptr || prospect.usable_at < best->usable_at) best = &prospect;
    }
  }
  if (!usable.empty()) return Choice{choose_among(plan, prospects, usable, affinity, chance)};
  if (open != nullptr) return Choice{static_cast<std::size_t>(open - prospects.data())};
  if (paused != nullptr)
    return Choice{static_cast<std::size_t>(paused - prospects.data()), paused->usable_at};
  return std::nullopt;
}

}  // namespace ai_proxy::routing
