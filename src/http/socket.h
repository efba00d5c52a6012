// A TCP socket whose owner holds no buffer while it waits, and that does not ask the kernel in vain: every
// read tells whether something was left (TCP_INQ), and what comes later is told by the loop, which the socket
// is registered with once and for all. One thread.
#pragma once

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <boost/asio/async_result.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cstddef>
#include <memory>
#include <new>
#include <utility>

#include "http/asio.h"

namespace ai_proxy::http {

class Socket : public asio::basic_stream_socket<tcp, Executor> {
 public:
  using Base = asio::basic_stream_socket<tcp, Executor>;
  using Base::Base;
  Socket(Base&& other) : Base(std::move(other)) {}  // as Asio's acceptor makes them

  // Asks the kernel to say what each read leaves. Without that (Linux before 5.1) all works, with a read more
  // for each wait. What a listening socket is told, accepted ones inherit.
  template <class AnySocket>
  static void tell_rest(AnySocket& socket) {
    error_code ignored;
    socket.set_option(Rest(true), ignored);
  }

  // Reads without waiting. would_block: there is nothing; eof: nothing more will come. Requires: room > 0.
  std::size_t read_now(void* space, std::size_t room, error_code& fault);
  // The last read left nothing, not the end either, nor an error. Until a wait for more has ended, reads
  // would_block without asking.
  bool drained() const { return readiness_ && readiness_->drained; }
  // Forgets that: something else has waited for this socket.
  void look_again() {
    if (readiness_) readiness_->drained = false;
  }

  // Calls handler(error_code), from the loop, when there may be something to read, or the socket is closed
  // (without an error, where it would have been called anyway). Takes memory the first time, and no system
  // call. Requires: nobody waits.
  template <class Handler>
  void async_readable(Handler handler);
  // The same for a coroutine; read_now() then says what has come of it.
  Task<void> readable();

 private:
  using Rest = asio::detail::socket_option::boolean<IPPROTO_TCP, TCP_INQ>;

  // Asio's epoll reactor keeps the events of a descriptor that nobody waited for, and can start an operation
  // without a call of its own; of its public interface, only operations that read at once come to that. This
  // is one that does nothing but end. Asio has it while somebody waits, and whoever is left frees it.
  class Readiness final : public asio::detail::reactor_op {
   public:
    explicit Readiness(asio::detail::reactor& the_reactor)
        : reactor_op(error_code(), &perform, &complete), reactor(the_reactor) {}

    template <class Handler>
    void keep(Handler handler) {
      static_assert(sizeof(Handler) <= sizeof handler_ && alignof(Handler) <= alignof(std::max_align_t));
      new (static_cast<void*>(handler_)) Handler(std::move(handler));
      end_ = &end<Handler>;
      ec_ = {};
    }
    // True: Asio has it, and frees it.
    bool abandon() { return abandoned_ = end_ != nullptr; }

    asio::detail::reactor& reactor;
    asio::detail::reactor::per_descriptor_data descriptor{};  // while somebody waits
    bool drained = true;  // for all we know; Asio lets the first wait end at once
    // The loop has told of an error or a reset. Behind the bytes that came before it, it is told no more; so
    // the kernel is asked until it says so itself.
    bool broken = false;

   private:
    // All that was there counts as seen: the next wait is for what comes after.
    static status perform(reactor_op* base) {
      static_cast<Readiness*>(base)->note_events();
      return done_and_exhausted;
    }
    void note_events();
    static void complete(void* owner, asio::detail::operation* base, const error_code&, std::size_t) {
      auto* const self = static_cast<Readiness*>(base);
      self->end_(*self, owner != nullptr);
    }
    // owner = false: the loop is no more, and the handler goes uncalled.
    template <class Handler>
    static void end(Readiness& self, bool called) {
      auto* const kept = std::launder(reinterpret_cast<Handler*>(self.handler_));
      Handler handler(std::move(*kept));
      kept->~Handler();
      const error_code fault = self.ec_;
      self.end_ = nullptr;
      self.drained = false;
      if (self.abandoned_) delete &self;
      if (called) handler(fault);
    }

    alignas(std::max_align_t) std::byte handler_[48];
    void (*end_)(Readiness&, bool called) = nullptr;  // set while somebody waits
    bool abandoned_ = false;
  };
  struct Freed {
    void operator()(Readiness* readiness) const {
      if (!readiness->abandon()) delete readiness;
    }
  };

  void start_wait();

  std::unique_ptr<Readiness, Freed> readiness_;
};

template <class Handler>
void Socket::async_readable(Handler handler) {
  if (!readiness_) {
    asio::execution_context& context = get_executor().context();
    readiness_.reset(new Readiness(asio::use_service<asio::detail::reactor>(context)));
  }
  readiness_->keep(std::move(handler));
  start_wait();
}

}  // namespace ai_proxy::http
