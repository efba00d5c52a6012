#include "gateway/gateway.h"

#include <string>
#include <string_view>

#include "base/ascii.h"
#include "base/json_writer.h"
#include "gateway/chat.h"
#include "gateway/exchange.h"

namespace ai_proxy::gateway {
namespace {

constexpr std::string_view kJson = "application/json; charset=utf-8";

enum class Method : std::uint8_t { get, post };

struct Route {
  Method method;
  std::string_view path;
  http::Task<void> (*serve)(Worker&, http::Request&, http::ResponseWriter&);
};

http::Task<void> serve_service(Worker&, http::Request&, http::ResponseWriter& response) {
  co_await response.send(200, kJson, {}, R"({"status":"ok","service":"AI Proxy"})");
}

http::Task<void> serve_live(Worker&, http::Request&, http::ResponseWriter& response) {
  co_await response.send(200, kJson, {}, R"({"status":"ok"})");
}

http::Task<void> serve_ready(Worker& worker, http::Request&, http::ResponseWriter& response) {
  const bool draining = worker.process().draining.load(std::memory_order_relaxed);
  co_await response.send(draining ? 503 : 200, kJson, {},
                         draining ? R"({"status":"draining"})" : R"({"status":"ok"})");
}

constexpr Route kRoutes[] = {
    {Method::post, "/v1/chat", serve_chat},
    {Method::get, "/", serve_service},
    {Method::get, "/livez", serve_live},
    {Method::get, "/readyz", serve_ready},
};

bool method_fits(Method method, std::string_view word) {
  if (method == Method::post) return word == "POST";
  return word == "GET" || word == "HEAD";
}

// 404 and 405: what was asked for, and what there is.
http::Task<void> serve_no_route(http::Request& request, http::ResponseWriter& response,
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
  co_await response.send(status, kJson, fields, body);
  log_plain_answer(request, status);
}

}  // namespace

http::Task<void> serve(Worker& worker, http::Request& request, http::ResponseWriter& response) {
  const Route* other_method = nullptr;
  for (const Route& route : kRoutes) {
    if (route.path != request.path) continue;
    if (method_fits(route.method, request.method)) {
      co_await route.serve(worker, request, response);
      co_return;
    }
    other_method = &route;
  }
  co_await serve_no_route(request, response, other_method);
}

}  // namespace ai_proxy::gateway
