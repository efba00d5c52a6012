#include "gateway/single_flight.h"

#include <chrono>
#include <utility>
#include <variant>

#include "gateway/chat_stream.h"
#include "gateway/chat_whole.h"
#include "gateway/face.h"
#include "gateway/provider_call.h"
#include "gateway/send.h"
#include "gateway/stream_source.h"

namespace ai_proxy::gateway {

using State = cache::FlightFollower::State;

Lead::Lead(Exchange& exchange, cache::FlightLeader flight)
    : exchange_(exchange),
      flight_(std::move(flight)),
      shield_(exchange.response.cancellation(), [this] { return caller_gone_ = flight_.caller_gone(); }) {
  flight_.on_change([this] { followers_changed(); });
}

// Nobody is left, or somebody has come whom a caller of ours that reads slowly must not hold up.
void Lead::followers_changed() {
  if (flight_.deserted()) {
    exchange_.response.cancellation().request(http::Cancellation::Reason::client_gone);
  } else {
    exchange_.response.let_owe();
  }
}

cache::FlightHead Lead::head() const {
  const Call& call = exchange_.call;
  return {.candidate = call.candidate != nullptr ? call.candidate->id : std::string(),
          .status = call.status,
          .request_id = call.request_id,
          .answer_fields = call.answer_fields,
          .refusal = call.refusal,
          .tried = exchange_.tried,
          .attempts = exchange_.attempts};
}

void Lead::answering() {
  flight_.answering(head());
  answering_ = true;
}

void Lead::begin() {
  if (std::exchange(begun_, true)) return;
  if (!answering_) answering();
  flight_.begin();
  flight_.append(std::exchange(held_back_, {}));
}

bool Lead::stream(std::string_view bytes, bool begun) {
  if (begun) {
    begin();
    flight_.append(bytes);
    return true;
  }
  held_back_.append(bytes);
  return held_back_.size() <= cache::kFlightBytesMax;
}

void Lead::whole(const std::string& body) {
  begin();
  flight_.end_with(body);
}

void Lead::fail(const Error& error) {
  flight_.fail(head(), error);
}

namespace {

// All that decides what becomes of this call: what is asked for, how its answer is read, and what follows
// where it fails.
cache::Key flight_key(const Exchange& exchange, const Attempts& attempts) {
  const std::string call = exchange.call.cache_key->hex();
  const std::string rules = attempts.rules();
  std::string form(exchange.asked.stream ? "stream" : "whole");
  if (exchange.call.passes_through) form.append(" ").append(exchange.face.door()->dialect);
  return cache::make_key({.tenant = call, .provider = {}, .origin = {}, .model = form, .body = rules});
}

}  // namespace

std::optional<cache::FlightFollower> join_flight(Exchange& exchange, const Attempts& attempts) {
  if (!exchange.may_share || exchange.response.cancellation().requested()) return std::nullopt;
  auto place =
      exchange.worker.process().flights.join(flight_key(exchange, attempts), exchange.worker.executor());
  if (auto* leader = std::get_if<cache::FlightLeader>(&place)) {
    exchange.lead = std::make_unique<Lead>(exchange, std::move(*leader));
    return std::nullopt;
  }
  return std::move(std::get<cache::FlightFollower>(place));
}

namespace {

// What the leader knows of the call becomes this exchange's.
Result<void> adopt(Exchange& exchange, Attempts& attempts, const cache::FlightHead& head) {
  if (Result<void> placed = attempts.adopt(head.candidate); !placed) return placed;
  exchange.call.status = head.status;
  exchange.call.request_id = head.request_id;
  exchange.call.answer_fields = head.answer_fields;
  exchange.call.refusal = head.refusal;
  return {};
}

// What another exchange reads, as it comes.
class FollowedStream final : public StreamSource {
 public:
  FollowedStream(Exchange& exchange, Attempts& attempts, cache::FlightFollower& flight, KeepAlive* keep_alive)
      : exchange_(exchange), attempts_(attempts), flight_(flight), keep_alive_(keep_alive) {}

  // Until the answer's first bytes are there, or it is known that there are none.
  http::Task<State> first() {
    const ProviderWait wait(exchange_);
    const State state = co_await look();
    unread_ = state == State::bytes;
    co_return state;
  }

  http::Task<Result<std::string_view>> read_some() override {
    const State state = std::exchange(unread_, false) ? State::bytes : co_await look();
    if (state == State::bytes) co_return bytes_;
    if (state == State::ended) co_return std::string_view();
    co_return std::unexpected(failure(state));
  }

  http::Task<Result<std::string>> read_all() {
    std::string all;
    while (true) {
      Result<std::string_view> bytes = co_await read_some();
      if (!bytes) co_return std::unexpected(std::move(bytes.error()));
      if (bytes->empty()) co_return all;
      all.append(*bytes);
    }
  }

  // A keep-alive has begun the stream with what the leader said of its answer: it can be no own one.
  bool committed() const { return exchange_.stream_begun && adopted_; }

  Error failure(State state) const {
    if (state == State::failed) return *flight_.error();
    if (state == State::waiting && exchange_.response.cancellation().requested()) return client_gone();
    if (state == State::waiting)
      return provider_failed(ErrorCode::provider_timeout, "The provider did not answer in the time allowed.");
    Error error = provider_failed(
        ErrorCode::stream_interrupted,
        state == State::lost
            ? "The stream was read too slowly: others wait for the same answer. Send the request again."
            : "The answer, which another request had begun, broke off. Send the request again.");
    error.blame = Blame::gateway;
    return error;
  }

 private:
  // `waiting`: the client has gone, or its time is over.
  http::Task<State> look() {
    const auto end = exchange_.request.received + exchange_.total_time;
    while (true) {
      const State state = flight_.next(bytes_);
      if (state != State::waiting) co_return state;
      if (keep_alive_ != nullptr && !exchange_.stream_begun) note_phase(*keep_alive_);
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - http::Clock::now());
      if (left.count() <= 0 || exchange_.response.cancellation().requested()) co_return State::waiting;
      co_await flight_.wait(exchange_.response.cancellation(), exchange_.worker.deadlines(), left);
    }
  }

  // A keep-alive may begin the stream now, or not yet; its head says who answers.
  void note_phase(KeepAlive& keep_alive) {
    const std::optional<cache::FlightHead> head = flight_.head();
    adopted_ = head && adopt(exchange_, attempts_, *head);
    if (adopted_) {
      keep_alive.answer_begun();
    } else {
      keep_alive.attempt_begins();
    }
  }

  Exchange& exchange_;
  Attempts& attempts_;
  cache::FlightFollower& flight_;
  KeepAlive* keep_alive_;
  std::string_view bytes_;
  bool unread_ = false;   // bytes_ has not been given out
  bool adopted_ = false;  // what the exchange knows of its call is the leader's
};

http::Task<Result<void>> give(Exchange& exchange, FollowedStream& source, KeepAlive* keep_alive) {
  if (keep_alive != nullptr) co_return co_await relay_stream(exchange, source, *keep_alive);
  Result<std::string> body = co_await source.read_all();
  if (!body) co_return std::unexpected(std::move(body.error()));
  Result<WholeAnswer> answer = understand(exchange, std::move(*body));
  if (!answer) co_return std::unexpected(std::move(answer.error()));
  if (answer->reply) note_reply(exchange, *answer->reply);
  co_await send_whole(exchange, *answer);
  co_return Result<void>();
}

}  // namespace

http::Task<bool> follow(Exchange& exchange, Attempts& attempts, cache::FlightFollower flight) {
  attempts.stand_back();
  const CacheState planned = std::exchange(exchange.cache_state, CacheState::hit);
  exchange.collapsed = true;
  std::optional<KeepAlive> keep_alive;
  if (exchange.asked.stream) keep_alive.emplace(exchange);
  FollowedStream source(exchange, attempts, flight, keep_alive ? &*keep_alive : nullptr);
  const State state = co_await source.first();
  if (state == State::leaderless && !source.committed()) {
    exchange.cache_state = planned;
    exchange.collapsed = false;
    co_return false;
  }
  Result<void> outcome;
  if (const std::optional<cache::FlightHead> head = flight.head()) {
    if (state == State::failed) {
      exchange.attempts = head->attempts;
      exchange.tried = head->tried;
    }
    outcome = adopt(exchange, attempts, *head);
  }
  if (outcome && state == State::bytes) {
    outcome = co_await give(exchange, source, keep_alive ? &*keep_alive : nullptr);
  } else if (outcome) {
    outcome = std::unexpected(source.failure(state));
  }
  if (outcome) co_return true;
  exchange.cache_state = planned;
  exchange.usage.reset();  // the leader's
  if (exchange.stream_begun) {
    co_await fail_stream(exchange, std::move(outcome.error()));
  } else {
    co_await send_error(exchange, std::move(outcome.error()));
  }
  co_return true;
}

}  // namespace ai_proxy::gateway
