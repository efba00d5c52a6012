#include "telemetry/line_queue.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace ai_proxy::telemetry {
namespace {

constexpr std::size_t kHeadBytes = 1 + sizeof(std::uint32_t);
// A batch that once grew large is given back.
constexpr std::size_t kKeptBytes = 64 * 1024;

}  // namespace

void LineBatch::append(LineKind kind, std::string_view line) {
  char head[kHeadBytes];
  const auto length = static_cast<std::uint32_t>(line.size());
  head[0] = static_cast<char>(kind);
  std::memcpy(head + 1, &length, sizeof length);
  // All of the room first: where there is none, nothing has changed.
  const std::size_t size = bytes_.size() + sizeof head + line.size();
  if (size > bytes_.capacity()) bytes_.reserve(std::max(size, 2 * bytes_.capacity()));
  bytes_.append(head, sizeof head).append(line);
}

LineBatch::Line LineBatch::take() {
  std::uint32_t length = 0;
  std::memcpy(&length, bytes_.data() + taken_ + 1, sizeof length);
  const Line line{static_cast<LineKind>(bytes_[taken_]),
                  std::string_view(bytes_).substr(taken_ + kHeadBytes, length)};
  taken_ += kHeadBytes + length;
  return line;
}

void LineBatch::compact() {
  bytes_.erase(0, std::exchange(taken_, 0));
}

void LineBatch::clear() {
  if (bytes_.capacity() > kKeptBytes) bytes_ = {};
  bytes_.clear();
  taken_ = 0;
}

void LineQueue::push(LineKind kind, std::string_view line) {
  bool wakes = false;
  {
    const std::lock_guard lock(mutex_);
    if (lines_.held_bytes() + line.size() > kBytesMax) drop_half();
    lines_.append(kind, line);
    wakes = std::exchange(writer_waits_, false);
  }
  // A system call: only where the writer sleeps.
  if (wakes) filled_.notify_one();
}

// Half of them at a time, so that moving the others is done seldom. A marker is no line, and somebody waits
// for it.
void LineQueue::drop_half() {
  LineBatch markers;
  while (lines_.held_bytes() > kBytesMax / 2) {
    const LineBatch::Line line = lines_.take();
    if (line.kind == LineKind::marker) {
      markers.append(line.kind, line.text);
    } else {
      ++dropped_;
    }
  }
  lines_.compact();
  while (!markers.empty()) lines_.append(markers.take().kind, {});
}

bool LineQueue::has_lines() const {
  const std::lock_guard lock(mutex_);
  return !lines_.empty();
}

std::uint64_t LineQueue::dropped() const {
  const std::lock_guard lock(mutex_);
  return dropped_;
}

void LineQueue::wait() {
  std::unique_lock lock(mutex_);
  while (lines_.empty()) {
    writer_waits_ = true;
    filled_.wait(lock);
  }
  writer_waits_ = false;
}

void LineQueue::take(LineBatch& batch) {
  batch.clear();
  const std::lock_guard lock(mutex_);
  std::swap(batch, lines_);
}

}  // namespace ai_proxy::telemetry
