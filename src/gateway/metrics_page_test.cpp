#include "gateway/metrics_page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ai_proxy::gateway {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(MetricsPage, SumsOverThreadsAndShowsWhoWasCounted) {
  Process process;
  const std::uint32_t one = process.counts.names.number_of("openai", "gpt-4o");
  process.counts.names.number_of("openai", "never-called");
  for (int thread = 0; thread < 2; ++thread) {
    ModelCounts& counts = process.counts.add_thread().models.at(one);
    counts.requests[static_cast<std::size_t>(Operation::chat)][1].add(3);
    counts.errors[static_cast<std::size_t>(ErrorCode::rate_limited)].add();
    counts.cost.add(1'500'000);
    counts.duration[static_cast<std::size_t>(Operation::chat)].observe(15'000);
    counts.overhead.observe(40);
    process.counts.threads.back()->streams_begun.add(2);
    process.counts.threads.back()->answered.add(200);
  }
  process.counts.threads.front()->streams_ended.add(3);
  const std::string page = metrics_page(process, {}, "1.2.3");
  const std::string who = R"(gen_ai_provider_name="openai",gen_ai_request_model="gpt-4o")";
  EXPECT_THAT(page, HasSubstr("ai_proxy_requests_total{" + who +
                              R"(,gen_ai_operation_name="chat",stream="true"} 6)"));
  EXPECT_THAT(page, HasSubstr("ai_proxy_errors_total{" + who + R"(,error_type="rate_limited"} 2)"));
  EXPECT_THAT(page, HasSubstr("ai_proxy_cost_usd_total{" + who + "} 0.000003\n"));
  EXPECT_THAT(page, HasSubstr("gen_ai_server_request_duration_seconds_bucket{" + who +
                              R"(,gen_ai_operation_name="chat",le="0.02"} 2)"));
  EXPECT_THAT(page, HasSubstr("gen_ai_server_request_duration_seconds_sum{" + who +
                              R"(,gen_ai_operation_name="chat"} 0.03)"));
  EXPECT_THAT(page, HasSubstr("ai_proxy_overhead_seconds_bucket{" + who + R"(,le="0.00005"} 2)"));
  EXPECT_THAT(page, HasSubstr(R"(ai_proxy_responses_total{http_response_status_code="200"} 2)"));
  EXPECT_THAT(page, HasSubstr("\nai_proxy_streams_open 1\n"));
  EXPECT_THAT(page, HasSubstr(R"(ai_proxy_build_info{version="1.2.3"} 1)"));
  EXPECT_THAT(page, Not(HasSubstr("never-called")));
}

TEST(MetricsPage, StandsWithNothingCountedAtAll) {
  Process process;
  const std::string page = metrics_page(process, {}, "1.2.3");
  EXPECT_THAT(page, HasSubstr("# TYPE ai_proxy_requests_total counter\n"));
  EXPECT_TRUE(page.ends_with('\n'));
}

}  // namespace
}  // namespace ai_proxy::gateway
