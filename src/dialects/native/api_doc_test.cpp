// docs/api.md tells the truth: each code block under a "<!-- checked: … -->" line is compared with what the
// code does.
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <map>

#include "dialects/native/request_under_test.h"
#include "dialects/native/schema_text.h"

namespace ai_proxy::dialects::native {
namespace {

using Blocks = std::multimap<std::string, std::string, std::less<>>;

Blocks checked_blocks() {
  std::ifstream stream(SOURCE_DIR "/docs/api.md");
  const std::string page(std::istreambuf_iterator<char>(stream), {});
  constexpr std::string_view kMark = "<!-- checked: ";
  Blocks blocks;
  for (std::size_t at = page.find(kMark); at != std::string::npos; at = page.find(kMark, at + 1)) {
    const std::size_t name = at + kMark.size();
    const std::size_t begin = page.find('\n', page.find("```", at)) + 1;
    blocks.emplace(page.substr(name, page.find(" -->", name) - name),
                   page.substr(begin, page.find("```", begin) - begin));
  }
  return blocks;
}

const std::string& block(const Blocks& blocks, std::string_view name) {
  static const std::string none;
  const auto found = blocks.find(name);
  EXPECT_NE(found, blocks.end()) << name;
  return found == blocks.end() ? none : found->second;
}

void append_compact(std::string& out, const json::Value& value) {
  if (!value.is_object() && !value.is_array()) {
    out.append(value.raw());
    return;
  }
  out.push_back(value.is_object() ? '{' : '[');
  bool first = true;
  for (const json::Value child : value) {
    if (!first) out.push_back(',');
    first = false;
    if (value.is_object()) out.append("\"").append(child.key()).append("\":");
    append_compact(out, child);
  }
  out.push_back(value.is_object() ? '}' : ']');
}

// The JSON without its blanks, members in their order.
std::string compact(const std::string& text) {
  json::Document document;
  EXPECT_FALSE(document.parse(text)) << text;
  std::string out;
  append_compact(out, document.root());
  return out;
}

chat::Usage usage_of(std::int64_t input, std::int64_t output) {
  chat::Usage usage;
  usage.input_tokens = input;
  usage.output_tokens = output;
  return usage;
}

std::string reply_body(const chat::Reply& reply, const CostView& cost, std::int64_t latency_ms, bool cached,
                       const chat::Warnings& warnings) {
  return render_reply({.provider = "openai",
                       .model = "gpt-4o-2024-08-06",
                       .reply = reply,
                       .cost = cost,
                       .latency_ms = latency_ms,
                       .cached = cached,
                       .warnings = warnings});
}

TEST(ApiPage, ShowsRequestsThatAreTaken) {
  const Blocks blocks = checked_blocks();
  EXPECT_EQ(blocks.count("request"), 3u);
  for (auto [at, end] = blocks.equal_range("request"); at != end; ++at) {
    const RequestUnderTest test(at->second);
    EXPECT_TRUE(test.accepted()) << at->second << test.details();
    EXPECT_TRUE(test.warnings().empty()) << at->second;
  }
  const RequestUnderTest bare(block(blocks, "request without provider"));
  EXPECT_TRUE(bare.accepted()) << bare.details();
}

TEST(ApiPage, ShowsAnswersAsTheyAre) {
  const Blocks blocks = checked_blocks();
  chat::Reply reply;
  reply.text = "Hello! I'm doing well, thank you for asking.";
  reply.finish_reason = chat::FinishReason::stop;
  reply.usage = usage_of(10, 25);
  const CostView cost{
      .input = PicoUsd{25'000'000}, .output = PicoUsd{250'000'000}, .total = PicoUsd{275'000'000}};
  EXPECT_EQ(compact(block(blocks, "reply")), reply_body(reply, cost, 1234, false, {}));
  EXPECT_EQ(compact(block(blocks, "cached reply")), reply_body(reply, cost, 1, true, {}));

  chat::Reply call;
  call.tool_calls.push_back({"call_1", "get_weather", R"({"city":"Bern"})"});
  call.usage = usage_of(80, 15);
  call.usage->cache_read_tokens = 64;
  chat::Warnings warnings;
  warnings.add("temprature: unknown member, ignored. Did you mean \"temperature\"?");
  const CostView call_cost{
      .input = PicoUsd{120'000'000}, .output = PicoUsd{150'000'000}, .total = PicoUsd{270'000'000}};
  EXPECT_EQ(compact(block(blocks, "reply with tool calls")),
            reply_body(call, call_cost, 640, false, warnings));
}

TEST(ApiPage, ShowsStreamsAsTheyAre) {
  const Blocks blocks = checked_blocks();
  std::string out;
  chat::Delta delta;
  delta.text = "Once";
  render_chunk(out, delta);
  delta.text = " upon";
  render_chunk(out, delta);
  const std::optional<chat::Usage> usage = usage_of(10, 150);
  render_done(out, {.finish_reason = chat::FinishReason::stop,
                    .usage = usage,
                    .cost = {.input = PicoUsd{25'000'000},
                             .output = PicoUsd{1'500'000'000},
                             .total = PicoUsd{1'525'000'000}},
                    .latency_ms = 2345,
                    .warnings = {}});
  EXPECT_EQ(out, block(blocks, "stream"));

  out.clear();
  delta.kind = chat::Delta::Kind::tool_call_begin;
  delta.tool_id = "call_1";
  delta.tool_name = "get_weather";
  render_chunk(out, delta);
  delta.kind = chat::Delta::Kind::tool_call_arguments;
  delta.text = "{\"city\":";
  render_chunk(out, delta);
  delta.text = "\"Bern\"}";
  render_chunk(out, delta);
  EXPECT_EQ(out, block(blocks, "tool stream"));
}

TEST(ApiPage, ShowsFailuresAsTheyAre) {
  const Blocks blocks = checked_blocks();
  Error limit = provider_failed(ErrorCode::rate_limited, "Rate limit reached for gpt-4o.");
  limit.provider_status = 429;
  limit.retry_after = std::chrono::milliseconds(1500);
  limit.provider_request_id = "req_1";
  EXPECT_EQ(compact(block(blocks, "error")),
            render_error({.error = limit, .provider = "openai", .model = "gpt-4o", .attempts = 3}));

  Error broken = provider_failed(ErrorCode::stream_interrupted,
                                 "The provider's stream ended before the answer was complete.");
  broken.provider_status = 200;
  broken.provider_request_id = "req_1";
  std::string out;
  render_error_event(out, {.error = broken, .provider = "openai", .model = "gpt-4o", .attempts = 1});
  EXPECT_EQ(out, block(blocks, "error event"));
}

TEST(ApiPage, ShowsFaultsAsTheyAre) {
  const Blocks blocks = checked_blocks();
  EXPECT_EQ(compact(block(blocks, "details")), RequestUnderTest(block(blocks, "faulty request")).details());
  EXPECT_EQ(compact(block(blocks, "malformed")), RequestUnderTest("{\"model\": ,}").details());
  EXPECT_EQ(block(blocks, "description"), schema_description(RequestUnderTest::kProviders) + "\n");
}

// A row per code, with its status.
TEST(ApiPage, ListsEveryCode) {
  std::ifstream stream(SOURCE_DIR "/docs/api.md");
  const std::string page(std::istreambuf_iterator<char>(stream), {});
  for (int i = 0; i <= static_cast<int>(ErrorCode::internal); ++i) {
    const auto code = static_cast<ErrorCode>(i);
    if (code == ErrorCode::cancelled) continue;
    const std::string row =
        "\n| " + std::to_string(http_status(code)) + " | `" + std::string(word(code)) + "` | ";
    EXPECT_TRUE(page.contains(row)) << row;
  }
}

}  // namespace
}  // namespace ai_proxy::dialects::native
