#include "gateway/hedge.h"

#include <algorithm>
#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <limits>
#include <utility>

#include "gateway/provider_call.h"
#include "http/connection_signal.h"

namespace ai_proxy::gateway {

bool within_cost(const Exchange& exchange, const Call& call, PicoUsd cost_max) {
  constexpr std::int64_t kBytesPerTokenMin = 3;
  constexpr std::array<std::string_view, 3> kCeilings{"max_tokens", "max_completion_tokens",
                                                      "max_output_tokens"};
  const providers::Provider& provider = *call.candidate->provider;
  const pricing::Catalog& catalog = *exchange.settings->catalog;
  const std::string& model = call.candidate->wire_model;
  const pricing::Model* known = catalog.find(provider.catalog, model);
  if (known == nullptr) return false;
  chat::Usage most;
  most.input_tokens = static_cast<std::int64_t>(call.body().size()) / kBytesPerTokenMin;
  most.output_tokens = known->max_output_tokens;
  for (const std::string_view name : kCeilings) {
    if (const auto ceiling = exchange.body.root()[name].integer()) most.output_tokens = *ceiling;
  }
  if (most.output_tokens <= 0) return false;
  // Each further answer may be as long. Counted also where the second provider knows no n: a cap may be
  // strict.
  const std::int64_t answers = std::max<std::int64_t>(exchange.body.root()["n"].integer().value_or(1), 1);
  if (answers > std::numeric_limits<std::int64_t>::max() / most.output_tokens) return false;
  most.output_tokens *= answers;
  pricing::CallContext context;
  context.region = provider.region;
  const pricing::Cost cost = pricing::cost_of(catalog, provider.catalog, model, &most, context);
  return cost.known() && *cost.total <= cost_max;
}

// Outlives the race where a lane does.
struct Race::Shared {
  http::Signal* change = nullptr;  // what the owner waits for, if it waits

  void changed() const {
    if (change != nullptr) change->raise();
  }

  // For as long as the owner waits, however that ends.
  class Waiting {
   public:
    Waiting(Shared& shared, http::Signal& change) : shared_(shared) { shared_.change = &change; }
    ~Waiting() { shared_.change = nullptr; }
    Waiting(const Waiting&) = delete;
    Waiting& operator=(const Waiting&) = delete;

   private:
    Shared& shared_;
  };
};

struct Race::Runner {
  Lane lane;
  http::Cancellation cancellation;
};

Race::Race(Exchange& exchange) : exchange_(exchange), shared_(std::make_shared<Shared>()) {}

// Only where finish() was not reached: what runs on touches nothing of the exchange.
Race::~Race() {
  for (const auto& runner : runners_) runner->cancellation.request(http::Cancellation::Reason::client_gone);
}

Race::Lane& Race::lane(std::size_t index) {
  return runners_[index]->lane;
}

void Race::start(Lane lane) {
  auto runner = std::make_shared<Runner>(std::move(lane));
  runners_.push_back(runner);
  http::asio::co_spawn(exchange_.worker.executor(), run(exchange_, shared_, std::move(runner)),
                       http::asio::detached);
}

http::Task<void> Race::run(Exchange& exchange, std::shared_ptr<Shared> shared,
                           std::shared_ptr<Runner> runner) {
  // However this ends: Asio destroys a coroutine whose operation finds no memory to begin.
  struct End {
    ~End() {
      if (!lane.result) lane.result.emplace(std::unexpected(Error{}));
      shared.changed();
    }
    Lane& lane;
    const Shared& shared;
  } const end{runner->lane, *shared};
  try {
    runner->lane.result.emplace(co_await call_provider(exchange, runner->lane.call, runner->cancellation));
  } catch (const std::exception&) {
    runner->lane.result.emplace(std::unexpected(internal_error("The call failed inside this server.")));
  }
}

std::optional<std::size_t> Race::winner() const {
  for (std::size_t i = 0; i < runners_.size(); ++i) {
    const auto& result = runners_[i]->lane.result;
    if (result && result->has_value()) return i;
  }
  return std::nullopt;
}

bool Race::decided() const {
  if (exchange_.response.cancellation().requested() || winner()) return true;
  return std::ranges::all_of(runners_, [](const auto& runner) { return runner->lane.result.has_value(); });
}

http::Task<void> Race::wait(std::optional<std::chrono::milliseconds> patience) {
  if (decided()) co_return;
  http::Signal change(exchange_.worker.executor());
  http::Deadline deadline(exchange_.worker.deadlines(), [&change] { change.raise(); });
  if (patience) deadline.arm(*patience);
  const Shared::Waiting waiting(*shared_, change);
  const http::Cancellation::Guard guard(exchange_.response.cancellation(), [&change] { change.raise(); });
  co_await change.wait();
}

http::Task<void> Race::finish() {
  const std::optional<std::size_t> kept = winner();
  http::Cancellation::Reason reason = exchange_.response.cancellation().reason();
  if (reason == http::Cancellation::Reason::none) reason = http::Cancellation::Reason::client_gone;
  for (std::size_t i = 0; i < runners_.size(); ++i) {
    if (i != kept) runners_[i]->cancellation.request(reason);
  }
  // A cancelled call ends at once, whatever it waits for.
  for (std::size_t i = 0; i < runners_.size(); ++i) {
    while (!runners_[i]->lane.result) {
      http::Signal change(exchange_.worker.executor());
      const Shared::Waiting waiting(*shared_, change);
      co_await change.wait();
    }
    // One that answered all the same is closed here.
    if (i != kept && runners_[i]->lane.result->has_value())
      runners_[i]->lane.result.emplace(std::unexpected(client_gone()));
  }
}

}  // namespace ai_proxy::gateway
