// The simulated providers' server: paths, pauses and refusals; the words are in wire.cpp.
#include "simulator/simulator.h"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <optional>
#include <utility>

#include "simulator/lists.h"
#include "simulator/strict.h"
#include "simulator/wire.h"

namespace ai_proxy::simulator {
namespace {

constexpr std::string_view kJson = "application/json";
// So that what was said before a break has been read when it comes: a reset may overtake it.
constexpr std::chrono::milliseconds kBreakPause{50};
constexpr std::string_view kModelsPath = "/v1/models";

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

std::optional<Endpoint> endpoint_of(Flavour flavour, std::string_view path) {
  if (flavour == Flavour::anthropic) {
    if (path == "/v1/messages") return Endpoint::chat;
    if (path == "/v1/messages/count_tokens") return Endpoint::count_tokens;
    return std::nullopt;
  }
  if (path == "/v1/chat/completions") return Endpoint::chat;
  if (path == "/v1/embeddings") return Endpoint::embeddings;
  if (path == "/v1/responses" && flavour == Flavour::openai) return Endpoint::responses;
  return std::nullopt;
}

Format format_of(Flavour flavour, Endpoint endpoint) {
  if (endpoint == Endpoint::responses) return Format::openai_responses;
  constexpr Format kFormats[] = {Format::openai_chat, Format::anthropic_messages, Format::mistral_chat};
  return kFormats[static_cast<std::size_t>(flavour)];
}

Refusal no_such_path(Flavour flavour) {
  constexpr std::string_view kMessage = "The simulated provider has no such path.";
  if (flavour == Flavour::openai) return openai_refusal(404, "invalid_request_error", kMessage, {}, {});
  return render_refusal(flavour, 404, kMessage);
}

Refusal no_such_model(Flavour flavour, std::string_view id) {
  const std::string name(id);
  if (flavour == Flavour::anthropic) return render_refusal(flavour, 404, "model: " + name);
  if (flavour == Flavour::mistral)
    return mistral_refusal(400, "invalid_model", "Invalid model: " + name, "1500");
  return openai_refusal(404, "invalid_request_error", "The model '" + name + "' does not exist", "model",
                        "model_not_found");
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
    if (path.starts_with("/v1/messages")) flavour = Flavour::anthropic;
    // Anthropic's SDK names itself by its header when it asks for models.
    if (request.headers.find("anthropic-version") != nullptr && path.starts_with(kModelsPath))
      flavour = Flavour::anthropic;
    if (path.starts_with(kModelsPath) && request.method == "GET") {
      co_await list(request, response, flavour, path.substr(kModelsPath.size()));
      co_return;
    }
    const auto endpoint = endpoint_of(flavour, path);
    if (request.method != "POST" || !endpoint) {
      const Refusal refusal = no_such_path(flavour);
      co_await refuse(response, flavour, refusal);
      co_return;
    }
    json::Document document;
    if (const auto fault = document.parse(request.body, json::kProviderLimits)) {
      const Refusal refusal = render_refusal(flavour, 400, fault->message);
      co_await refuse(response, flavour, refusal);
      co_return;
    }
    if (const auto refusal = check(request, flavour, endpoint, document.root())) {
      co_await refuse(response, flavour, *refusal);
      co_return;
    }
    co_await pause(options.delay);
    if (failure_is_due()) {
      const Refusal refusal = render_refusal(flavour, next_failure(flavour), "A simulated failure.");
      co_await refuse(response, flavour, refusal);
      co_return;
    }
    co_await answer_to(response, flavour, *endpoint, document.root());
  }

  // The list of models, or the one whose id is the rest of the path.
  http::Task<void> list(const http::Request& request, http::ResponseWriter& response, Flavour flavour,
                        std::string_view rest) {
    const auto refusal = check(request, flavour, std::nullopt, {});
    if (refusal) {
      co_await refuse(response, flavour, *refusal);
      co_return;
    }
    const std::string_view id = rest.starts_with('/') ? rest.substr(1) : rest;
    const auto body = rest.empty() ? std::optional(render_models(flavour)) : render_model(flavour, id);
    if (body) {
      co_await response.send(200, kJson, id_field(flavour), *body);
      co_return;
    }
    const Refusal unknown = no_such_model(flavour, id);
    co_await refuse(response, flavour, unknown);
  }

  http::Task<void> answer_to(http::ResponseWriter& response, Flavour flavour, Endpoint endpoint,
                             const json::Value& request) {
    if (endpoint == Endpoint::embeddings) {
      co_await response.send(200, kJson, id_field(flavour), render_embeddings(flavour, request));
      co_return;
    }
    Answer answer = make_answer(flavour, request, options.reply_bytes);
    if (options.strict) answer.model = answering_model(flavour, answer.model);
    if (endpoint == Endpoint::count_tokens) {
      const std::string body = "{\"input_tokens\":" + std::to_string(answer.input_tokens) + "}";
      co_await response.send(200, kJson, id_field(flavour), body);
      co_return;
    }
    co_await pause(answer.directives.slow);
    if (answer.directives.error_status >= 400) {
      const Refusal refusal = render_failure(flavour, answer.directives.error_status);
      co_await refuse(response, flavour, refusal);
      co_return;
    }
    const Format format = format_of(flavour, endpoint);
    if (answer.stream) {
      co_await stream(response, flavour, format, answer);
    } else if (answer.directives.cuts) {
      response.abort();
    } else {
      const std::string body = render_whole(format, answer);
      co_await response.send(200, kJson, id_field(flavour), body);
    }
  }

  http::Task<void> stream(http::ResponseWriter& response, Flavour flavour, Format format,
                          const Answer& answer) {
    const bool broken = answer.directives.breaks || answer.directives.cuts;
    const auto events = make_stream(format, answer);
    const std::string begin = events->begin();
    bool open =
        co_await response.begin_stream(200, "text/event-stream; charset=utf-8", id_field(flavour), begin);
    auto pieces = split_text(answer.text, options.chunks);
    if (broken) pieces.resize((pieces.size() + 1) / 2);
    for (const std::string_view piece : pieces) {
      if (!open || response.cancellation().requested()) co_return;
      co_await pause(options.chunk_pause);
      const std::string chunk = events->chunk(piece);
      open = co_await response.write(chunk);
    }
    if (broken) co_await pause(kBreakPause);
    if (answer.directives.cuts) {
      response.abort();
      co_return;
    }
    const std::string end = broken ? events->failure() : events->end();
    if (open) open = co_await response.write(end);
    if (open) co_await response.end_stream();
  }

  http::Task<void> refuse(http::ResponseWriter& response, Flavour flavour, const Refusal& refusal) {
    co_await response.send(refusal.status, kJson, refusal.fields + id_field(flavour), refusal.body);
  }

  // What strict mode says against the request; without an endpoint, against its key only.
  std::optional<Refusal> check(const http::Request& request, Flavour flavour,
                               std::optional<Endpoint> endpoint, const json::Value& body) const {
    if (!options.strict) return std::nullopt;
    const Call call{.flavour = flavour,
                    .endpoint = endpoint.value_or(Endpoint::chat),
                    .authorization = request.headers.get("authorization"),
                    .x_api_key = request.headers.get("x-api-key"),
                    .anthropic_version = request.headers.get("anthropic-version"),
                    .anthropic_beta = request.headers.get("anthropic-beta"),
                    .body = body};
    return endpoint ? judge(call) : judge_key(call);
  }

  // 500, 429 and overloaded in turn.
  int next_failure(Flavour flavour) {
    const int overloaded = flavour == Flavour::anthropic ? 529 : 503;
    const int statuses[] = {500, 429, overloaded};
    return statuses[failures++ % 3];
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
