// "Stop what you are doing for this exchange": raised when the client goes away, the drain time is over, or
// memory runs out.
// The one place that waits (a connect, a read from the provider, a back-off) says how it is woken. One
// thread.
#pragma once

#include <cstddef>
#include <functional>
#include <utility>

namespace ai_proxy::http {

class Cancellation {
 public:
  enum class Reason : unsigned char { none, client_gone, draining, overloaded };

  bool requested() const { return reason_ != Reason::none; }
  Reason reason() const { return reason_; }

  // Idempotent; the first reason stays. Calls the registered wake function, if any.
  void request(Reason reason) {
    if (requested()) return;
    if (reason == Reason::client_gone && goes_on_ && goes_on_()) return;
    reason_ = reason;
    if (wake_) std::exchange(wake_, nullptr)();
  }

  // What the exchange holds besides its request, as far as it is told here: where memory runs out, those who
  // hold the most are ended.
  std::size_t held_bytes = 0;

  // Registers how to wake the wait that is about to begin, for the life of the guard. At most one at a time.
  // Requires: the wait checks requested() before it begins.
  class Guard {
   public:
    Guard(Cancellation& cancellation, std::function<void()> wake) : cancellation_(cancellation) {
      cancellation_.wake_ = std::move(wake);
    }
    ~Guard() { cancellation_.wake_ = nullptr; }
    Guard(const Guard&) = delete;
    Guard& operator=(const Guard&) = delete;

   private:
    Cancellation& cancellation_;
  };

  // Asked when the client goes away, for the life of the shield: true, and what runs goes on without it, for
  // others who wait for the same. At most one at a time.
  class Shield {
   public:
    Shield(Cancellation& cancellation, std::function<bool()> goes_on) : cancellation_(cancellation) {
      cancellation_.goes_on_ = std::move(goes_on);
    }
    ~Shield() { cancellation_.goes_on_ = nullptr; }
    Shield(const Shield&) = delete;
    Shield& operator=(const Shield&) = delete;

   private:
    Cancellation& cancellation_;
  };

 private:
  std::function<void()> wake_;
  std::function<bool()> goes_on_;
  Reason reason_ = Reason::none;
};

}  // namespace ai_proxy::http
