#include "gateway/attempts.h"

#include <algorithm>
#include <utility>

#include "gateway/face.h"
#include "gateway/provider_call.h"
#include "gateway/via.h"
#include "http/connection_signal.h"

namespace ai_proxy::gateway {
namespace {

using routing::HealthBoard;
using routing::Verdict;
using std::chrono::ceil;
using std::chrono::milliseconds;

// What an earlier call has left in the exchange is forgotten.
void forget_call(Exchange& exchange, std::size_t warnings_read) {
  exchange.warnings.keep_first(warnings_read);
  exchange.call = {};
  exchange.usage.reset();
  exchange.cost = {};
  exchange.answered_model.clear();
}

void count_attempt(ModelCounts& counts, AttemptKind kind) {
  counts.attempts[static_cast<std::size_t>(kind)].add();
}

// What stays the same in a conversation as it grows: its instructions and tools, and all up to the first that
// the user said.
std::uint64_t prompt_affinity(const json::Value& body) {
  std::string beginning;
  for (const std::string_view name : {"system", "instructions", "tools"}) beginning.append(body[name].raw());
  for (const std::string_view name : {"messages", "input"}) {
    const json::Value turns = body[name];
    if (!turns.is_array()) beginning.append(turns.raw());
    for (const json::Value turn : turns) {
      beginning.append(turn.raw());
      if (turn["role"].string_or("") == "user") break;
    }
  }
  return routing::affinity_of(beginning);
}

std::string_view user_of(const json::Value& body) {
  const std::string_view user = body["user"].string_or("");
  return user.empty() ? body["metadata"]["user_id"].string_or("") : user;
}

}  // namespace

Attempts::Attempts(Exchange& exchange)
    : exchange_(exchange),
      worker_(exchange.worker),
      policies_(exchange.settings->routing),
      retry_(policies_.retry) {}

Attempts::~Attempts() {
  if (under_way_) end(Verdict::none, nullptr);
}

Result<void> Attempts::plan() {
  const config::Settings& settings = *exchange_.settings;
  if (has_come_back(exchange_.request.headers, worker_.process().gateway_name))
    return std::unexpected(bad_request(
        "This request has come through this gateway before, or through eight: a base URL leads back here. "
        "Check the base URLs of the providers."));
  overrides_ = read_overrides(exchange_.request.headers, header_warnings_);
  warnings_read_ = exchange_.warnings.list().size();
  retry_.retries = overrides_.retries.value_or(retry_.retries);
  exchange_.total_time = overrides_.total.value_or(settings.client.total_time);

  Result<routing::Plan> plan =
      routing::make_plan(settings.routes, *settings.catalog, exchange_.asked_provider, exchange_.asked.model);
  if (!plan) return std::unexpected(std::move(plan.error()));
  exchange_.plan = std::move(*plan);
  for (const std::string_view model : overrides_.fallbacks) {
    Result<void> added = routing::add_fallback(exchange_.plan, settings.routes, *settings.catalog, model);
    if (added) continue;
    added.error().parameter = "x-ai-proxy-fallback";
    return added;
  }
  return {};
}

Result<void> Attempts::begin() {
  if (Result<void> planned = plan(); !planned) return planned;
  return place();
}

Result<void> Attempts::place() {
  const auto now = http::Clock::now();
  const routing::Chance chance{worker_.chance(), worker_.chance()};
  auto ticket =
      worker_.process().health.begin(exchange_.plan, tried_, policies_.health, affinity(), chance, now);
  forget_call(exchange_, warnings_read_);
  choose(*ticket);  // not all have been tried: there is one
  Result<void> rendered = render();
  // The first may have no place for what is asked; another may.
  if (!rendered && would_fall_back(rendered.error().code)) {
    note(rendered.error());
    if (fall_back()) return {};
  }
  return rendered;
}

Result<void> Attempts::render() {
  Result<void> rendered = exchange_.face.render_call(exchange_);
  for (const std::string& sentence : header_warnings_.list()) exchange_.warnings.add(sentence);
  return rendered;
}

void Attempts::choose(const HealthBoard::Ticket& ticket) {
  ticket_ = ticket;
  under_way_ = !ticket.paused_until;
  tried_ |= std::uint64_t{1} << ticket.index;
  exchange_.call.candidate = &exchange_.plan.candidates[ticket.index];
  attempts_here_ = 0;
}

std::optional<Error> Attempts::pause() const {
  if (!ticket_.paused_until) return std::nullopt;
  const auto left = ceil<milliseconds>(*ticket_.paused_until - http::Clock::now());
  Error error = provider_failed(ErrorCode::rate_limited,
                                "The rate limit of " + exchange_.call.candidate->provider->name +
                                    " still holds, as it said itself; it was not called again.");
  error.blame = Blame::gateway;
  error.retryable = true;
  error.retry_after = std::max(left, milliseconds(0));
  return error;
}

http::Task<Result<http::ClientReply>> Attempts::call() {
  // Nobody waits any more: while a store was asked, or during a pause, the client has gone.
  if (exchange_.response.cancellation().requested()) co_return std::unexpected(client_gone());
  ++attempts_here_;
  count_attempt(counts_of(*exchange_.call.candidate), kind_);
  // What the cache or another exchange answers affords no retries.
  if (kind_ == AttemptKind::first) worker_.process().budget.count_request(http::Clock::now());
  exchange_.call.answer_begun.reset();
  const ProviderWait counted(exchange_);
  if (may_hedge()) co_return begun(co_await call_with_hedge(exchange_.plan.alias->hedge));
  co_return begun(co_await call_provider(exchange_, exchange_.call, exchange_.response.cancellation()));
}

// The candidate answers: that much is known of it now.
Result<http::ClientReply> Attempts::begun(Result<http::ClientReply>&& reply) {
  if (!reply) return std::move(reply);
  const http::Clock::time_point now = *exchange_.call.answer_begun;
  worker_.process().health.note_answer(exchange_.plan.candidates[ticket_.index], ticket_,
                                       ceil<milliseconds>(now - exchange_.call.begun), now);
  return std::move(reply);
}

bool Attempts::may_hedge() const {
  const routing::Alias* alias = exchange_.plan.alias;
  return alias != nullptr && alias->hedge.after.count() > 0 && overrides_.hedge.value_or(true) &&
         !overrides_.no_fallback && exchange_.attempts == 0;
}

// A hedge's place at its candidate. Where nobody ends it, it says nothing about the candidate.
class Attempts::HedgeTicket {
 public:
  explicit HedgeTicket(Attempts& attempts) : attempts_(attempts) {}
  ~HedgeTicket() { drop(); }
  HedgeTicket(const HedgeTicket&) = delete;
  HedgeTicket& operator=(const HedgeTicket&) = delete;

  void drop() {
    if (!held) return;
    const routing::Candidate& candidate = attempts_.exchange_.plan.candidates[held->index];
    attempts_.worker_.process().health.end(candidate, *held, attempts_.policies_.health, Verdict::none, {},
                                           {}, http::Clock::now());
    held.reset();
  }

  std::optional<HealthBoard::Ticket> held;

 private:
  Attempts& attempts_;
};

http::Task<Result<http::ClientReply>> Attempts::call_with_hedge(const routing::Hedge& hedge) {
  Race race(exchange_);
  HedgeTicket second(*this);
  const routing::Candidate* first = exchange_.call.candidate;
  race.start({std::move(exchange_.call), exchange_.warnings});
  exchange_.call = Call();
  exchange_.call.candidate = first;
  co_await race.wait(hedge.after);
  if (!race.decided()) add_hedge(race, hedge, second);
  while (!race.decided()) co_await race.wait(std::nullopt);
  co_await race.finish();

  // Of two that failed, the first is the one that is told.
  const std::size_t kept = race.winner().value_or(0);
  Race::Lane& lane = race.lane(kept);
  if (second.held) {
    const std::size_t other = 1 - kept;
    Race::Lane& loser = race.lane(other);
    if (other == 1) std::swap(ticket_, *second.held);
    exchange_.call = std::move(loser.call);
    note(loser.result->error());
    end(verdict_on(loser.result->error()), &loser.result->error());
    ticket_ = *std::exchange(second.held, std::nullopt);
    under_way_ = true;
  }
  exchange_.call = std::move(lane.call);
  exchange_.warnings = std::move(lane.warnings);
  if (race.winner() == std::size_t{1}) counts_of(*exchange_.call.candidate).hedges_won.add();
  if (lane.result->has_value()) (*lane.result)->watch(exchange_.response.cancellation());
  co_return std::move(*lane.result);
}

// A second call beside the first, if there is a candidate for it, and money.
void Attempts::add_hedge(Race& race, const routing::Hedge& hedge, HedgeTicket& place) {
  const auto now = http::Clock::now();
  const routing::Chance chance{worker_.chance(), worker_.chance()};
  const auto ticket =
      worker_.process().health.begin(exchange_.plan, tried_, policies_.health, affinity(), chance, now);
  if (!ticket || ticket->paused_until) return;
  place.held = ticket;
  const routing::Candidate* first = exchange_.call.candidate;
  forget_call(exchange_, warnings_read_);
  const routing::Candidate& second = exchange_.plan.candidates[ticket->index];
  exchange_.call.candidate = &second;
  const bool affordable = render() && exchange_.call.own_answer.empty() &&
                          within_cost(exchange_, exchange_.call, hedge.cost_max) &&
                          worker_.process().budget.take(policies_.budget, now);
  if (affordable) {
    tried_ |= std::uint64_t{1} << ticket->index;
    count_attempt(counts_of(second), AttemptKind::hedge);
    race.start({std::move(exchange_.call), exchange_.warnings});
  } else {
    place.drop();
  }
  exchange_.call = Call();
  exchange_.call.candidate = first;
}

bool Attempts::would_fall_back(ErrorCode code) const {
  return !overrides_.no_fallback && exchange_.plan.fallback_on().has(code) &&
         exchange_.attempts <= retry_.retries &&
         worker_.process().health.has_other(exchange_.plan, tried_, policies_.health, http::Clock::now());
}

bool Attempts::can_fall_back(ErrorCode code) const {
  const auto now = http::Clock::now();
  return would_fall_back(code) && time_left(now).count() > 0 &&
         worker_.process().budget.has(policies_.budget, now);
}

std::string Attempts::rules() const {
  // The settings live as long as an exchange has them: while it runs, no others have their address.
  std::string text = std::to_string(reinterpret_cast<std::uintptr_t>(exchange_.settings.get()));
  text.append(exchange_.plan.alias != nullptr ? " alias" : "");
  for (const routing::Candidate& candidate : exchange_.plan.candidates) text.append(" ").append(candidate.id);
  text.append(" retries ").append(std::to_string(retry_.retries));
  text.append(" time ").append(std::to_string(exchange_.total_time.count()));
  text.append(overrides_.no_fallback ? " no fallback" : "");
  text.append(overrides_.hedge.value_or(true) ? "" : " no hedge");
  if (exchange_.plan.candidates.size() == 1 || overrides_.no_fallback) return text;
  // Another candidate may have a place for what the first has none for: it is rendered from all of it.
  text.append(" of ").append(exchange_.face.door() != nullptr ? exchange_.face.door()->dialect : "native");
  text.append(" ").append(forwarded_fields(exchange_.request.headers));
  text.append(exchange_.body.root().raw());
  return text;
}

void Attempts::stand_back() {
  if (under_way_) end(Verdict::none, nullptr);
}

void Attempts::warn(std::string sentence) {
  header_warnings_.add(sentence);
  exchange_.warnings.add(std::move(sentence));
}

Result<void> Attempts::step_in() {
  tried_ &= ~(std::uint64_t{1} << ticket_.index);
  return place();
}

Result<void> Attempts::adopt(std::string_view candidate) {
  if (candidate.empty() || candidate == exchange_.call.candidate->id) return {};
  const auto found = std::ranges::find(exchange_.plan.candidates, candidate, &routing::Candidate::id);
  if (found == exchange_.plan.candidates.end())
    return std::unexpected(internal_error("The answer came from where this request cannot go."));
  forget_call(exchange_, warnings_read_);
  exchange_.call.candidate = &*found;
  return render();
}

void Attempts::answered() {
  if (!under_way_) return;
  // Where it was broken off here, the call itself has not failed.
  const Error* const failure =
      exchange_.error && exchange_.error->blame != Blame::gateway ? &*exchange_.error : nullptr;
  end(exchange_.error ? verdict_on(*exchange_.error) : Verdict::good, failure);
}

Verdict Attempts::verdict_on(const Error& error) const {
  const Call& call = exchange_.call;
  const auto given = exchange_.request.received + exchange_.total_time - call.begun;
  const bool had_its_time = !call.answer_begun && given * 10 >= exchange_.settings->client.total_time * 9;
  return routing::verdict_on(error, had_its_time);
}

milliseconds Attempts::time_left(http::Clock::time_point now) const {
  return ceil<milliseconds>(exchange_.request.received + exchange_.total_time - now);
}

void Attempts::end(Verdict verdict, const Error* error) {
  under_way_ = false;
  const auto now = http::Clock::now();
  const routing::Candidate& candidate = exchange_.plan.candidates[ticket_.index];
  if (error != nullptr) counts_of(candidate).attempt_errors[static_cast<std::size_t>(error->code)].add();
  const std::optional<milliseconds> pause =
      error != nullptr ? routing::believed_pause(policies_.retry, *error) : std::nullopt;
  const Call& call = exchange_.call;
  const bool asked_in_vain = call.begun != http::Clock::time_point{} && !call.answer_begun;
  const std::optional<milliseconds> unanswered =
      asked_in_vain ? std::optional(ceil<milliseconds>(now - call.begun)) : std::nullopt;
  worker_.process().health.end(candidate, ticket_, policies_.health, verdict, pause, unanswered, now);
}

ModelCounts& Attempts::counts_of(const routing::Candidate& candidate) const {
  return worker_.counts().models.at(candidate.series);
}

// What has been tried, for the header and the log.
void Attempts::note(const Error& error) {
  const http::Clock::time_point begun = exchange_.call.begun;
  const auto time = begun == http::Clock::time_point{} ? milliseconds(0)  // it had no place for what is asked
                                                       : ceil<milliseconds>(http::Clock::now() - begun);
  exchange_.tried.append(exchange_.tried.empty() ? "" : ", ")
      .append(exchange_.call.candidate->id)
      .append("=")
      .append(word(error.code))
      .append(" ")
      .append(std::to_string(time.count()))
      .append("ms");
}

http::Task<bool> Attempts::another(Error& error) {
  const bool called = exchange_.call.begun != http::Clock::time_point{};
  end(verdict_on(error), called ? &error : nullptr);
  if (called) note(error);
  const auto now = http::Clock::now();
  routing::Progress progress;
  progress.attempts = exchange_.attempts;
  progress.attempts_here = attempts_here_;
  progress.waited = waited_;
  progress.time_left = time_left(now);
  progress.answer_begun = exchange_.stream_begun;
  progress.other_candidate = would_fall_back(error.code);
  progress.budget_left = true;
  progress.fallback_on = exchange_.plan.fallback_on();
  const routing::Step step = routing::next_step(retry_, error, progress, worker_.chance());
  routing::RetryBudget& budget = worker_.process().budget;
  if (step.next == routing::Next::give_up || !budget.take(policies_.budget, now)) co_return false;
  const bool goes_on = co_await go_on(step, error);
  if (!goes_on) budget.give_back(now);
  co_return goes_on;
}

http::Task<bool> Attempts::go_on(routing::Step step, Error& error) {
  if (step.wait.count() > 0 && !co_await wait(step.wait)) {
    error = client_gone();
    co_return false;
  }
  if (exchange_.stream_begun) co_return false;  // by a keep-alive, during the pause
  if (step.next == routing::Next::repeat) {
    kind_ = AttemptKind::retry;
    call_again();
    co_return true;
  }
  co_return fall_back();
}

// The next candidate that has a place for what is asked. False: there is none.
bool Attempts::fall_back() {
  while (true) {
    if (under_way_) end(Verdict::none, nullptr);
    const routing::Chance chance{worker_.chance(), worker_.chance()};
    const auto ticket = worker_.process().health.begin(exchange_.plan, tried_, policies_.health, affinity(),
                                                       chance, http::Clock::now());
    if (!ticket || ticket->paused_until) return false;
    const routing::Candidate* before = exchange_.call.candidate;
    forget_call(exchange_, warnings_read_);
    choose(*ticket);
    if (exchange_.attempts > 0) kind_ = AttemptKind::fallback;
    const Result<void> rendered = render();
    if (rendered) return true;
    note(rendered.error());
    exchange_.call.candidate = before;
  }
}

void Attempts::call_again() {
  const std::uint64_t others = ~(std::uint64_t{1} << ticket_.index);
  const auto ticket = worker_.process().health.begin(exchange_.plan, others, policies_.health, std::nullopt,
                                                     {}, http::Clock::now());
  if (ticket) ticket_.request = ticket->request;
  under_way_ = true;
  exchange_.call.status = 0;
  exchange_.call.request_id.clear();
  exchange_.call.answer_fields.clear();
  exchange_.call.refusal.clear();
}

// False: the client has gone, or the server stops.
http::Task<bool> Attempts::wait(milliseconds time) {
  const ProviderWait counted(exchange_);
  http::Cancellation& cancellation = exchange_.response.cancellation();
  http::Signal over(worker_.executor());
  http::Deadline deadline(worker_.deadlines(), [&over] { over.raise(); });
  if (!cancellation.requested()) {
    const http::Cancellation::Guard guard(cancellation, [&over] { over.raise(); });
    deadline.arm(time);
    co_await over.wait();
  }
  waited_ += time;
  co_return !cancellation.requested();
}

std::optional<std::uint64_t> Attempts::affinity() const {
  if (exchange_.plan.alias == nullptr) return std::nullopt;
  const json::Value body = exchange_.body.root();
  switch (exchange_.plan.alias->affinity) {
    case routing::Affinity::user:
      if (const std::string_view user = user_of(body); !user.empty()) return routing::affinity_of(user);
      return std::nullopt;
    case routing::Affinity::prompt:
      return prompt_affinity(body);
    case routing::Affinity::none:
      break;
  }
  return std::nullopt;
}

}  // namespace ai_proxy::gateway
