// The attempts of one exchange: whom to call, what each call came to, and what follows a failed one. What is
// decided is decided in routing/; here it is done.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "gateway/exchange.h"
#include "gateway/hedge.h"
#include "gateway/overrides.h"
#include "routing/board.h"

namespace ai_proxy::gateway {

class Attempts {
 public:
  explicit Attempts(Exchange& exchange);
  ~Attempts();  // one that nobody has ended says nothing about its candidate
  Attempts(const Attempts&) = delete;
  Attempts& operator=(const Attempts&) = delete;

  // Plans, chooses the first candidate and renders for it.
  Result<void> begin();
  // The chosen candidate must not be called now: a rate limit holds for it, and for all others.
  std::optional<Error> pause() const;
  // Calls the candidate; where the alias says so, another one beside it that is slow to begin.
  http::Task<Result<http::ClientReply>> call();
  // Another candidate is there, this cause would lead to it, and there is time and money for it: what an
  // answer is given up for.
  bool can_fall_back(ErrorCode code) const;

  // All that decides what follows a call, as a text: where it is the same, so is what follows.
  std::string rules() const;
  // Another exchange makes the call: what its candidate is worth is not for this one to say …
  void stand_back();
  // … until that one has left it to us: chooses anew, and renders for it.
  Result<void> step_in();
  // Told with the answer, whoever it is rendered for.
  void warn(std::string sentence);
  // It was answered by this candidate of the plan, or failed there: rendered for it.
  Result<void> adopt(std::string_view candidate);

  // The answer has gone to the caller, whole or broken.
  void answered();
  // The attempt failed, and at most keep-alives have gone to the caller. True: the next one is chosen and
  // rendered, its pause is over. False: `error` is what there is to say.
  http::Task<bool> another(Error& error);

 private:
  Result<void> plan();
  Result<void> place();
  Result<void> render();
  void choose(const routing::HealthBoard::Ticket& ticket);
  bool would_fall_back(ErrorCode code) const;
  Result<http::ClientReply> begun(Result<http::ClientReply>&& reply);
  routing::Verdict verdict_on(const Error& error) const;
  std::chrono::milliseconds time_left(http::Clock::time_point now) const;
  bool may_hedge() const;
  class HedgeTicket;
  http::Task<Result<http::ClientReply>> call_with_hedge(const routing::Hedge& hedge);
  void add_hedge(Race& race, const routing::Hedge& hedge, HedgeTicket& place);
  void end(routing::Verdict verdict, const Error* error);
  void note(const Error& error);
  ModelCounts& counts_of(const routing::Candidate& candidate) const;
  http::Task<bool> go_on(routing::Step step, Error& error);
  bool fall_back();
  void call_again();
  http::Task<bool> wait(std::chrono::milliseconds time);
  std::optional<std::uint64_t> affinity() const;

  Exchange& exchange_;
  Worker& worker_;
  const routing::Policies& policies_;
  routing::RetryPolicy retry_;
  Overrides overrides_;
  routing::HealthBoard::Ticket ticket_;
  std::uint64_t tried_ = 0;        // bits of the plan's candidates
  std::size_t warnings_read_ = 0;  // those of the request itself; the others are a rendering's
  chat::Warnings header_warnings_;
  int attempts_here_ = 0;
  AttemptKind kind_ = AttemptKind::first;  // of the next one
  std::chrono::milliseconds waited_{0};
  bool under_way_ = false;
};

}  // namespace ai_proxy::gateway
