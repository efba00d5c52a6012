// Whether a store is worth asking. Closed: ask. Open, after so many failures in a row: do not. Half open,
// after a probe went well: ask one thing at a time, until the first success closes it or the first failure
// opens it again. No clock inside: the owner decides when to probe.
#pragma once

#include <cstdint>

namespace ai_proxy::stores {

class Breaker {
 public:
  enum class State : std::uint8_t { closed, open, half_open };

  explicit Breaker(int failures_max) : failures_max_(failures_max < 1 ? 1 : failures_max) {}

  State state() const { return state_; }
  bool open() const { return state_ == State::open; }
  int failures() const { return failures_; }  // in a row, at most failures_max

  // True when a closed one opened: the store has gone.
  bool fail() {
    if (failures_ < failures_max_) ++failures_;
    const bool was_closed = state_ == State::closed;
    if (!was_closed || failures_ == failures_max_) state_ = State::open;
    return was_closed && state_ == State::open;
  }
  // True when it closed: the store is back.
  bool succeed() {
    failures_ = 0;
    const bool was_closed = state_ == State::closed;
    state_ = State::closed;
    return !was_closed;
  }
  void probe_succeeded() {
    if (state_ == State::open) state_ = State::half_open;
  }

 private:
  int failures_max_;
  int failures_ = 0;
  State state_ = State::closed;
};

}  // namespace ai_proxy::stores
