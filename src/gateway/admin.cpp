#include "gateway/admin.h"

#include <string>
#include <utility>

#include "gateway/health.h"
#include "gateway/metrics_page.h"
#include "telemetry/exposition.h"

namespace ai_proxy::gateway {
namespace {

constexpr std::string_view kJson = "application/json; charset=utf-8";
constexpr std::string_view kNoStore = "cache-control: no-store\r\n";
// Readers that are slow to take a page hold its memory.
constexpr int kPagesMax = 8;

}  // namespace

http::RequestFault Admin::admit(std::string_view path, bool beyond_max) {
  const bool is_health = path == "/livez" || path == "/readyz";
  return beyond_max && !is_health ? http::kOverloaded : http::RequestFault{};
}

http::Task<void> Admin::serve(http::Request& request, http::ResponseWriter& response) {
  const bool reads = request.method == "GET" || request.method == "HEAD";
  const bool is_known = request.path == "/metrics" || request.path == "/livez" || request.path == "/readyz";
  if (!is_known) {
    co_await response.send(
        404, kJson, kNoStore,
        R"({"error":"There is nothing at this path. This port has: GET /metrics, GET /livez, GET /readyz.","details":{"code":"not_found"}})");
  } else if (!reads) {
    co_await response.send(405, kJson, "allow: GET, HEAD\r\n",
                           R"({"error":"GET and HEAD only.","details":{"code":"method_not_allowed"}})");
  } else if (request.path == "/metrics") {
    co_await serve_metrics(response);
  } else if (request.path == "/livez") {
    co_await response.send(200, kJson, kNoStore, kLive);
  } else {
    const Readiness readiness = readiness_of(process_);
    co_await response.send(readiness.status, kJson, kNoStore, readiness.body);
  }
}

http::Task<void> Admin::serve_metrics(http::ResponseWriter& response) {
  if (*pages_ >= kPagesMax) {
    co_await response.send(503, kJson, "retry-after: 1\r\n",
                           R"({"error":"Too many scrapes at once.","details":{"code":"overloaded"}})");
    co_return;
  }
  struct Counted {
    explicit Counted(std::shared_ptr<int> pages) : count(std::move(pages)) { ++*count; }
    ~Counted() { --*count; }
    Counted(const Counted&) = delete;
    Counted& operator=(const Counted&) = delete;
    std::shared_ptr<int> count;
  };
  const Counted counted(pages_);
  const std::string page = metrics_page(process_, health_(), version_);
  co_await response.send(200, telemetry::kExpositionType, kNoStore, page);
}

}  // namespace ai_proxy::gateway
