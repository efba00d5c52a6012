// A hierarchical timing wheel (Varghese and Lauck, "Hashed and Hierarchical Timing Wheels", scheme 7): six
// levels of 64 slots. A slot is an intrusive list, a level has a bit per occupied slot, so arming, disarming
// and finding the next slot are a few instructions. An entry that is armed anew for later stays where it is
// and moves when its old slot comes up: setting a deadline before every read is then one store and one look
// at the clock.
#include "http/deadline.h"

#include <algorithm>
#include <array>
#include <bit>
#include <boost/asio/bind_allocator.hpp>
#include <boost/asio/post.hpp>
#include <cstdint>
#include <new>
#include <utility>

#include "http/handler_memory.h"

namespace ai_proxy::http {
namespace {

constexpr unsigned kSlotBits = 6;
constexpr std::size_t kSlots = 1u << kSlotBits;
constexpr std::size_t kLevels = 6;  // 2^36 ticks of 10 ms = 21 years
// Longer than anything a gateway waits for, and short enough never to leave the wheel.
constexpr std::chrono::milliseconds kLongest = std::chrono::hours(24 * 365);
constexpr std::uint64_t kNever = UINT64_MAX;
// A thread that wakes this much later than it wanted to (the process was stopped, or the machine busy) has
// not looked at its sockets either. What they hold came in time: it is taken before anything is declared
// late.
constexpr std::uint64_t kOversleptTicks = 10;
// Turns of the loop that this takes: one looks at up to 128 sockets (Asio's epoll reactor).
constexpr int kTurnsForSockets = 64;

}  // namespace

struct Deadline::Entry {
  Entry(Deadlines::Impl& owner, std::function<void()> callback)
      : wheel(owner), expired(std::move(callback)) {}

  Deadlines::Impl& wheel;
  std::function<void()> expired;
  std::uint64_t due = kNever;  // tick at which it fires; kNever: not armed
  std::uint64_t key = 0;       // tick by which it was filed, at most `due`
  Entry* next = nullptr;
  Entry** link = nullptr;  // the pointer that points at us; null: not filed
  std::uint8_t level = 0;
  std::uint8_t slot = 0;
};

struct Deadlines::Impl {
  using Entry = Deadline::Entry;

  explicit Impl(asio::io_context& io) : timer(io.get_executor()), start(Clock::now()) {}

  // The tick that has begun by now.
  std::uint64_t ticks_passed() const {
    return static_cast<std::uint64_t>((Clock::now() - start) / kResolution);
  }

  // The first tick that begins no earlier than `after` from now: never early.
  std::uint64_t tick_after(std::chrono::milliseconds after) const {
    const auto wait = std::clamp(after, std::chrono::milliseconds(0), kLongest);
    const Clock::duration resolution = kResolution;
    const auto ticks = (Clock::now() - start + wait + resolution - Clock::duration(1)) / resolution;
    return std::max(static_cast<std::uint64_t>(ticks), current + 1);
  }

  void file(Entry& entry) {
    // The level is that of the highest digit (base 64) in which the key differs from the current tick: all
    // entries of a level then lie ahead, and the lowest occupied level holds the next one.
    const std::uint64_t differing = (entry.key ^ current) | (kSlots - 1);
    const auto level = static_cast<std::size_t>(63 - std::countl_zero(differing)) / kSlotBits;
    const auto slot = static_cast<std::size_t>(entry.key >> (kSlotBits * level)) % kSlots;
    entry.level = static_cast<std::uint8_t>(level);
    entry.slot = static_cast<std::uint8_t>(slot);
    Entry*& head = heads[level][slot];
    entry.next = head;
    if (head != nullptr) head->link = &entry.next;
    head = &entry;
    entry.link = &head;
    occupied[level] |= std::uint64_t{1} << slot;
  }

  void unfile(Entry& entry) {
    *entry.link = entry.next;
    if (entry.next != nullptr) entry.next->link = entry.link;
    entry.link = nullptr;
    entry.next = nullptr;
    if (heads[entry.level][entry.slot] == nullptr) occupied[entry.level] &= ~(std::uint64_t{1} << entry.slot);
  }

  bool empty() const {
    return std::all_of(occupied.begin(), occupied.end(), [](std::uint64_t bits) { return bits == 0; });
  }

  // When the next occupied slot begins, and which it is; kNever when there is none.
  std::uint64_t next_slot(std::size_t& level, std::size_t& slot) const {
    for (level = 0; level < kLevels; ++level) {
      if (occupied[level] == 0) continue;
      slot = static_cast<std::size_t>(std::countr_zero(occupied[level]));
      const unsigned shift = kSlotBits * static_cast<unsigned>(level);
      const std::uint64_t above = (current >> shift) >> kSlotBits << kSlotBits;
      return (above | slot) << shift;
    }
    return kNever;
  }

  void arm(Entry& entry, std::chrono::milliseconds after) {
    const std::uint64_t due = tick_after(after);
    entry.due = due;
    if (entry.link != nullptr) {
      if (entry.key <= due) return;
      unfile(entry);
    }
    // While nothing was armed nobody counted; catch up, so that the entry is filed near where it fires.
    if (!firing && empty()) current = std::max(current, std::min(ticks_passed(), due - 1));
    entry.key = due;
    file(entry);
    if (!firing) sleep();
  }

  void disarm(Entry& entry) {
    entry.due = kNever;
    // The timer is left as it is: at worst it wakes once for nothing, which is cheaper than setting it per
    // request.
    if (entry.link != nullptr) unfile(entry);
  }

  // Sleeps until the next occupied slot, unless a sleep that ends sooner is under way. Without memory for
  // that, the loop's next turn tries again: deadlines are what gets others out of a want of memory.
  void sleep() noexcept {
    std::size_t level = 0;
    std::size_t slot = 0;
    const std::uint64_t tick = next_slot(level, slot);
    if (tick >= wake) return;
    wake = tick;
    try {
      timer.expires_at(start + kResolution * static_cast<std::int64_t>(tick));
      timer.async_wait(
          [this, token = std::weak_ptr<void>(alive), sleep_number = ++sleeps](const error_code& fault) {
            if (fault || token.expired() || sleep_number != sleeps) return;
            const bool overslept = ticks_passed() > wake + kOversleptTicks;
            take_turns(overslept ? kTurnsForSockets : 0);
          });
    } catch (const std::bad_alloc&) {
      wake = kNever;
      sleep_soon();
    }
  }

  void sleep_soon() {
    if (alive->used()) return;  // it is on its way
    const auto try_again = [this, token = std::weak_ptr<void>(alive)] {
      if (!token.expired()) sleep();
    };
    asio::post(timer.get_executor(), asio::bind_allocator(HandlerAllocator<char>(alive), try_again));
  }

  void take_turns(int left) {
    if (left == 0) {
      wake = kNever;
      advance();
      sleep();
      return;
    }
    try {
      asio::post(timer.get_executor(), [this, token = std::weak_ptr<void>(alive), number = sleeps, left] {
        if (!token.expired() && number == sleeps) take_turns(left - 1);
      });
    } catch (const std::bad_alloc&) {
      take_turns(0);
    }
  }

  void advance() {
    firing = true;
    const std::uint64_t now = ticks_passed();
    for (;;) {
      std::size_t level = 0;
      std::size_t slot = 0;
      const std::uint64_t tick = next_slot(level, slot);
      if (tick > now) break;
      current = tick;
      while (Entry* entry = heads[level][slot]) {
        unfile(*entry);
        if (entry->due <= current) {
          fire(*entry);
        } else {
          entry->key = entry->due;
          file(*entry);
        }
      }
    }
    firing = false;
  }

  void fire(Entry& entry) {
    entry.due = kNever;
    running = &entry;
    try {
      entry.expired();
    } catch (const std::bad_alloc&) {
      if (!destroyed && entry.due == kNever) {
        entry.due = entry.key = current + 1;
        file(entry);
      }
    }
    running = nullptr;
    destroyed.reset();
  }

  Timer timer;
  const Clock::time_point start;
  std::uint64_t current = 0;    // every tick up to this one has been dealt with
  std::uint64_t wake = kNever;  // tick at which the timer ends; kNever: it is not running
  std::uint64_t sleeps = 0;     // tells a wait that was replaced from the one under way
  bool firing = false;
  Entry* running = nullptr;          // its callback is on the stack
  std::unique_ptr<Entry> destroyed;  // `running`, when its callback destroyed the Deadline
  std::array<std::uint64_t, kLevels> occupied{};
  std::array<std::array<Entry*, kSlots>, kLevels> heads{};
  std::shared_ptr<HandlerMemory> alive = std::make_shared<HandlerMemory>();
};

Deadlines::Deadlines(asio::io_context& io) : impl_(std::make_unique<Impl>(io)) {}
Deadlines::~Deadlines() = default;

Deadline::Deadline(Deadlines& deadlines, std::function<void()> expired)
    : entry_(std::make_unique<Entry>(*deadlines.impl_, std::move(expired))) {}

Deadline::~Deadline() {
  Deadlines::Impl& wheel = entry_->wheel;
  wheel.disarm(*entry_);
  // The callback that destroys us still uses what it captured: keep that until it returns.
  if (wheel.running == entry_.get()) wheel.destroyed = std::move(entry_);
}

void Deadline::arm(std::chrono::milliseconds after) {
  entry_->wheel.arm(*entry_, after);
}
void Deadline::disarm() {
  entry_->wheel.disarm(*entry_);
}
bool Deadline::armed() const {
  return entry_->due != kNever;
}

}  // namespace ai_proxy::http
