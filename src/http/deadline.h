// Coarse deadlines (10 ms), cheap enough to set anew for every read: one timer per thread, however many
// connections it has. One thread.
#pragma once

#include <chrono>
#include <functional>
#include <memory>

#include "http/asio.h"

namespace ai_proxy::http {

// The thread's clock of deadlines. Sleeps while nothing is armed.
class Deadlines {
 public:
  static constexpr std::chrono::milliseconds kResolution{10};

  explicit Deadlines(asio::io_context& io);
  ~Deadlines();
  Deadlines(const Deadlines&) = delete;
  Deadlines& operator=(const Deadlines&) = delete;

 private:
  friend class Deadline;
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// One thing that may take too long. Calls `expired` once per arm(), never early, at most kResolution late
// when the thread is not busy. Requires: its Deadlines outlives it. `expired` may re-arm, disarm or destroy
// this Deadline; when it throws std::bad_alloc, it is called again a moment later. Arming needs no memory.
class Deadline {
 public:
  Deadline(Deadlines& deadlines, std::function<void()> expired);
  ~Deadline();
  Deadline(const Deadline&) = delete;
  Deadline& operator=(const Deadline&) = delete;

  void arm(std::chrono::milliseconds after);  // from now; replaces an earlier arm()
  void disarm();
  bool armed() const;

 private:
  friend class Deadlines;
  struct Entry;
  std::unique_ptr<Entry> entry_;
};

}  // namespace ai_proxy::http
