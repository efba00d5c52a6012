// Host name -> addresses, off the I/O thread, with a small cache: an answer is good for 30 s, and for an hour
// when the name server fails. Requests for one name share one question; a name whose server is slow keeps no
// other waiting. One thread.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "http/asio.h"
#include "http/connection_signal.h"

namespace ai_proxy::http {

using Addresses = std::vector<asio::ip::address>;

// This machine itself, for the name that always means it (RFC 6761, 6.3): a name server is not asked, and a
// machine without a hosts file works too. Null for every other name.
const Addresses* loopback_addresses(std::string_view host);

class HostResolver {
 public:
  static constexpr std::chrono::seconds kFresh{30};
  static constexpr std::chrono::hours kUsable{1};

  explicit HostResolver(asio::io_context& io);
  ~HostResolver();
  HostResolver(const HostResolver&) = delete;
  HostResolver& operator=(const HostResolver&) = delete;

  // The addresses heard of at most `age` ago; null when there are none. Valid until the next look-up ends.
  const Addresses* known(const std::string& host, Clock::duration age) const;
  // Why the last look-up of the host failed; no error when it did not.
  error_code fault(const std::string& host) const;

  // A look-up, begun unless one is under way; raises `ended`. May be given up at any time.
  class Question {
   public:
    Question(HostResolver& resolver, const std::string& host, Signal& ended);
    ~Question();
    Question(const Question&) = delete;
    Question& operator=(const Question&) = delete;

    // How long the look-up has been under way.
    Clock::duration age() const;

   private:
    HostResolver& resolver_;
    Signal& ended_;
    Clock::time_point asked_;
  };

 private:
  struct Book;
  std::unique_ptr<Book> book_;
};

}  // namespace ai_proxy::http
