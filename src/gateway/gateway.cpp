#include "gateway/gateway.h"

#include <exception>
#include <string>
#include <string_view>

#include "base/ascii.h"
#include "base/ids.h"
#include "base/json_writer.h"
#include "dialects/doors.h"
#include "dialects/native/native.h"
#include "gateway/chat.h"
#include "gateway/exchange.h"
#include "gateway/face.h"
#include "gateway/health.h"
#include "gateway/models.h"
#include "gateway/send.h"
#include "telemetry/log.h"

namespace ai_proxy::gateway {
namespace {

// Load balancers must always get to know how we are.
bool is_health_check(std::string_view path) {
  return path == "/livez" || path == "/readyz";
}

// Is there no room for one request more than `others`?
bool is_overloaded(Worker& worker, std::size_t others) {
  const http::ServerCounters& counters = worker.process().counters;
  const std::size_t max = worker.settings()->server.requests_max;
  return (max > 0 && others >= max) || worker.is_late() ||
         counters.pressure.load(std::memory_order_relaxed) >= http::Pressure::refusing;
}

enum class Method : std::uint8_t { get, post };

struct Route {
  Method method;
  std::string_view path;  // one that ends in '/' (and is more than that) leads to everything behind it
  http::Task<void> (*serve)(Worker&, http::Request&, http::ResponseWriter&);
  const dialects::Door* door = nullptr;  // instead of `serve`: a chat through it
};

http::Task<void> serve_native(Worker& worker, http::Request& request, http::ResponseWriter& response) {
  return serve_chat(worker, request, response, kNativeFace);
}

// The list's path, or the path of one model behind it.
template <ModelsShape shape>
http::Task<void> serve_models_at(Worker& worker, http::Request& request, http::ResponseWriter& response) {
  constexpr std::string_view kList = "/models";
  const std::string_view id = request.path.substr(request.path.find(kList) + kList.size());
  const bool anthropic = shape == ModelsShape::openai && request.headers.find("anthropic-version") != nullptr;
  return serve_models(worker, request, response, anthropic ? ModelsShape::anthropic : shape,
                      id.empty() ? id : id.substr(1));
}

http::Task<void> answer_quietly(Worker& worker, http::Request& request, http::ResponseWriter& response,
                                int status, std::string_view body) {
  Exchange exchange(worker, request, response, kNativeFace);
  exchange.silent = true;
  co_await send(exchange, status, body, false);
}

http::Task<void> serve_service(Worker& worker, http::Request& request, http::ResponseWriter& response) {
  co_await answer_quietly(worker, request, response, 200, R"({"status":"ok","service":"AI Proxy"})");
}

http::Task<void> serve_live(Worker& worker, http::Request& request, http::ResponseWriter& response) {
  co_await answer_quietly(worker, request, response, 200, kLive);
}

http::Task<void> serve_ready(Worker& worker, http::Request& request, http::ResponseWriter& response) {
  const Readiness readiness = readiness_of(worker.process());
  co_await answer_quietly(worker, request, response, readiness.status, readiness.body);
}

http::Task<void> serve_openapi(Worker& worker, http::Request& request, http::ResponseWriter& response) {
  const auto document = worker.openapi().document(worker.settings());
  co_await answer_quietly(worker, request, response, 200, *document);
}

constexpr Route kRoutes[] = {
    {Method::post, "/v1/chat", serve_native},
    {Method::post, "/v1/chat/completions", nullptr, &dialects::kOpenAiChatDoor},
    {Method::post, "/openai/v1/chat/completions", nullptr, &dialects::kOpenAiChatDoor},
    {Method::post, "/v1/responses", nullptr, &dialects::kOpenAiResponsesDoor},
    {Method::post, "/openai/v1/responses", nullptr, &dialects::kOpenAiResponsesDoor},
    {Method::post, "/v1/messages", nullptr, &dialects::kAnthropicMessagesDoor},
    {Method::post, "/anthropic/v1/messages", nullptr, &dialects::kAnthropicMessagesDoor},
    {Method::post, "/v1/messages/count_tokens", nullptr, &dialects::kAnthropicTokenCountDoor},
    {Method::post, "/anthropic/v1/messages/count_tokens", nullptr, &dialects::kAnthropicTokenCountDoor},
    {Method::post, "/v1/embeddings", nullptr, &dialects::kEmbeddingsDoor},
    {Method::post, "/openai/v1/embeddings", nullptr, &dialects::kEmbeddingsDoor},
    {Method::post, "/mistral/v1/embeddings", nullptr, &dialects::kMistralEmbeddingsDoor},
    {Method::post, "/mistral/v1/chat/completions", nullptr, &dialects::kMistralChatDoor},
    {Method::get, "/v1/models", serve_models_at<ModelsShape::openai>},
    {Method::get, "/v1/models/", serve_models_at<ModelsShape::openai>},
    {Method::get, "/openai/v1/models", serve_models_at<ModelsShape::openai>},
    {Method::get, "/openai/v1/models/", serve_models_at<ModelsShape::openai>},
    {Method::get, "/anthropic/v1/models", serve_models_at<ModelsShape::anthropic>},
    {Method::get, "/anthropic/v1/models/", serve_models_at<ModelsShape::anthropic>},
    {Method::get, "/mistral/v1/models", serve_models_at<ModelsShape::mistral>},
    {Method::get, "/mistral/v1/models/", serve_models_at<ModelsShape::mistral>},
    {Method::get, "/", serve_service},
    {Method::get, "/livez", serve_live},
    {Method::get, "/readyz", serve_ready},
    {Method::get, "/openapi.json", serve_openapi},
};

bool path_fits(std::string_view route, std::string_view path) {
  if (route == path) return true;
  return route.size() > 1 && route.ends_with('/') && path.starts_with(route) && path.size() > route.size();
}

bool method_fits(Method method, std::string_view word) {
  if (method == Method::post) return word == "POST";
  return word == "GET" || word == "HEAD";
}

// 404 and 405: what was asked for, and what there is.
http::Task<void> serve_no_route(Worker& worker, http::Request& request, http::ResponseWriter& response,
                                const Route* other_method) {
  std::string body;
  json::Writer out(body);
  std::string fields;
  out.begin_object();
  if (other_method != nullptr) {
    const std::string_view allowed = other_method->method == Method::post ? "POST" : "GET, HEAD";
    fields.append("allow: ").append(allowed).append("\r\n");
    out.member("error", std::string(other_method->path).append(" takes ").append(allowed).append(" only."));
    out.key("details").begin_object().member("code", "method_not_allowed").end_object();
  } else {
    std::string routes;
    for (const Route& route : kRoutes) {
      routes.append(routes.empty() ? "" : ", ")
          .append(route.method == Method::post ? "POST " : "GET ")
          .append(route.path);
    }
    out.member("error", "There is nothing at this path. This server has: " + routes + ".");
    out.key("details").begin_object().member("code", "not_found").end_object();
  }
  out.end_object();
  const int status = other_method != nullptr ? 405 : 404;
  Exchange exchange(worker, request, response, kNativeFace);
  co_await send(exchange, status, body, false, fields);
}

// Whole requests are refused here, on a connection that may stay.
http::Task<void> serve_overloaded(Worker& worker, http::Request& request, http::ResponseWriter& response,
                                  const Route& route) {
  Exchange exchange(worker, request, response, route.door != nullptr ? face_of(*route.door) : kNativeFace);
  if (route.method == Method::post) exchange.operation = exchange.face.operation();
  co_await send_error(exchange, server_overloaded());
}

void log_refusal(Worker& worker, const http::Refused& refused, int status, std::string_view request_id,
                 std::string_view cache) {
  // Scanners and other protocols must not fill the log.
  if (refused.method.empty() && !worker.process().refusals.may_log(http::Clock::now())) return;
  telemetry::AccessRecord record;
  record.request_id = request_id;
  record.client_address = refused.client_address;
  record.method = refused.method;
  record.path = refused.path;
  record.status = status;
  record.cache = cache;
  record.error_code = refused.code;
  record.error_message = refused.message;
  telemetry::log_access(record);
}

// The same in the words of the door it was meant for, where there is one. The status stays the reader's, but
// for the one that means that the server has too much to do: a door may have another.
void word_refusal(http::Refusal& refusal, const http::Refused& refused, std::string_view request_id) {
  const dialects::Door* door = nullptr;
  for (const Route& route : kRoutes) {
    if (route.path == refused.path) door = route.door;
  }
  const std::string message(refused.message);
  const Error error = refused.status == 503  ? server_overloaded()
                      : refused.status < 500 ? bad_request(message)
                                             : internal_error(message);
  if (refused.status == 503) {
    refusal.fields.append("retry-after: 1\r\nx-should-retry: true\r\n");
    if (door == nullptr) {
      refusal.body = dialects::native::render_error({.error = error, .provider = {}, .model = {}});
    } else {
      refusal.status = door->error_status(error);
    }
  }
  if (door != nullptr) refusal.body = door->render_error(error, request_id);
}

}  // namespace

http::RequestFault admit(Worker& worker, std::string_view path, bool beyond_max) {
  if (is_health_check(path)) return {};
  const std::size_t running = worker.process().counters.requests_running.load(std::memory_order_relaxed);
  return beyond_max || is_overloaded(worker, running) ? http::kOverloaded : http::RequestFault{};
}

http::Refusal refuse(Worker& worker, const http::Refused& refused) {
  const std::string request_id = new_request_id();
  const std::string_view cache = word(worker.cache()->enabled() ? CacheState::bypass : CacheState::disabled);
  http::Refusal refusal;
  refusal.fields.append("x-request-id: ")
      .append(request_id)
      .append("\r\nx-cache: ")
      .append(cache)
      .append("\r\n");
  word_refusal(refusal, refused, request_id);
  const int status = refusal.status > 0 ? refusal.status : refused.status;
  worker.counts().refused.add(status);
  log_refusal(worker, refused, status, request_id, cache);
  return refusal;
}

http::Task<void> serve(Worker& worker, http::Request& request, http::ResponseWriter& response) {
  const Route* other_method = nullptr;
  for (const Route& route : kRoutes) {
    if (!path_fits(route.path, request.path)) continue;
    if (method_fits(route.method, request.method)) {
      try {
        // This one is counted already.
        const std::size_t running =
            worker.process().counters.requests_running.load(std::memory_order_relaxed);
        if (!is_health_check(request.path) && is_overloaded(worker, running - 1)) {
          co_await serve_overloaded(worker, request, response, route);
        } else if (route.door != nullptr) {
          co_await serve_chat(worker, request, response, face_of(*route.door));
        } else {
          co_await route.serve(worker, request, response);
        }
      } catch (const std::exception& fault) {
        // A defect of ours, or no memory: the server answers 500 and lives on.
        telemetry::log(telemetry::Level::error, "request failed inside",
                       {{"path", route.path}, {"fault", fault.what()}});
        throw;
      }
      co_return;
    }
    other_method = &route;
  }
  co_await serve_no_route(worker, request, response, other_method);
}

}  // namespace ai_proxy::gateway
