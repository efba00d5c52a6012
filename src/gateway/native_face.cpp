// Our own API: requests, answers, streams and errors as the contract shows them.
#include <algorithm>

#include "base/ascii.h"
#include "dialects/native/native.h"
#include "gateway/exchange.h"
#include "gateway/face.h"
#include "gateway/provider_call.h"
#include "providers/compatible.h"

namespace ai_proxy::gateway {
namespace {

namespace native = dialects::native;

std::vector<std::string_view> provider_names(const config::Settings& settings) {
  std::vector<std::string_view> names;
  names.reserve(settings.routes.providers.size());
  for (const providers::Provider& provider : settings.routes.providers) names.push_back(provider.name);
  return names;
}

// One that we know and that is not configured is no mistake in the request: routing says what it lacks.
void add_inactive(std::string_view asked, std::vector<std::string_view>& names) {
  const providers::CompatibleProvider* row = providers::find_compatible(asked);
  if (row != nullptr && std::ranges::find(names, row->name) == names.end()) names.push_back(row->name);
}

bool query_asks_for_stream(const http::Request& request) {
  if (request.query.empty()) return false;
  const auto value = http::query_value(request.query, "stream");
  return value && (ascii_iequals(*value, "true") || *value == "1" || value->empty());
}

native::CostView cost_view(const Exchange& exchange) {
  return {exchange.cost.input, exchange.cost.output, exchange.cost.total};
}

native::ErrorView error_view(const Exchange& exchange) {
  const bool placed = exchange.call.candidate != nullptr;
  return {.error = *exchange.error,
          .provider = placed ? std::string_view(exchange.call.candidate->provider->name) : std::string_view(),
          .model = placed ? exchange.model_shown() : exchange.asked.model,
          .attempts = exchange.attempts};
}

class NativeEventWriter final : public EventWriter {
 public:
  explicit NativeEventWriter(const Exchange& exchange) : exchange_(exchange) {}

  void delta(std::string& out, const chat::Delta& delta) override { native::render_chunk(out, delta); }

  void end(std::string& out, const dialects::StreamReader& /*reader*/) override {
    const native::DoneView view{.finish_reason = exchange_.finish_reason,
                                .usage = exchange_.usage,
                                .cost = cost_view(exchange_),
                                .latency_ms = exchange_.latency_ms(),
                                .warnings = exchange_.warnings};
    native::render_done(out, view);
  }

  void fail(std::string& out) override { native::render_error_event(out, error_view(exchange_)); }

 private:
  const Exchange& exchange_;
};

class NativeFace final : public Face {
 public:
  std::optional<Answer> read(Exchange& exchange) const override {
    const config::Settings& settings = *exchange.settings;
    auto names = provider_names(settings);
    if (const auto fault = exchange.body.parse(exchange.request.body)) {
      return refused(exchange, native::malformed_json_body(*fault, names));
    }
    add_inactive(exchange.body.root()["provider"].string_or({}), names);
    const auto names_its_provider = [&settings](std::string_view model) {
      return routing::make_plan(settings.routes, *settings.catalog, {}, model).has_value() ||
             model.find('/') != std::string_view::npos;
    };
    native::ParseOutcome outcome =
        native::parse_request(exchange.body.root(), names, names_its_provider,
                              query_asks_for_stream(exchange.request), exchange.warnings);
    if (!outcome.parsed) return refused(exchange, std::move(outcome.failure_body));
    exchange.conversation = std::make_unique<Conversation>(std::move(outcome.parsed->request));
    const chat::Request& request = exchange.conversation->request;
    exchange.asked_provider = outcome.parsed->provider;
    exchange.asked = {.model = request.model, .stream = request.stream, .stream_usage = request.stream};
    return std::nullopt;
  }

  Result<void> render_call(Exchange& exchange) const override {
    exchange.call.dialect = exchange.call.candidate->provider->dialect;
    return render_conversation(exchange);
  }

  std::string render_reply(Exchange& exchange, const chat::Reply& reply) const override {
    return native::render_reply({.provider = exchange.call.candidate->provider->name,
                                 .model = exchange.model_shown(),
                                 .reply = reply,
                                 .cost = cost_view(exchange),
                                 .latency_ms = exchange.latency_ms(),
                                 .cached = exchange.cache_state == CacheState::hit,
                                 .warnings = exchange.warnings});
  }

  std::unique_ptr<EventWriter> make_event_writer(Exchange& exchange,
                                                 const dialects::StreamReader& /*reader*/) const override {
    return std::make_unique<NativeEventWriter>(exchange);
  }

  std::string_view keep_alive() const override { return ": ping\n"; }

  Answer render_error(const Exchange& exchange) const override {
    return {exchange.error->status(), native::render_error(error_view(exchange))};
  }

 private:
  static Answer refused(Exchange& exchange, std::string body) {
    exchange.error = bad_request("The request is not valid.");
    return {400, std::move(body)};
  }
};

const NativeFace native_face;

}  // namespace

const Face& kNativeFace = native_face;

}  // namespace ai_proxy::gateway
