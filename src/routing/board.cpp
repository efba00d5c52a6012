#include "routing/board.h"

#include <algorithm>

namespace ai_proxy::routing {
namespace {

bool was_tried(std::uint64_t tried, std::size_t index) {
  return (tried >> index & 1U) != 0;
}

}  // namespace

std::optional<HealthBoard::Ticket> HealthBoard::begin(const Plan& plan, std::uint64_t tried,
                                                      const HealthPolicy& policy,
                                                      std::optional<std::uint64_t> affinity, Chance chance,
                                                      Time now) {
  const bool timed = plan.alias != nullptr && plan.alias->choose == Preference::latency;
  if (!timed && plan.candidates.size() == 1 && known_.load(std::memory_order_relaxed) == 0) {
    if (was_tried(tried, 0)) return std::nullopt;
    return Ticket{.request = {.begun = now}};
  }
  const std::lock_guard lock(mutex_);
  const std::optional<Choice> choice = choose(plan, prospects(plan, tried, policy, now), affinity, chance);
  if (!choice) return std::nullopt;
  Ticket ticket{.index = choice->index,
                .request = {.begun = now},
                .timed = timed,
                .paused_until = choice->paused_until};
  if (ticket.paused_until) return ticket;
  const Candidate& candidate = plan.candidates[ticket.index];
  if (Health* health = timed ? find_or_make(candidate, policy, now) : find(candidate.id))
    ticket.request = health->begin(policy, now);
  return ticket;
}

void HealthBoard::note_answer(const Candidate& candidate, const Ticket& ticket, milliseconds latency,
                              Time now) {
  if (!ticket.request.probe && !ticket.timed) return;  // nobody waits for what another one says
  const std::lock_guard lock(mutex_);
  Health* health = find(candidate.id);
  if (health == nullptr) return;
  if (ticket.request.probe) health->note_answer(ticket.request);
  if (ticket.timed) health->note_latency(latency, now);
}

void HealthBoard::end(const Candidate& candidate, const Ticket& ticket, const HealthPolicy& policy,
                      Verdict verdict, std::optional<milliseconds> pause,
                      std::optional<milliseconds> unanswered, Time now) {
  const bool trouble = verdict == Verdict::bad || verdict == Verdict::limited;
  if (!trouble && !ticket.request.counted && known_.load(std::memory_order_relaxed) == 0) return;
  const std::lock_guard lock(mutex_);
  Health* health = trouble ? find_or_make(candidate, policy, now) : find(candidate.id);
  if (health == nullptr) return;
  health->end(policy, ticket.request, verdict, pause, ticket.timed ? unanswered : std::nullopt, now);
  if (!health->is_fresh(policy, now)) return;
  entries_.erase(entries_.find(candidate.id));
  known_.store(entries_.size(), std::memory_order_relaxed);
}

bool HealthBoard::has_other(const Plan& plan, std::uint64_t tried, const HealthPolicy& policy, Time now) {
  const std::lock_guard lock(mutex_);
  return std::ranges::any_of(prospects(plan, tried, policy, now), [](const Prospect& prospect) {
    return !prospect.tried && prospect.standing != Health::Standing::paused;
  });
}

Health* HealthBoard::find(std::string_view id) {
  const auto found = entries_.find(id);
  return found == entries_.end() ? nullptr : &found->second.health;
}

Health* HealthBoard::find_or_make(const Candidate& candidate, const HealthPolicy& policy, Time now) {
  if (Health* known = find(candidate.id)) return known;
  if (entries_.size() >= kEntriesMax)
    std::erase_if(entries_, [&](const auto& entry) {
      const Health& health = entry.second.health;
      return health.is_fresh(policy, now) || health.is_forgotten(policy, now);
    });
  if (entries_.size() >= kEntriesMax) return nullptr;
  Entry* made = &entries_.try_emplace(candidate.id).first->second;
  made->series = candidate.series;
  known_.store(entries_.size(), std::memory_order_relaxed);
  return &made->health;
}

std::vector<HealthBoard::Troubled> HealthBoard::troubled(const HealthPolicy& policy, Time now) {
  std::vector<Troubled> all;
  const std::lock_guard lock(mutex_);
  for (const auto& [id, entry] : entries_) {
    const Health::Standing standing = entry.health.standing(policy, now);
    if (standing != Health::Standing::usable) all.push_back({entry.series, standing});
  }
  return all;
}

std::vector<Prospect> HealthBoard::prospects(const Plan& plan, std::uint64_t tried,
                                             const HealthPolicy& policy, Time now) {
  std::vector<Prospect> all(plan.candidates.size());
  for (std::size_t i = 0; i < all.size(); ++i) {
    all[i].tried = was_tried(tried, i);
    const Health* health = find(plan.candidates[i].id);
    if (health == nullptr) continue;
    all[i].standing = health->standing(policy, now);
    all[i].usable_at = health->usable_at();
    all[i].load = health->load(now);
  }
  return all;
}

}  // namespace ai_proxy::routing
