// Asio runs getaddrinfo on a thread of its own; it cannot be stopped, only no longer waited for.
#include "http/client_resolver.h"

#include <algorithm>
#include <boost/asio/ip/basic_resolver.hpp>
#include <utility>

#include "base/ascii.h"

namespace ai_proxy::http {
namespace {

struct Entry {
  std::string host;
  Addresses addresses;
  Clock::time_point heard{};
  error_code fault;
  bool asking = false;
  std::vector<Signal*> waiting;
};

}  // namespace

struct HostResolver::Book : std::enable_shared_from_this<Book> {
  explicit Book(asio::io_context& io) : resolver(io.get_executor()) {}

  Entry* find(const std::string& host) {
    // As many entries as the configuration names providers: a handful.
    for (const auto& entry : entries) {
      if (entry->host == host) return entry.get();
    }
    return nullptr;
  }

  Entry& entry_of(const std::string& host) {
    if (Entry* entry = find(host)) return *entry;
    entries.push_back(std::make_unique<Entry>());
    entries.back()->host = host;
    return *entries.back();
  }

  void ask(Entry& entry) {
    entry.asking = true;
    resolver.async_resolve(entry.host, std::string(),
                           [book = shared_from_this(), &entry](const error_code& fault, const auto& results) {
                             entry.asking = false;
                             entry.fault = fault;
                             if (!fault && !results.empty()) {
                               entry.addresses.clear();
                               for (const auto& result : results) {
                                 entry.addresses.push_back(result.endpoint().address());
                               }
                               entry.heard = Clock::now();
                             }
                             for (Signal* signal : std::exchange(entry.waiting, {})) signal->raise();
                           });
  }

  asio::ip::basic_resolver<tcp, Executor> resolver;
  std::vector<std::unique_ptr<Entry>> entries;
};

const Addresses* loopback_addresses(std::string_view host) {
  static const Addresses addresses{asio::ip::address_v4::loopback(), asio::ip::address_v6::loopback()};
  return ascii_iequals(host, "localhost") ? &addresses : nullptr;
}

HostResolver::HostResolver(asio::io_context& io) : book_(std::make_shared<Book>(io)) {}

HostResolver::~HostResolver() {
  book_->resolver.cancel();
}

const Addresses* HostResolver::known(const std::string& host, Clock::duration age) const {
  if (const Addresses* own = loopback_addresses(host)) return own;
  const Entry* entry = book_->find(host);
  if (entry == nullptr || entry->addresses.empty() || Clock::now() - entry->heard > age) return nullptr;
  return &entry->addresses;
}

error_code HostResolver::fault(const std::string& host) const {
  const Entry* entry = book_->find(host);
  return entry == nullptr ? error_code() : entry->fault;
}

HostResolver::Question::Question(HostResolver& resolver, const std::string& host, Signal& ended)
    : resolver_(resolver), ended_(ended) {
  Entry& entry = resolver.book_->entry_of(host);
  entry.waiting.push_back(&ended);
  if (!entry.asking) resolver.book_->ask(entry);
}

HostResolver::Question::~Question() {
  for (const auto& entry : resolver_.book_->entries) std::erase(entry->waiting, &ended_);
}

}  // namespace ai_proxy::http
