// Log lines on their way from the threads that log to the one that writes. A line is copied behind the ones
// before it, under a lock that is held for no longer than that; the writer takes all of them at once. When
// too much waits, the oldest half is dropped and counted.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>

namespace ai_proxy::telemetry {

// What a line is, and so where it goes.
enum class LineKind : char {
  message,
  access,
  marker,  // no line: everything before it is to be written now
};

// Lines in their order, one behind the other in one text.
class LineBatch {
 public:
  void append(LineKind kind, std::string_view line);
  // Takes the first off. Requires: not empty().
  struct Line {
    LineKind kind;
    std::string_view text;  // until the batch changes
  };
  Line take();
  bool empty() const { return taken_ == bytes_.size(); }
  std::size_t held_bytes() const { return bytes_.size() - taken_; }
  // Forgets what was taken.
  void compact();
  void clear();

 private:
  std::string bytes_;  // of each line: its kind, its length, its text
  std::size_t taken_ = 0;
};

class LineQueue {
 public:
  // Of lines that wait, some 10,000 at their usual length; what holds them may have grown to twice that, and
  // the writer has as much again in hand.
  static constexpr std::size_t kBytesMax = 4 * 1024 * 1024;

  // Any thread.
  void push(LineKind kind, std::string_view line);
  bool has_lines() const;
  std::uint64_t dropped() const;

  // The writer's thread: waits until there are lines.
  void wait();
  // All there are, in place of what `batch` held.
  void take(LineBatch& batch);

 private:
  void drop_half();

  mutable std::mutex mutex_;
  std::condition_variable filled_;
  LineBatch lines_;  // guarded by mutex_, as are the next two
  std::uint64_t dropped_ = 0;
  bool writer_waits_ = false;
};

}  // namespace ai_proxy::telemetry
