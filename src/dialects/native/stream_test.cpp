#include <gtest/gtest.h>

#include "dialects/native/native.h"

namespace ai_proxy::dialects::native {
namespace {

using Kind = chat::Delta::Kind;

chat::Delta delta(Kind kind, std::string_view text, std::uint32_t tool_index = 0) {
  chat::Delta made;
  made.kind = kind;
  made.text = text;
  made.tool_index = tool_index;
  return made;
}

std::string chunk(const chat::Delta& delta) {
  std::string out;
  render_chunk(out, delta);
  return out;
}

TEST(NativeStream, SendsTextAsChunks) {
  EXPECT_EQ(chunk(delta(Kind::text, "Once")),
            "event: chunk\ndata: {\"content\":\"Once\",\"role\":\"assistant\"}\n\n");
  EXPECT_EQ(chunk(delta(Kind::refusal, "No\n")),
            "event: chunk\ndata: {\"content\":\"No\\n\",\"role\":\"assistant\"}\n\n");
}

TEST(NativeStream, AppendsToWhatIsThere) {
  std::string out = "before";
  render_chunk(out, delta(Kind::text, "x"));
  EXPECT_TRUE(out.starts_with("beforeevent: chunk\n"));
}

TEST(NativeStream, SendsToolCallsInPieces) {
  chat::Delta begin = delta(Kind::tool_call_begin, {}, 1);
  begin.tool_id = "call_1";
  begin.tool_name = "f";
  EXPECT_EQ(chunk(begin),
            "event: chunk\ndata: {\"tool_calls\":[{\"index\":1,\"id\":\"call_1\",\"type\":\"function\","
            "\"function\":{\"name\":\"f\",\"arguments\":\"\"}}],\"role\":\"assistant\"}\n\n");
  EXPECT_EQ(chunk(delta(Kind::tool_call_arguments, "{\"a", 1)),
            "event: chunk\ndata: {\"tool_calls\":[{\"index\":1,\"function\":{\"arguments\":\"{\\\"a\"}}],"
            "\"role\":\"assistant\"}\n\n");
}

TEST(NativeStream, IsSilentAboutTheRest) {
  for (const Kind kind :
       {Kind::started, Kind::thinking, Kind::thinking_signature, Kind::opaque, Kind::finished}) {
    EXPECT_EQ(chunk(delta(kind, "x")), "");
  }
  EXPECT_EQ(chunk(delta(Kind::text, "")), "");
  EXPECT_EQ(chunk(delta(Kind::tool_call_arguments, "")), "");
}

TEST(NativeStream, EndsWithUsageAndCost) {
  std::optional<chat::Usage> usage(std::in_place);
  usage->input_tokens = 10;
  usage->output_tokens = 150;
  usage->cache_read_tokens = 3;
  chat::Warnings warnings;
  std::string out;
  render_done(out, {.finish_reason = chat::FinishReason::stop,
                    .usage = usage,
                    .cost = {.input = PicoUsd{100'000'000},
                             .output = PicoUsd{1'500'000'000},
                             .total = PicoUsd{1'600'000'000}},
                    .latency_ms = 2345,
                    .warnings = warnings});
  EXPECT_EQ(out,
            "event: done\ndata: "
            "{\"finish_reason\":\"stop\",\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":150,"
            "\"total_tokens\":160,\"cached_tokens\":3},\"cost\":{\"total_tokens\":160,\"input_tokens\":10,"
            "\"output_tokens\":150,\"estimated_cost_usd\":\"0.001600\",\"input_cost_usd\":\"0.000100\","
            "\"output_cost_usd\":\"0.001500\"},\"latency_ms\":2345}\n\n");
}

TEST(NativeStream, EndsWithoutUsageToo) {
  const std::optional<chat::Usage> none;
  std::string out;
  render_done(out, {.finish_reason = chat::FinishReason::length,
                    .usage = none,
                    .cost = {},
                    .latency_ms = 1,
                    .warnings = {}});
  EXPECT_EQ(
      out,
      "event: done\ndata: {\"finish_reason\":\"length\",\"usage\":{\"prompt_tokens\":null,"
      "\"completion_tokens\":null,\"total_tokens\":null},\"cost\":{\"total_tokens\":null,\"input_tokens\":"
      "null,"
      "\"output_tokens\":null,\"estimated_cost_usd\":null,\"input_cost_usd\":null,\"output_cost_usd\":null},"
      "\"latency_ms\":1,\"warnings\":[\"usage: the provider reported none; tokens are not known.\"]}\n\n");
}

}  // namespace
}  // namespace ai_proxy::dialects::native
