// How many connections each client address has. Shared by all threads; its lock is held for one look-up.
#pragma once

#include <boost/asio/ip/address.hpp>
#include <cstddef>
#include <map>
#include <mutex>
#include <optional>
#include <utility>

namespace ai_proxy::http {

class ClientCounts {
 public:
  // One counted connection, until it goes. The ClientCounts must outlive it.
  class Place {
   public:
    Place(ClientCounts& counts, const boost::asio::ip::address& client) : counts_(&counts), client_(client) {}
    ~Place() {
      if (counts_ != nullptr) counts_->leave(client_);
    }
    Place(Place&& other) noexcept
        : counts_(std::exchange(other.counts_, nullptr)), client_(std::move(other.client_)) {}
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;
    Place& operator=(Place&&) = delete;

   private:
    ClientCounts* counts_;
    boost::asio::ip::address client_;
  };

  // Nullopt: the client has `max` already.
  std::optional<Place> enter(const boost::asio::ip::address& peer, std::size_t max);

 private:
  void leave(const boost::asio::ip::address& client);

  std::mutex mutex_;
  std::map<boost::asio::ip::address, std::size_t> counts_;  // no larger than the connections there are
};

}  // namespace ai_proxy::http
