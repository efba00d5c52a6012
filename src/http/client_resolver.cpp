// Each look-up is a thread of its own that runs getaddrinfo, which can neither be stopped nor hurried: it is
// only no longer waited for, not even when the program ends. As many run as there are names, and they are the
// configuration's.
#include "http/client_resolver.h"

#include <netdb.h>

#include <algorithm>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <cerrno>
#include <cstring>
#include <memory>
#include <mutex>
#include <new>
#include <system_error>
#include <thread>
#include <utility>

#include "base/ascii.h"

namespace ai_proxy::http {
namespace {

struct Answer {
  Addresses addresses;
  error_code fault;
};

// What a look-up asks, and what it was told.
struct LookUp {
  std::string host;
  Answer answer = {};
};

// How long a thread waits for memory to bring its answer.
constexpr std::chrono::milliseconds kMemoryWait(10);

error_code fault_of(int result) {
  switch (result) {
    case EAI_AGAIN:
      return asio::error::host_not_found_try_again;
    case EAI_NONAME:
    case EAI_NODATA:
      return asio::error::host_not_found;
    case EAI_MEMORY:
      return asio::error::no_memory;
    case EAI_SYSTEM:
      return {errno, boost::system::system_category()};
    default:
      return asio::error::no_recovery;
  }
}

Answer ask_system(const std::string& host) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int result = ::getaddrinfo(host.c_str(), nullptr, &hints, &found);
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owned(found, &::freeaddrinfo);
  Answer answer;
  if (result != 0) answer.fault = fault_of(result);
  for (const addrinfo* entry = found; entry != nullptr; entry = entry->ai_next) {
    tcp::endpoint endpoint;
    if (entry->ai_addrlen > endpoint.capacity()) continue;
    std::memcpy(endpoint.data(), entry->ai_addr, entry->ai_addrlen);
    endpoint.resize(entry->ai_addrlen);
    answer.addresses.push_back(endpoint.address());
  }
  if (result == 0 && answer.addresses.empty()) answer.fault = asio::error::host_not_found;
  return answer;
}

}  // namespace

struct HostResolver::Book {
  struct Entry {
    std::string host;
    Addresses addresses;
    Clock::time_point heard{};
    Clock::time_point asked{};
    error_code fault;
    bool asking = false;
    std::vector<Signal*> waiting;
  };
  // Where the threads bring their answers; they may outlive the book.
  struct Mailbox {
    std::mutex mutex;
    asio::io_context* io;  // null: nobody waits any more
    Book* book;
  };

  explicit Book(asio::io_context& io) : mailbox(std::make_shared<Mailbox>()) {
    mailbox->io = &io;
    mailbox->book = this;
  }
  ~Book() {
    const std::scoped_lock lock(mailbox->mutex);
    mailbox->io = nullptr;
    mailbox->book = nullptr;
  }
  Book(const Book&) = delete;
  Book& operator=(const Book&) = delete;

  Entry* find(const std::string& host) {
    // As many entries as the configuration names providers: a handful.
    for (const auto& entry : entries) {
      if (entry->host == host) return entry.get();
    }
    return nullptr;
  }

  Entry& entry_of(const std::string& host) {
    if (Entry* entry = find(host)) return *entry;
    // Names that reloads have taken away leave no trace.
    std::erase_if(entries, [now = Clock::now()](const auto& entry) {
      return !entry->asking && entry->waiting.empty() && now - entry->asked > kUsable;
    });
    auto entry = std::make_unique<Entry>();
    entry->host = host;
    entries.push_back(std::move(entry));
    return *entries.back();
  }

  void ask(Entry& entry) {
    auto look_up = std::make_shared<LookUp>(entry.host);
    entry.asked = Clock::now();
    try {
      std::thread([look_up, box = mailbox] { run(look_up, box); }).detach();
    } catch (const std::system_error&) {
      look_up->answer.fault = asio::error::no_buffer_space;
      deliver(look_up, mailbox);
    }
    entry.asking = true;
  }

  // The thread's life. It brings an answer, whatever happens.
  static void run(const std::shared_ptr<LookUp>& look_up, const std::shared_ptr<Mailbox>& box) noexcept {
    try {
      look_up->answer = ask_system(look_up->host);
    } catch (const std::bad_alloc&) {
      look_up->answer.fault = asio::error::no_memory;
    }
    for (;; std::this_thread::sleep_for(kMemoryWait)) {
      try {
        return deliver(look_up, box);
      } catch (const std::bad_alloc&) {
      }
    }
  }

  static void deliver(const std::shared_ptr<LookUp>& look_up, const std::shared_ptr<Mailbox>& box) {
    const std::scoped_lock lock(box->mutex);
    if (box->io == nullptr) return;
    asio::post(box->io->get_executor(), [look_up, box] {
      if (box->book != nullptr) box->book->heard(*look_up);
    });
  }

  void heard(LookUp& look_up) {
    Entry* entry = find(look_up.host);
    if (entry == nullptr) return;
    entry->asking = false;
    entry->fault = look_up.answer.fault;
    if (!entry->fault) {
      entry->addresses = std::move(look_up.answer.addresses);
      entry->heard = Clock::now();
    }
    for (Signal* signal : std::exchange(entry->waiting, {})) signal->raise();
  }

  std::shared_ptr<Mailbox> mailbox;
  std::vector<std::unique_ptr<Entry>> entries;
};

const Addresses* loopback_addresses(std::string_view host) {
  static const Addresses addresses{asio::ip::address_v4::loopback(), asio::ip::address_v6::loopback()};
  return ascii_iequals(host, "localhost") ? &addresses : nullptr;
}

HostResolver::HostResolver(asio::io_context& io) : book_(std::make_unique<Book>(io)) {}

HostResolver::~HostResolver() = default;

const Addresses* HostResolver::known(const std::string& host, Clock::duration age) const {
  if (const Addresses* own = loopback_addresses(host)) return own;
  const Book::Entry* entry = book_->find(host);
  if (entry == nullptr || entry->addresses.empty() || Clock::now() - entry->heard > age) return nullptr;
  return &entry->addresses;
}

error_code HostResolver::fault(const std::string& host) const {
  const Book::Entry* entry = book_->find(host);
  return entry == nullptr ? error_code() : entry->fault;
}

HostResolver::Question::Question(HostResolver& resolver, const std::string& host, Signal& ended)
    : resolver_(resolver), ended_(ended) {
  Book::Entry& entry = resolver.book_->entry_of(host);
  if (!entry.asking) resolver.book_->ask(entry);
  entry.waiting.push_back(&ended);
  asked_ = entry.asked;
}

HostResolver::Question::~Question() {
  for (const auto& entry : resolver_.book_->entries) std::erase(entry->waiting, &ended_);
}

Clock::duration HostResolver::Question::age() const {
  return Clock::now() - asked_;
}

}  // namespace ai_proxy::http
