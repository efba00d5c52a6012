// One call of a provider for many exchanges: how an exchange leads a cache::Flight, or follows it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "cache/flight.h"
#include "gateway/attempts.h"
#include "gateway/exchange.h"
#include "http/cancellation.h"

namespace ai_proxy::gateway {

// What the leader tells its followers. While it lives, the exchange goes on without its own caller as long as
// others wait.
class Lead {
 public:
  Lead(Exchange& exchange, cache::FlightLeader flight);

  // A good answer's head has come.
  void answering();
  // The next bytes of a stream. They are held back until the answer has begun: before that another attempt
  // may take the place of this one. False: that would be too much, and nobody is to wait for it any longer.
  bool stream(std::string_view bytes, bool begun);
  // The answer that stands has begun, or is complete and empty.
  void begin();
  void whole(const std::string& body);
  void end() { flight_.end(); }
  // The last attempt has failed, before its answer or within it.
  void fail(const Error& error);
  bool followed() const { return flight_.followed(); }
  // The exchange goes on only because others wait.
  bool caller_gone() const { return caller_gone_; }
  std::size_t held_bytes() const { return flight_.held_bytes() + held_back_.capacity(); }
  // The attempt has failed, and another one follows.
  void forget_attempt() {
    held_back_.clear();
    answering_ = false;
    flight_.forget_answer();
  }

 private:
  void followers_changed();
  cache::FlightHead head() const;

  Exchange& exchange_;
  cache::FlightLeader flight_;
  http::Cancellation::Shield shield_;
  std::string held_back_;
  bool answering_ = false;
  bool begun_ = false;
  bool caller_gone_ = false;
};

// Where this exchange may share its call: makes it lead (exchange.lead), or gives back the flight it is to
// follow.
std::optional<cache::FlightFollower> join_flight(Exchange& exchange, const Attempts& attempts);

// Waits for the answer that another exchange fetches and gives it to this caller. False: there is no leader
// any more, and nobody is to blame: step in (Attempts). Nothing of an answer has been sent, at most a
// keep-alive; and the call has a cache key only if it is not known whom the leader called.
http::Task<bool> follow(Exchange& exchange, Attempts& attempts, cache::FlightFollower flight);

}  // namespace ai_proxy::gateway
