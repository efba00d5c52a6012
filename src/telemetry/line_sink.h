// The writer's end of the log: gathers the lines that spdlog's thread takes from the queue and writes them in
// few calls. log() runs on that one thread; the other members may be called from any. When the reader of an
// output is too slow, its oldest lines are dropped and counted, and the other output goes on.
#pragma once

#include <spdlog/sinks/sink.h>

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

#include "telemetry/output.h"

namespace ai_proxy::telemetry {

struct Outputs {
  std::shared_ptr<Output> messages;  // null: lines for it are dropped
  std::shared_ptr<Output> access;    // may be the same
};

class LineSink final : public spdlog::sinks::sink {
 public:
  // The names of the loggers whose lines come here: they tell the kinds apart.
  static constexpr const char* kMessages = "messages";
  static constexpr const char* kAccess = "access";
  static constexpr const char* kMarker = "marker";  // not a line: everything before it is to be written now

  // `more` says whether further lines wait in the queue. To be set before the first line comes.
  void set_more(std::function<bool()> more) { more_ = std::move(more); }

  // Called on the writer's thread, now and then, when more lines have been lost than it was told of.
  void set_on_loss(std::function<void()> on_loss) { on_loss_ = std::move(on_loss); }

  // Lines taken from the queue from now on go there.
  void set_outputs(Outputs outputs);
  // False when no marker came past within that time.
  bool wait_for_marker(std::uint64_t markers_before, std::chrono::milliseconds at_most);
  std::uint64_t markers() const { return markers_.load(std::memory_order_acquire); }
  std::uint64_t dropped() const { return dropped_.load(std::memory_order_relaxed); }

  void log(const spdlog::details::log_msg& message) override;
  void flush() override {}
  void set_pattern(const std::string&) override {}
  void set_formatter(std::unique_ptr<spdlog::formatter>) override {}

 private:
  struct Lane {
    std::string text;
    std::size_t written = 0;  // of text
    bool torn = false;        // the last line went out in part, its rest was dropped
  };
  void append(Lane& lane, std::string_view line);
  void refresh_outputs();
  // Writes what goes. The first returns false when something is left because its reader is slow.
  bool write_lanes();
  bool write_lane(Lane& lane, Output* output);
  void write_out(bool everything);
  void drop(Lane& lane);
  void tell_losses();

  std::function<bool()> more_;
  std::function<void()> on_loss_;
  std::mutex mutex_;
  std::condition_variable marker_passed_;
  Outputs next_;                              // guarded by mutex_
  std::atomic<std::uint32_t> generation_{0};  // of next_
  std::atomic<std::uint64_t> markers_{0};
  std::atomic<std::uint64_t> dropped_{0};

  // The writer thread's own.
  Outputs outputs_;
  std::uint32_t seen_generation_ = 0;
  std::array<Lane, 2> lanes_;
  bool rested_ = false;
  std::uint64_t told_ = 0;  // of dropped_
  std::chrono::steady_clock::time_point last_told_;
  std::chrono::steady_clock::time_point last_write_;
};

}  // namespace ai_proxy::telemetry
