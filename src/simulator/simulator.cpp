// The simulated providers' server: paths, pauses and refusals; the words are in wire.cpp.
#include "simulator/simulator.h"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <utility>

#include "simulator/wire.h"

namespace ai_proxy::simulator {
namespace {

constexpr std::string_view kJson = "application/json";

// The path without a provider's prefix, and whose prefix it was.
std::pair<Flavour, std::string_view> split_path(std::string_view path, Flavour otherwise) {
  constexpr std::pair<std::string_view, Flavour> kPrefixes[] = {
      {"/openai", Flavour::openai}, {"/anthropic", Flavour::anthropic}, {"/mistral", Flavour::mistral}};
  for (const auto& [prefix, flavour] : kPrefixes) {
    if (path.starts_with(prefix)) return {flavour, path.substr(prefix.size())};
  }
  return {otherwise, path};
}

std::string id_field(Flavour flavour) {
  constexpr std::string_view kFields[] = {"x-request-id: req_simulated\r\n", "request-id: req_simulated\r\n",
                                          "mistral-correlation-id: simulated\r\n"};
  return std::string(kFields[static_cast<std::size_t>(flavour)]);
}

}  // namespace

struct Simulator::Impl {
  Impl(http::asio::io_context& io_context, const Options& chosen)
      : io(io_context),
        options(chosen),
        server(
            io, {},
            [this](http::Request& request, http::ResponseWriter& response) {
              return serve(request, response);
            },
            counters) {}

  http::Task<void> pause(std::chrono::milliseconds time) {
    if (time.count() == 0) co_return;
    http::Timer timer(io, time);
    http::error_code fault;
    co_await timer.async_wait(
        http::asio::redirect_error(http::asio::use_awaitable_t<http::Executor>(), fault));
  }

  http::Task<void> serve(http::Request& request, http::ResponseWriter& response) {
    auto [flavour, path] = split_path(request.path, options.flavour);
    if (path == "/v1/messages") flavour = Flavour::anthropic;
    if (path == "/v1/models" && request.method == "GET") {
      co_await response.send(200, kJson, id_field(flavour), render_models(flavour));
      co_return;
    }
    const bool chat = path == "/v1/messages" || path == "/v1/chat/completions";
    if (request.method != "POST" || (!chat && path != "/v1/embeddings")) {
      co_await refuse(response, flavour, 404, "The simulated provider has no such path.");
      co_return;
    }
    json::Document document;
    if (const auto fault = document.parse(request.body, json::kProviderLimits)) {
      co_await refuse(response, flavour, 400, fault->message);
      co_return;
    }
    co_await pause(options.delay);
    if (failure_is_due()) {
      constexpr int kOverloaded[] = {503, 529, 503};
      constexpr int kStatus[] = {500, 429, 0};
      const int kind = static_cast<int>(failures++ % 3);
      const int status = kind == 2 ? kOverloaded[static_cast<std::size_t>(flavour)] : kStatus[kind];
      co_await refuse(response, flavour, status, "A simulated failure.");
      co_return;
    }
    if (!chat) {
      co_await response.send(200, kJson, id_field(flavour), render_embeddings(flavour, document.root()));
      co_return;
    }
    const Answer answer = make_answer(flavour, document.root(), options.reply_bytes);
    if (answer.stream) {
      co_await stream(response, flavour, answer);
    } else {
      const std::string body = render_whole(flavour, answer);
      co_await response.send(200, kJson, id_field(flavour), body);
    }
  }

  http::Task<void> stream(http::ResponseWriter& response, Flavour flavour, const Answer& answer) {
    const std::string begin = render_stream_begin(flavour, answer);
    bool open =
        co_await response.begin_stream(200, "text/event-stream; charset=utf-8", id_field(flavour), begin);
    for (const std::string_view piece : split_text(answer.text, options.chunks)) {
      if (!open || response.cancellation().requested()) co_return;
      co_await pause(options.chunk_pause);
      const std::string chunk = render_stream_chunk(flavour, answer, piece);
      open = co_await response.write(chunk);
    }
    const std::string end = render_stream_end(flavour, answer);
    if (open) open = co_await response.write(end);
    if (open) co_await response.end_stream();
  }

  http::Task<void> refuse(http::ResponseWriter& response, Flavour flavour, int status,
                          std::string_view message) {
    const Refusal refusal = render_refusal(flavour, status, message);
    co_await response.send(refusal.status, kJson, refusal.fields + id_field(flavour), refusal.body);
  }

  // Spreads the failures evenly: 25 % is every fourth request.
  bool failure_is_due() {
    owed_percent += options.error_percent;
    if (owed_percent < 100) return false;
    owed_percent -= 100;
    return true;
  }

  http::asio::io_context& io;
  Options options;
  http::ServerCounters counters;
  int owed_percent = 0;
  std::uint64_t failures = 0;
  http::Server server;  // last: it goes first
};

Simulator::Simulator(http::asio::io_context& io, const Options& options)
    : impl_(std::make_unique<Impl>(io, options)) {}
Simulator::~Simulator() = default;

Result<std::uint16_t> Simulator::listen(const std::string& host, std::uint16_t port, bool reuse_port) {
  return impl_->server.listen(host, port, reuse_port);
}

}  // namespace ai_proxy::simulator
