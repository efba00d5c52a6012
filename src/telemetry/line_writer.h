// The writer's end of the log: one thread that takes the lines out of their queue and writes them in few
// calls. When the reader of an output is too slow, its oldest lines are dropped and counted, and the other
// output goes on.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "telemetry/line_queue.h"
#include "telemetry/output.h"

namespace ai_proxy::telemetry {

struct Outputs {
  std::shared_ptr<Output> messages;  // null: lines for it are dropped
  std::shared_ptr<Output> access;    // may be the same
};

class LineWriter {
 public:
  // `on_loss` is called on the writer's thread, now and then, when lines have been lost.
  explicit LineWriter(std::function<void()> on_loss) : on_loss_(std::move(on_loss)) {}

  // Its thread's whole life; it never ends.
  [[noreturn]] void run();

  // Any thread.
  void push(LineKind kind, std::string_view line) { queue_.push(kind, line); }
  // Lines taken from the queue from now on go there.
  void set_outputs(Outputs outputs);
  // Everything pushed before is written; false when that takes longer.
  bool flush(std::chrono::milliseconds at_most);
  std::uint64_t dropped() const { return queue_.dropped() + dropped_.load(std::memory_order_relaxed); }

 private:
  struct Lane {
    std::string text;
    std::size_t written = 0;  // of text
    bool torn = false;        // the last line went out in part, its rest was dropped
  };
  void turn();
  // For want of memory: what was taken out of the queue and not yet accepted.
  void drop_batch();
  void accept(const LineBatch::Line& line);
  void pass_marker();
  void append(Lane& lane, std::string_view line);
  void refresh_outputs();
  // Writes what goes. The first returns false when something is left because its reader is slow.
  bool write_lanes();
  bool write_lane(Lane& lane, Output* output);
  void write_out(bool everything);
  void drop(Lane& lane);
  void tell_losses();

  std::function<void()> on_loss_;
  LineQueue queue_;
  std::mutex mutex_;
  std::condition_variable marker_passed_;
  Outputs next_;                              // guarded by mutex_
  std::uint64_t markers_pushed_ = 0;          // guarded by mutex_
  std::uint64_t markers_passed_ = 0;          // guarded by mutex_
  std::atomic<std::uint32_t> generation_{0};  // of next_
  std::atomic<std::uint64_t> dropped_{0};     // behind the queue

  // The thread's own.
  LineBatch batch_;
  Outputs outputs_;
  std::uint32_t seen_generation_ = 0;
  std::array<Lane, 2> lanes_;
  std::uint64_t told_ = 0;  // of dropped()
  std::chrono::steady_clock::time_point last_told_;
  std::chrono::steady_clock::time_point last_write_;
};

}  // namespace ai_proxy::telemetry
