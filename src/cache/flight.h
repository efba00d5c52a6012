// Single flight: requests that would lead to the same call of a provider share one. The first one leads: it
// makes the call, with all that belongs to it (retries, fallbacks), and tells the flight what comes. The
// others follow: each gets every byte from the beginning on, however late it came, and the same end.
//
// Threads: leader and followers may each be on a thread of their own. A handle belongs to the thread on which
// it was made; wake-ups are posted there. Followers never hold up their leader: who falls too far behind is
// lost.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "base/error.h"
#include "cache/cache.h"
#include "http/asio.h"
#include "http/cancellation.h"
#include "http/deadline.h"

namespace ai_proxy::cache {

// What a flight keeps for those who come late, and how far behind a follower may be.
constexpr std::size_t kFlightBytesMax = 1024 * 1024;
// Bytes. Where all flights together hold more, one that grows takes no more followers.
struct FlightBounds {
  std::size_t flight = kFlightBytesMax;
  std::size_t all = 64 * kFlightBytesMax;
};

// Whose answer it is, besides its bytes.
struct FlightHead {
  std::string candidate = {};      // id of the one that was called last, or was to be; empty: none
  int status = 0;                  // HTTP status of its answer; 0: none came
  std::string request_id = {};     // the provider's
  std::string answer_fields = {};  // header lines for callers of the same dialect
  std::string refusal = {};        // body of its error, to be shown as it is; else empty
  std::string tried = {};          // the failed attempts, in words
  int attempts = 0;
};

struct Flight;

class FlightLeader {
 public:
  // Where it is dropped before end() or fail(), its followers are on their own.
  ~FlightLeader();
  FlightLeader(FlightLeader&&) noexcept;
  FlightLeader& operator=(FlightLeader&&) = delete;

  // An answer comes from there, although it may still fail and be replaced by another.
  void answering(FlightHead head);
  // None does any more, before begin().
  void forget_answer();
  // The one that came last stands. append() any number of times, then end(). A copy is made.
  void begin();
  void append(std::string_view bytes);
  void end();
  // append() and end() in one; without the copy, where nobody waits.
  void end_with(std::string_view bytes);
  // In place of answering(), begin(), or end().
  void fail(FlightHead head, Error error);

  // The leader's own caller has gone. True: others wait, so go on for them, until deserted(). False: nobody
  // waits, and nobody can join any more.
  bool caller_gone();
  bool deserted() const;
  // Called on this thread when somebody has come to wait, or the last has gone. Requires: valid until this
  // handle is gone.
  void on_change(std::function<void()> change);
  // Does anybody wait for it, and keep pace?
  bool followed() const;
  // Bytes held by the flight.
  std::size_t held_bytes() const;

 private:
  friend class Flights;
  FlightLeader(std::shared_ptr<Flight> flight, class Flights& table, const Key& key);
  struct Inner;
  std::unique_ptr<Inner> inner_;
};

class FlightFollower {
 public:
  ~FlightFollower();
  FlightFollower(FlightFollower&&) noexcept;
  FlightFollower& operator=(FlightFollower&&) = delete;

  enum class State : unsigned char {
    waiting,    // nothing new
    bytes,      // some were taken; more may be there
    ended,      // that was all
    failed,     // error() says why
    lost,       // this follower fell more than kFlightBytesMax behind: it does not get the rest
    leaderless  // nothing will come, and nobody is to blame: call the provider yourself
  };
  // What there is now. On `bytes`, `bytes` has the next ones, until next() is called again or this handle is
  // gone. Does not wait.
  State next(std::string_view& bytes);
  // Until next() may say something else, the cancellation is requested, or `patience` is over.
  http::Task<void> wait(http::Cancellation& cancellation, http::Deadlines& deadlines,
                        std::chrono::milliseconds patience);

  std::optional<FlightHead> head() const;  // of the answer that comes, or of what failed
  std::optional<Error> error() const;

 private:
  friend class Flights;
  FlightFollower(std::shared_ptr<Flight> flight, const http::Executor& executor);
  struct Inner;
  std::unique_ptr<Inner> inner_;
};

// The flights of a process, by what they fetch. Any thread. Outlives all handles.
class Flights {
 public:
  explicit Flights(FlightBounds bounds = {});
  ~Flights();
  Flights(const Flights&) = delete;
  Flights& operator=(const Flights&) = delete;

  // Follows the flight under this key, if it can still be followed from its first byte; else leads a new one.
  std::variant<FlightLeader, FlightFollower> join(const Key& key, const http::Executor& executor);
  std::size_t size() const;

 private:
  friend class FlightLeader;
  struct Table;
  std::unique_ptr<Table> table_;
};

}  // namespace ai_proxy::cache
