// The doors of the client: ClientPool and ClientReply hand on to Exchange, which lives in
// client_exchange.cpp.
#include "http/client.h"

#include <utility>

#include "http/client_exchange.h"

namespace ai_proxy::http {

struct ClientReply::State final : Exchange {
  using Exchange::Exchange;
};

ClientReply::ClientReply() = default;
ClientReply::ClientReply(std::unique_ptr<State> state) : state_(std::move(state)) {}
ClientReply::ClientReply(ClientReply&&) noexcept = default;

ClientReply& ClientReply::operator=(ClientReply&& other) noexcept {
  const ClientReply old(std::move(*this));
  state_ = std::move(other.state_);
  return *this;
}

ClientReply::~ClientReply() {
  if (!state_) return;
  const std::shared_ptr<ClientShared> home = state_->release();
  if (home != nullptr && home->spare.size() < ClientShared::kSpareMax)
    home->spare.push_back(std::move(state_));  // into what is reserved
  state_.reset();                              // before `home` goes
}

int ClientReply::status() const {
  return state_->status();
}
const Headers& ClientReply::headers() const {
  return state_->headers();
}
bool ClientReply::reused_connection() const {
  return state_->reused_connection();
}
void ClientReply::expect_event_within(milliseconds time) {
  state_->expect_event_within(time);
}
void ClientReply::event_seen() {
  state_->event_seen();
}
void ClientReply::watch(Cancellation& cancellation) {
  state_->watch(cancellation);
}
Task<Result<std::string_view>> ClientReply::read_some() {
  return state_->read_some();
}
Task<Result<std::string>> ClientReply::read_all(std::size_t bytes_max) {
  return state_->read_all(bytes_max);
}

struct ClientPool::Impl {
  std::shared_ptr<ClientShared>
      shared;  // replies hold it too: they may outlive the pool while all is torn down

  std::unique_ptr<ClientReply::State> take_state() {
    std::unique_ptr<ClientReply::State> state;
    if (shared->spare.empty()) {
      state = std::make_unique<ClientReply::State>(*shared);
    } else {
      state.reset(static_cast<ClientReply::State*>(shared->spare.back().release()));
      shared->spare.pop_back();
    }
    state->settle(shared);
    return state;
  }
};

ClientPool::ClientPool(asio::io_context& io, const ClientLimits& limits, const std::string& ca_file)
    : impl_(std::make_unique<Impl>(std::make_shared<ClientShared>(io, limits, ca_file))) {}

ClientPool::~ClientPool() {
  impl_->shared->connections.close();
  impl_->shared->spare.clear();
}

Task<Result<ClientReply>> ClientPool::send(const Origin& origin, const OutgoingRequest& request,
                                           Cancellation& cancellation) {
  ClientReply reply(impl_->take_state());
  Result<void> answered = co_await reply.state_->send(origin, request, cancellation);
  if (!answered) co_return std::unexpected(std::move(answered.error()));
  co_return reply;
}

void ClientPool::prepare_tls() {
  impl_->shared->tls();
}

void ClientPool::set_limits(const ClientLimits& limits) {
  impl_->shared->limits = limits;
}

void ClientPool::keep_only(const std::vector<Origin>& origins) {
  impl_->shared->connections.keep_only(origins);
}

std::size_t ClientPool::idle_connections() const {
  return impl_->shared->connections.idle_count();
}

}  // namespace ai_proxy::http
