// A way through an egress proxy to a provider that speaks TLS: CONNECT (RFC 9110, 9.3.6). The proxy sees the
// provider's name and port, and its own credentials; of the request nothing but ciphertext.
#include <array>
#include <utility>

#include "base/ascii.h"
#include "http/client_exchange.h"
#include "http/proxy.h"

namespace ai_proxy::http {
namespace {

Error fault(std::string_view what) {
  return provider_failed(ErrorCode::provider_unreachable,
                         std::string("The egress proxy ").append(what).append("."));
}

}  // namespace

Error Exchange::refused_by_proxy(int status) {
  if (status != 407) return fault("refused to open a way to the provider (" + std::to_string(status) + ")");
  Error error = fault("did not accept our credentials, or wants some (407)");
  error.retryable = false;
  return error;
}

Task<Result<void>> Exchange::open_tunnel() {
  const Origin& origin = origin_->origin;
  const Proxy& proxy = *origin.proxy;
  std::string target = origin_->authority;
  if (!target.ends_with(':' + std::to_string(origin.port))) target.append(":443");
  std::string text = "CONNECT " + target + " HTTP/1.1\r\nHost: " + target + "\r\n";
  if (!proxy.authorization.empty())
    text.append("Proxy-Authorization: ").append(proxy.authorization.reveal()).append("\r\n");
  const Secret request(text.append("\r\n"));
  const Result<int> status = co_await ask_for_tunnel(request.reveal());
  if (!status) co_return std::unexpected(status.error());
  if (*status < 200 || *status > 299) co_return std::unexpected(refused_by_proxy(*status));
  co_return Result<void>();
}

// Sends the request; the status of the answer, of which nothing but a head may come before we speak.
Task<Result<int>> Exchange::ask_for_tunnel(std::string_view request) {
  Cancellation::Guard guard(*cancellation_, [this] { stop(Stop::cancelled); });
  for (std::size_t sent = 0; sent < request.size() && !stopped();) {
    const Transfer transfer = connection_->write(request, {}, sent);
    if (transfer.progress == Progress::failed) break;  // it may have answered all the same
    sent += transfer.bytes;
    if (transfer.progress == Progress::want_write) co_await connection_->writable();
  }
  ReplyReader reader;
  reader.begin(limits_, true);
  std::array<char, 1024> block;
  while (!reader.head_complete()) {
    if (stopped()) co_return std::unexpected(stop_error());
    Transfer transfer{Progress::want_read, 0};
    while (transfer.progress == Progress::want_read && !stopped()) {
      co_await connection_->readable();
      transfer = connection_->read(block);
    }
    if (stopped()) co_return std::unexpected(stop_error());
    if (transfer.progress != Progress::done) co_return std::unexpected(fault("closed the connection"));
    const Result<std::size_t> taken = reader.read_head({block.data(), transfer.bytes});
    const bool opened = taken && reader.head_complete() && reader.status() < 300;
    if (!taken || (opened && *taken < transfer.bytes))
      co_return std::unexpected(fault("gave no proper answer"));
  }
  co_return reader.status();
}

}  // namespace ai_proxy::http
