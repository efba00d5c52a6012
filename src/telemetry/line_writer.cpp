// Gathering and writing log lines.
#include "telemetry/line_writer.h"

#include <algorithm>
#include <new>
#include <string_view>
#include <thread>
#include <utility>

namespace ai_proxy::telemetry {
namespace {

constexpr std::size_t kGatheredBytes = 64 * 1024;
// Kept for an output whose reader is slow.
constexpr std::size_t kKeptBytesMax = 256 * 1024;
// Under load the writer rests a little before it writes: lines gather, one call takes them all, and the
// request threads find nobody to wake (waking costs them a system call per line). Where they share a
// processor with it, each write holds up a request: so few that the slowest in a hundred are others.
constexpr std::chrono::milliseconds kRest{20};
constexpr std::chrono::milliseconds kBusyWithin{50};
// A reader that is too slow for a while is told of once.
constexpr std::chrono::seconds kToldEvery{10};
// How long a full pipe is waited for before looking whether the outputs were replaced meanwhile.
constexpr std::chrono::milliseconds kPatience{20};

}  // namespace

void LineWriter::set_outputs(Outputs outputs) {
  const std::lock_guard lock(mutex_);
  next_ = std::move(outputs);
  generation_.fetch_add(1, std::memory_order_release);
}

bool LineWriter::flush(std::chrono::milliseconds at_most) {
  std::unique_lock lock(mutex_);
  queue_.push(LineKind::marker, {});
  const std::uint64_t own = ++markers_pushed_;
  return marker_passed_.wait_for(lock, at_most, [&] { return markers_passed_ >= own; });
}

void LineWriter::run() {
  while (true) {
    try {
      turn();
    } catch (const std::bad_alloc&) {
      drop_batch();
    }
  }
}

void LineWriter::turn() {
  queue_.wait();
  if (std::chrono::steady_clock::now() - last_write_ < kBusyWithin) std::this_thread::sleep_for(kRest);
  queue_.take(batch_);
  tell_losses();
  refresh_outputs();
  while (!batch_.empty()) accept(batch_.take());
  write_out(false);
}

void LineWriter::drop_batch() {
  while (!batch_.empty()) {
    if (batch_.take().kind == LineKind::marker) {
      pass_marker();
    } else {
      dropped_.fetch_add(1, std::memory_order_relaxed);
    }
  }
}

void LineWriter::accept(const LineBatch::Line& line) {
  if (line.kind == LineKind::marker) {
    write_out(true);
    return pass_marker();
  }
  const bool own_lane = line.kind == LineKind::access && outputs_.access != outputs_.messages;
  Lane& lane = lanes_[own_lane ? 1 : 0];
  append(lane, line.text);
  if (lane.text.size() - lane.written >= kGatheredBytes) write_out(false);
}

void LineWriter::pass_marker() {
  const std::lock_guard lock(mutex_);
  ++markers_passed_;
  marker_passed_.notify_all();
}

void LineWriter::tell_losses() {
  if (dropped() == told_) return;
  const auto now = std::chrono::steady_clock::now();
  if (told_ > 0 && now - last_told_ < kToldEvery) return;
  told_ = dropped();
  last_told_ = now;
  on_loss_();
}

void LineWriter::append(Lane& lane, std::string_view line) {
  if (lane.text.size() - lane.written + line.size() > kKeptBytesMax) drop(lane);
  if (lane.written > kGatheredBytes) {
    lane.text.erase(0, lane.written - 1);  // the last byte that was written tells whether a line is torn
    lane.written = 1;
  }
  if (lane.torn) {
    lane.text += '\n';
    lane.torn = false;
  }
  lane.text += line;
}

void LineWriter::refresh_outputs() {
  if (generation_.load(std::memory_order_acquire) == seen_generation_) return;
  Outputs former;  // closed after the lock is released
  {
    const std::lock_guard lock(mutex_);
    seen_generation_ = generation_.load(std::memory_order_relaxed);
    former = std::exchange(outputs_, next_);
  }
  for (Lane& lane : lanes_) {
    // What is left goes to the new output, from the next whole line on.
    if (lane.written > 0 && lane.text[lane.written - 1] != '\n') {
      lane.written = std::min(lane.text.size(), lane.text.find('\n', lane.written) + 1);
      dropped_.fetch_add(1, std::memory_order_relaxed);
    }
    // The break that would have ended a torn line is not for the new output.
    if (lane.written == 0 && lane.text.starts_with('\n')) lane.written = 1;
    lane.torn = false;
  }
  if (outputs_.access != outputs_.messages) return;
  // One output has one lane: what was left for the access lines stays before what comes now.
  if (Lane& access = lanes_[1]; !access.text.empty()) {
    append(lanes_[0], std::string_view(access.text).substr(access.written));
    access = {};
  }
}

// Returns when all is written, or (not `everything`) when the queue wants to be emptied. Between attempts it
// waits for the slow output only.
void LineWriter::write_out(bool everything) {
  while (!write_lanes()) {
    if (!everything && (!batch_.empty() || queue_.has_lines())) break;
    const auto& stuck = lanes_[0].text.empty() ? outputs_.access : outputs_.messages;
    stuck->wait(kPatience);
  }
  last_write_ = std::chrono::steady_clock::now();
}

bool LineWriter::write_lanes() {
  refresh_outputs();
  const bool messages_done = write_lane(lanes_[0], outputs_.messages.get());
  const bool access_done = write_lane(lanes_[1], outputs_.access.get());
  return messages_done && access_done;
}

bool LineWriter::write_lane(Lane& lane, Output* output) {
  std::string_view rest = std::string_view(lane.text).substr(lane.written);
  while (!rest.empty()) {
    const auto result = output == nullptr ? Output::Written::failed : output->write(rest);
    lane.written = lane.text.size() - rest.size();
    if (result == Output::Written::would_block) return false;
    if (result == Output::Written::failed) {
      drop(lane);
      return true;
    }
  }
  lane.text.clear();
  lane.written = 0;
  return true;
}

void LineWriter::drop(Lane& lane) {
  const std::string_view rest = std::string_view(lane.text).substr(lane.written);
  dropped_.fetch_add(static_cast<std::uint64_t>(std::ranges::count(rest, '\n')), std::memory_order_relaxed);
  if (lane.written > 0) lane.torn = lane.text[lane.written - 1] != '\n';
  lane.text.clear();
  lane.written = 0;
}

}  // namespace ai_proxy::telemetry
