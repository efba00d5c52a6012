// Single flight: one lock for the table and one per flight, taken in this order, each held for a few
// pointers.
#include "cache/flight.h"

#include <algorithm>
#include <atomic>
#include <boost/asio/bind_allocator.hpp>
#include <boost/asio/post.hpp>
#include <deque>
#include <functional>
#include <list>
#include <mutex>
#include <unordered_map>
#include <utility>

#include "http/connection_signal.h"
#include "http/handler_memory.h"

namespace ai_proxy::cache {
namespace {

// Blocks double from the first to the last of these, so that a stream's events are not allocated one by one
// and a short one does not take the room of a long one.
constexpr std::size_t kFirstBlockBytes = 512;
constexpr std::size_t kBlockBytesMax = 16 * 1024;

// Calls something on its own thread, asked by any other. Many askings before it runs are one.
class Wake {
 public:
  explicit Wake(const http::Executor& executor) : executor_(executor) {}

  // Needs no memory: destructors wake too.
  static void up(const std::shared_ptr<Wake>& wake) noexcept {
    if (wake->asked_.exchange(true)) return;
    const http::HandlerAllocator<char> memory(std::shared_ptr<http::HandlerMemory>(wake, &wake->memory_));
    http::asio::post(wake->executor_, http::asio::bind_allocator(memory, [wake] {
                       wake->asked_ = false;  // the memory is free again by now
                       if (wake->call) wake->call();
                     }));
  }

  const http::Executor& executor() const { return executor_; }

  std::function<void()> call;  // its own thread only; null: nobody listens

 private:
  http::Executor executor_;
  std::atomic<bool> asked_{false};
  http::HandlerMemory memory_;
};

// A part of what has come. The leader writes behind `size`, where nobody reads; what lies before it stays as
// it is.
struct Block {
  explicit Block(std::size_t bytes) : text(std::make_unique_for_overwrite<char[]>(bytes)), room(bytes) {}

  const std::unique_ptr<char[]> text;
  const std::size_t room;
  std::size_t size = 0;
};

// What the leader has written and nobody sees yet.
struct Written {
  std::size_t here = 0;         // bytes, in the last block
  std::shared_ptr<Block> next;  // the rest; null: there is none
};

struct Seat {
  std::shared_ptr<Wake> wake;
  std::size_t block = 0;     // index of the one that is being read
  std::size_t offset = 0;    // in it
  std::size_t position = 0;  // bytes read
  bool lost = false;
};

}  // namespace

struct Flight {
  Flight(FlightBounds the_bounds, std::atomic<std::size_t>& held_by_all)
      : bounds(the_bounds), all_held(held_by_all) {}
  ~Flight() { all_held -= held; }
  Flight(const Flight&) = delete;
  Flight& operator=(const Flight&) = delete;

  enum class Phase : unsigned char { waiting, answering, begun, ended, failed, leaderless };

  const FlightBounds bounds;
  std::atomic<std::size_t>& all_held;
  mutable std::mutex mutex;
  Phase phase = Phase::waiting;
  FlightHead head;
  std::optional<Error> error;
  std::deque<std::shared_ptr<Block>> blocks;
  std::size_t first = 0;  // index of blocks.front()
  std::size_t held = 0;   // room of `blocks`
  std::size_t total = 0;  // bytes that have come
  bool open = true;       // may still be joined
  bool deserted = false;  // the leader's own caller has gone
  std::list<Seat> seats;
  std::shared_ptr<Wake> leader;

  // The leader alone changes the blocks: it needs no lock to look at them, nor to write where nobody reads.
  Written write(std::string_view bytes) const {
    Written written;
    Block* const last = blocks.empty() ? nullptr : blocks.back().get();
    written.here = last != nullptr ? std::min(last->room - last->size, bytes.size()) : 0;
    const std::string_view rest = bytes.substr(written.here);
    if (!rest.empty()) {
      const std::size_t most = std::clamp(bounds.flight / 8, std::size_t{1}, kBlockBytesMax);
      const std::size_t room = std::min(std::max(total, kFirstBlockBytes), most);
      written.next = std::make_shared<Block>(std::max(rest.size(), room));
      std::ranges::copy(rest, written.next->text.get());
      written.next->size = rest.size();
    }
    if (written.here > 0) std::ranges::copy(bytes.substr(0, written.here), last->text.get() + last->size);
    return written;
  }

  // The rest is called with the lock held.
  void wake_all() const {
    for (const Seat& seat : seats) Wake::up(seat.wake);
  }
  void enter(Phase next) {
    phase = next;
    wake_all();
  }
  void finish(Phase end) {
    open = false;
    enter(end);
  }
  void publish(const Written& written) {
    if (written.next) {
      blocks.push_back(written.next);
      held += written.next->room;
      all_held += written.next->room;
      total += written.next->size;
    }
    if (written.here == 0) return;
    blocks[blocks.size() - (written.next ? 2 : 1)]->size += written.here;
    total += written.here;
  }
  // Lets go of what nobody will ask for any more. Requires: not open.
  void trim() {
    std::size_t wanted = first + blocks.size();
    for (Seat& seat : seats) {
      if (!seat.lost) wanted = std::min(wanted, seat.block);
    }
    for (; first < wanted; ++first) {
      held -= blocks.front()->room;
      all_held -= blocks.front()->room;
      blocks.pop_front();
    }
  }
};

struct Flights::Table {
  explicit Table(FlightBounds the_bounds) : bounds(the_bounds) {}

  const FlightBounds bounds;
  std::atomic<std::size_t> held{0};
  mutable std::mutex mutex;
  std::unordered_map<Key, std::shared_ptr<Flight>, KeyHash> flights;
};

Flights::Flights(FlightBounds bounds) : table_(std::make_unique<Table>(bounds)) {}

Flights::~Flights() = default;

std::variant<FlightLeader, FlightFollower> Flights::join(const Key& key, const http::Executor& executor) {
  const std::lock_guard lock(table_->mutex);
  std::shared_ptr<Flight>& flight = table_->flights[key];
  if (flight != nullptr) {
    const std::lock_guard flight_lock(flight->mutex);
    if (flight->open) {
      FlightFollower follower(flight, executor);
      Wake::up(flight->leader);
      return follower;
    }
  }
  try {
    auto made = std::make_shared<Flight>(table_->bounds, table_->held);
    made->leader = std::make_shared<Wake>(executor);
    FlightLeader leader(made, *this, key);
    flight = std::move(made);
    return leader;
  } catch (...) {
    // Nobody must follow a flight that found no memory to begin.
    if (flight == nullptr) table_->flights.erase(key);
    throw;
  }
}

std::size_t Flights::size() const {
  const std::lock_guard lock(table_->mutex);
  return table_->flights.size();
}

struct FlightLeader::Inner {
  std::shared_ptr<Flight> flight;
  Flights& table;
  Key key;

  // A later flight may have taken its place.
  void leave_table() const {
    const std::lock_guard lock(table.table_->mutex);
    const auto found = table.table_->flights.find(key);
    if (found != table.table_->flights.end() && found->second == flight) table.table_->flights.erase(found);
  }
};

FlightLeader::FlightLeader(std::shared_ptr<Flight> flight, Flights& table, const Key& key)
    : inner_(std::make_unique<Inner>(std::move(flight), table, key)) {}

FlightLeader::FlightLeader(FlightLeader&&) noexcept = default;

FlightLeader::~FlightLeader() {
  if (inner_ == nullptr) return;
  Flight& flight = *inner_->flight;
  flight.leader->call = nullptr;
  {
    const std::lock_guard lock(flight.mutex);
    if (flight.phase <= Flight::Phase::begun) flight.finish(Flight::Phase::leaderless);
  }
  inner_->leave_table();
}

void FlightLeader::answering(FlightHead head) {
  Flight& flight = *inner_->flight;
  const std::lock_guard lock(flight.mutex);
  if (flight.phase > Flight::Phase::answering) return;
  flight.head = std::move(head);
  flight.enter(Flight::Phase::answering);
}

void FlightLeader::forget_answer() {
  Flight& flight = *inner_->flight;
  const std::lock_guard lock(flight.mutex);
  if (flight.phase == Flight::Phase::answering) flight.enter(Flight::Phase::waiting);
}

void FlightLeader::begin() {
  Flight& flight = *inner_->flight;
  const std::lock_guard lock(flight.mutex);
  flight.enter(Flight::Phase::begun);
}

void FlightLeader::append(std::string_view bytes) {
  Flight& flight = *inner_->flight;
  if (bytes.empty()) return;
  {
    // Nobody follows and nobody can: only the leader can change that to the worse.
    const std::lock_guard lock(flight.mutex);
    if (!flight.open && flight.seats.empty()) return flight.trim();
  }
  const Written written = flight.write(bytes);
  bool closed = false;
  {
    const std::lock_guard lock(flight.mutex);
    for (Seat& seat : flight.seats) {
      // The newest bytes are no reason: a whole answer is one piece.
      if (flight.total - seat.position > flight.bounds.flight) seat.lost = true;
      Wake::up(seat.wake);
    }
    flight.publish(written);
    if (flight.total > flight.bounds.flight || flight.all_held > flight.bounds.all)
      closed = std::exchange(flight.open, false);
    if (!flight.open) flight.trim();
  }
  if (closed) inner_->leave_table();
}

void FlightLeader::end() {
  const std::lock_guard lock(inner_->flight->mutex);
  inner_->flight->finish(Flight::Phase::ended);
}

void FlightLeader::end_with(std::string_view bytes) {
  {
    const std::lock_guard lock(inner_->flight->mutex);
    if (inner_->flight->seats.empty()) return inner_->flight->finish(Flight::Phase::ended);
  }
  append(bytes);
  end();
}

void FlightLeader::fail(FlightHead head, Error error) {
  Flight& flight = *inner_->flight;
  const std::lock_guard lock(flight.mutex);
  if (flight.phase > Flight::Phase::begun) return;
  flight.head = std::move(head);
  flight.error = std::move(error);
  flight.finish(Flight::Phase::failed);
}

bool FlightLeader::caller_gone() {
  Flight& flight = *inner_->flight;
  const std::lock_guard lock(flight.mutex);
  flight.deserted = true;
  if (flight.seats.empty()) flight.open = false;
  return !flight.seats.empty();
}

bool FlightLeader::deserted() const {
  const std::lock_guard lock(inner_->flight->mutex);
  return inner_->flight->deserted && inner_->flight->seats.empty();
}

void FlightLeader::on_change(std::function<void()> change) {
  inner_->flight->leader->call = std::move(change);
}

bool FlightLeader::followed() const {
  const std::lock_guard lock(inner_->flight->mutex);
  return !std::ranges::all_of(inner_->flight->seats, &Seat::lost);
}

std::size_t FlightLeader::held_bytes() const {
  const std::lock_guard lock(inner_->flight->mutex);
  return inner_->flight->held;
}

struct FlightFollower::Inner {
  std::shared_ptr<Flight> flight;
  std::list<Seat>::iterator seat;
  std::shared_ptr<Wake> wake;
  std::shared_ptr<const Block> read;  // the last next() was from here
};

// Called with the flight's lock held.
FlightFollower::FlightFollower(std::shared_ptr<Flight> flight, const http::Executor& executor)
    : inner_(std::make_unique<Inner>()) {
  inner_->wake = std::make_shared<Wake>(executor);
  inner_->seat = flight->seats.insert(flight->seats.end(), Seat{.wake = inner_->wake});
  inner_->flight = std::move(flight);
}

FlightFollower::FlightFollower(FlightFollower&&) noexcept = default;

FlightFollower::~FlightFollower() {
  if (inner_ == nullptr) return;
  inner_->wake->call = nullptr;
  Flight& flight = *inner_->flight;
  const std::lock_guard lock(flight.mutex);
  flight.seats.erase(inner_->seat);
  if (!flight.deserted || !flight.seats.empty() || flight.phase > Flight::Phase::begun) return;
  flight.open = false;
  Wake::up(flight.leader);
}

FlightFollower::State FlightFollower::next(std::string_view& bytes) {
  Flight& flight = *inner_->flight;
  Seat& seat = *inner_->seat;
  const std::lock_guard lock(flight.mutex);
  if (seat.lost) return State::lost;
  if (seat.position < flight.total) {
    const std::shared_ptr<Block>* block = &flight.blocks[seat.block - flight.first];
    if (seat.offset == (*block)->size) {
      block = &flight.blocks[++seat.block - flight.first];
      seat.offset = 0;
    }
    bytes = std::string_view((*block)->text.get(), (*block)->size).substr(seat.offset);
    inner_->read = *block;
    seat.offset = (*block)->size;
    seat.position += bytes.size();
    return State::bytes;
  }
  switch (flight.phase) {
    case Flight::Phase::ended:
      return State::ended;
    case Flight::Phase::failed:
      return State::failed;
    case Flight::Phase::leaderless:
      return State::leaderless;
    default:
      return State::waiting;
  }
}

http::Task<void> FlightFollower::wait(http::Cancellation& cancellation, http::Deadlines& deadlines,
                                      std::chrono::milliseconds patience) {
  if (cancellation.requested()) co_return;
  // What has come since the last next() has asked for a wake-up, and that cannot run before the wait begins.
  http::Signal change(inner_->wake->executor());
  http::Deadline deadline(deadlines, [&change] { change.raise(); });
  deadline.arm(patience);
  inner_->wake->call = [&change] { change.raise(); };
  {
    const http::Cancellation::Guard guard(cancellation, [&change] { change.raise(); });
    co_await change.wait();
  }
  inner_->wake->call = nullptr;
}

std::optional<FlightHead> FlightFollower::head() const {
  const std::lock_guard lock(inner_->flight->mutex);
  const Flight::Phase phase = inner_->flight->phase;
  if (phase == Flight::Phase::waiting) return std::nullopt;
  if (phase == Flight::Phase::leaderless && inner_->flight->total == 0) return std::nullopt;
  return inner_->flight->head;
}

std::optional<Error> FlightFollower::error() const {
  const std::lock_guard lock(inner_->flight->mutex);
  return inner_->flight->error;
}

}  // namespace ai_proxy::cache
