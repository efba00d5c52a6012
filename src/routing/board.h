// What all threads know together of how each candidate is doing. Time and chance are arguments.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "routing/choose.h"
#include "routing/health.h"

namespace ai_proxy::routing {

// The health of candidates by their ids. Any thread; every call is a short lock, and none at all while
// nothing is wrong and nobody asks for latencies.
class HealthBoard {
 public:
  // What begin() found, for end().
  struct Ticket {
    std::size_t index = 0;
    Health::Request request;
    bool timed = false;  // its alias chooses by latency
    // Nobody is to be called before then: a rate limit holds for all that is left.
    std::optional<Time> paused_until = std::nullopt;
  };

  // The next candidate of the plan for a request that has tried those whose bits are set; nullopt: none is
  // left. Unless paused, it is under way until end().
  std::optional<Ticket> begin(const Plan& plan, std::uint64_t tried, const HealthPolicy& policy,
                              std::optional<std::uint64_t> affinity, Chance chance, Time now);
  // Its answer has begun after this time, and is no refusal.
  void note_answer(const Candidate& candidate, const Ticket& ticket, milliseconds latency, Time now);
  void end(const Candidate& candidate, const Ticket& ticket, const HealthPolicy& policy, Verdict verdict,
           std::optional<milliseconds> pause, std::optional<milliseconds> unanswered, Time now);
  // Is there an untried candidate that may be asked right now?
  bool has_other(const Plan& plan, std::uint64_t tried, const HealthPolicy& policy, Time now);

  // Those that are not simply usable, each by the number under which it is counted.
  struct Troubled {
    std::uint32_t series = 0;
    Health::Standing standing = Health::Standing::usable;
  };
  std::vector<Troubled> troubled(const HealthPolicy& policy, Time now);

 private:
  // Names come from callers: no more than so many are remembered.
  static constexpr std::size_t kEntriesMax = 4096;

  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view id) const { return std::hash<std::string_view>{}(id); }
  };

  struct Entry {
    Health health;
    std::uint32_t series = 0;
  };

  // All three with the lock held.
  Health* find(std::string_view id);
  Health* find_or_make(const Candidate& candidate, const HealthPolicy& policy, Time now);
  std::vector<Prospect> prospects(const Plan& plan, std::uint64_t tried, const HealthPolicy& policy,
                                  Time now);

  std::mutex mutex_;
  std::unordered_map<std::string, Entry, Hash, std::equal_to<>> entries_;
  std::atomic<std::size_t> known_{0};  // entries_.size(), readable without the lock
};

}  // namespace ai_proxy::routing
