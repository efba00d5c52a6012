// Every recorded exchange with Anthropic's messages endpoint, and the constructed errors, against
// expectations taken from the JSON here and not by the code under test. Skipped where the recordings are not.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>

#include "base/json.h"
#include "base/json_writer.h"
#include "dialects/anthropic_messages/folded_stream_for_tests.h"

namespace ai_proxy::dialects::anthropic_messages {
namespace {

using for_tests::Folded;
using json::Value;

std::filesystem::path traffic() {
  const char* shared = std::getenv("AI_PROXY_SHARED");
  return std::filesystem::path(shared != nullptr ? shared : SOURCE_DIR "/../shared") / "data" / "traffic";
}

std::string text_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// Calls `check` for each recording of this kind; gives how many there were.
int for_each_recording(std::string_view kind, const std::function<void(const Value& response)>& check) {
  int count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(traffic() / "anthropic" / kind)) {
    const std::string text = text_of(entry.path());
    json::Document document;
    EXPECT_FALSE(document.parse(text, json::kProviderLimits)) << entry.path();
    if (document.root()["endpoint"].string_or("") != "messages") continue;
    SCOPED_TRACE(entry.path().filename().string());
    check(document.root()["response"]);
    ++count;
  }
  return count;
}

// What an answer should come out as, in one comparable text per item.
struct Expected {
  std::string id, model, text, thinking, stop_reason, stop_sequence;
  std::vector<std::string> signatures, opaque;
  std::vector<std::string> calls;  // id|name|arguments
};

bool is_ours(std::string_view type) {
  return type == "text" || type == "tool_use" || type == "thinking" || type == "redacted_thinking";
}

// The same JSON without the blanks that recorders put in and readers leave in.
std::string plain(std::string_view raw) {
  std::string result;
  bool in_string = false;
  for (std::size_t i = 0; i < raw.size(); ++i) {
    const char c = raw[i];
    if (!in_string && (c == ' ' || c == '\n' || c == '\t' || c == '\r')) continue;
    if (c == '"') in_string = !in_string;
    result.push_back(c);
    if (c == '\\' && in_string) result.push_back(raw[++i]);
  }
  return result;
}

std::vector<std::string> plain(const std::vector<std::string>& list) {
  std::vector<std::string> result;
  for (const std::string& text : list) result.push_back(plain(std::string_view(text)));
  return result;
}

Expected expected_of(const Value& message) {
  Expected expected{.id = std::string(message["id"].string_or("")),
                    .model = std::string(message["model"].string_or("")),
                    .text = {},
                    .thinking = {},
                    .stop_reason = std::string(message["stop_reason"].string_or("")),
                    .stop_sequence = std::string(message["stop_sequence"].string_or("")),
                    .signatures = {},
                    .opaque = {},
                    .calls = {}};
  for (const Value block : message["content"]) {
    const std::string type(block["type"].string_or(""));
    if (type == "text") expected.text += block["text"].string_or("");
    if (type == "text")
      for (const Value one : block["citations"]) expected.opaque.push_back(plain(one.raw()));
    if (type == "thinking") expected.thinking += block["thinking"].string_or("");
    if (type == "thinking") expected.signatures.emplace_back(block["signature"].string_or(""));
    if (type == "redacted_thinking")
      expected.signatures.push_back("data:" + std::string(block["data"].string_or("")));
    if (type == "tool_use") {
      expected.calls.push_back(std::string(block["id"].string_or("")) + "|" +
                               std::string(block["name"].string_or("")) + "|" + plain(block["input"].raw()));
    }
    if (!is_ours(type)) expected.opaque.push_back(plain(block.raw()));
  }
  return expected;
}

std::vector<std::string> calls_of(const chat::Reply& reply) {
  std::vector<std::string> calls;
  for (const chat::ToolCall& call : reply.tool_calls) {
    EXPECT_TRUE(json::valid(call.arguments)) << call.arguments;
    calls.push_back(call.id + "|" + call.name + "|" + plain(std::string_view(call.arguments)));
  }
  return calls;
}

chat::FinishReason reason_of(std::string_view word) {
  static const std::map<std::string_view, chat::FinishReason> kWords{
      {"end_turn", chat::FinishReason::stop},
      {"stop_sequence", chat::FinishReason::stop},
      {"tool_use", chat::FinishReason::tool_calls},
      {"max_tokens", chat::FinishReason::length},
      {"pause_turn", chat::FinishReason::paused},
      {"refusal", chat::FinishReason::content_filter},
      {"model_context_window_exceeded", chat::FinishReason::length}};
  const auto found = kWords.find(word);
  return found == kWords.end() ? chat::FinishReason::unknown : found->second;
}

// `start` is a stream's first usage; absent for a whole answer.
void check_usage(const chat::Usage& usage, const Value& start, const Value& last) {
  const auto count = [&](std::string_view name) {
    return last[name].has_value() ? last[name].integer_or(-1) : start[name].integer_or(0);
  };
  std::int64_t input =
      count("input_tokens") + count("cache_read_input_tokens") + count("cache_creation_input_tokens");
  std::int64_t output = count("output_tokens");
  std::size_t others = 0;
  for (const Value entry : last["iterations"]) {
    if (entry["type"].string_or("") == "compaction") {
      input += entry["input_tokens"].integer_or(0) + entry["cache_read_input_tokens"].integer_or(0) +
               entry["cache_creation_input_tokens"].integer_or(0);
      output += entry["output_tokens"].integer_or(0);
    }
    if (entry["type"].string_or("") == "advisor_message") ++others;
  }
  EXPECT_TRUE(usage.valid);
  EXPECT_EQ(usage.input_tokens, input);
  EXPECT_EQ(usage.output_tokens, output);
  EXPECT_EQ(usage.cache_read_tokens, count("cache_read_input_tokens"));
  EXPECT_EQ(usage.cache_written_tokens(), count("cache_creation_input_tokens"));
  EXPECT_EQ(usage.other_models.size(), others);
  const Value split = last["cache_creation"].present() ? last["cache_creation"] : start["cache_creation"];
  EXPECT_EQ(usage.cache_write_1h_tokens,
            std::min(split["ephemeral_1h_input_tokens"].integer_or(0), usage.cache_written_tokens()));
  EXPECT_EQ(usage.reasoning_tokens, last["output_tokens_details"]["thinking_tokens"].integer_or(0));
  EXPECT_EQ(usage.web_search_calls, last["server_tool_use"]["web_search_requests"].integer_or(0));
  const Value told = last["service_tier"].present() ? last : start;
  EXPECT_EQ(usage.service_tier, told["service_tier"].string_or(""));
  EXPECT_EQ(usage.inference_region, told["inference_geo"].string_or(""));
}

TEST(AnthropicCorpus, ReadsEveryRecordedAnswer) {
  if (!std::filesystem::exists(traffic())) GTEST_SKIP() << "no recordings";
  const int count = for_each_recording("json", [](const Value& response) {
    const Value body = response["body"];
    const auto reply = parse_reply(body);
    ASSERT_TRUE(reply) << reply.error().message;
    const Expected expected = expected_of(body);
    EXPECT_EQ(reply->id, expected.id);
    EXPECT_EQ(reply->model, expected.model);
    EXPECT_EQ(reply->text, expected.text);
    EXPECT_EQ(calls_of(*reply), expected.calls);
    EXPECT_EQ(plain(reply->opaque_parts), expected.opaque);
    std::string thinking;
    std::vector<std::string> signatures;
    for (const chat::Thinking& one : reply->thinking) {
      thinking += one.text;
      signatures.push_back(one.redacted_data.empty() ? one.signature : "data:" + one.redacted_data);
    }
    EXPECT_EQ(thinking, expected.thinking);
    EXPECT_EQ(signatures, expected.signatures);
    EXPECT_EQ(reply->provider_finish_reason, expected.stop_reason);
    EXPECT_EQ(reply->finish_reason, reason_of(expected.stop_reason));
    EXPECT_EQ(reply->stop_sequence, expected.stop_sequence);
    ASSERT_TRUE(reply->usage);
    check_usage(*reply->usage, {}, body["usage"]);
  });
  EXPECT_GT(count, 100);
}

// The whole message that a stream's events describe, put together the slow way.
struct Assembled {
  std::map<std::int64_t, std::map<std::string, std::string>> blocks;  // by index: type, start, text, json …
  std::map<std::int64_t, std::vector<std::string>> citations;

  void take(const Value& event) {
    const std::int64_t index = event["index"].integer_or(-1);
    const std::string_view type = event["type"].string_or("");
    if (type == "content_block_start") {
      auto& block = blocks[index];
      block["type"] = event["content_block"]["type"].string_or("");
      block["start"] = plain(event["content_block"].raw());
      for (const std::string_view name : {"text", "thinking", "signature", "data", "id", "name"}) {
        block[std::string(name)] = event["content_block"][name].string_or("");
      }
    }
    if (type != "content_block_delta") return;
    auto& block = blocks.at(index);
    for (const std::string_view name : {"text", "thinking", "signature", "partial_json", "content"}) {
      block[std::string(name)] += event["delta"][name].string_or("");
    }
    if (event["delta"]["citation"].present())
      citations[index].push_back(plain(event["delta"]["citation"].raw()));
  }

  Expected expected() {
    Expected result;
    for (auto& [index, block] : blocks) {
      const std::string& type = block["type"];
      result.text += block["text"];
      result.thinking += block["thinking"];
      if (!block["signature"].empty()) result.signatures.push_back(block["signature"]);
      if (!block["data"].empty()) result.signatures.push_back("data:" + block["data"]);
      for (const std::string& citation : citations[index]) result.opaque.push_back(citation);
      if (type == "tool_use") {
        const std::string input = block["partial_json"].empty() ? "{}" : block["partial_json"];
        result.calls.push_back(block["id"] + "|" + block["name"] + "|" + plain(std::string_view(input)));
      }
      if (!is_ours(type)) result.opaque.push_back(whole(block));
    }
    return result;
  }

  static std::string whole(std::map<std::string, std::string>& block) {
    std::string text = block["start"];
    const auto fill = [&](std::string_view gap, const std::string& key, const std::string& filling) {
      const std::size_t at = text.find(gap);
      if (at != std::string::npos && !filling.empty())
        text.replace(at, gap.size(), "\"" + key + "\":" + filling);
    };
    fill("\"input\":{}", "input", plain(std::string_view(block["partial_json"])));
    std::string content;
    if (!block["content"].empty()) json::Writer(content).string(block["content"]);
    fill("\"content\":null", "content", content);
    return text;
  }
};

struct Event {
  std::string name, data;
};

std::vector<Event> events_of(std::string_view raw) {
  std::vector<Event> events;
  Event event;
  while (!raw.empty()) {
    const std::size_t end = std::min(raw.find('\n'), raw.size());
    std::string_view line = raw.substr(0, end);
    raw.remove_prefix(std::min(end + 1, raw.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.starts_with("event:")) event.name = line.substr(line.starts_with("event: ") ? 7 : 6);
    if (line.starts_with("data:")) event.data += line.substr(line.starts_with("data: ") ? 6 : 5);
    if (!line.empty() && !raw.empty()) continue;
    if (!event.data.empty()) events.push_back(event);
    event = {};
  }
  return events;
}

TEST(AnthropicCorpus, FoldsEveryRecordedStreamIntoItsAnswer) {
  if (!std::filesystem::exists(traffic())) GTEST_SKIP() << "no recordings";
  const int count = for_each_recording("stream", [](const Value& response) {
    Folded folded;
    Assembled assembled;
    std::string id, model, reason;
    json::Document start_document;
    json::Document last_document;
    std::string start_text;
    std::string last_text;
    for (const Event& event : events_of(response["sse_raw"].string_or(""))) {
      EXPECT_FALSE(folded.reader->terminated());
      folded.event(event.name, event.data);
      ASSERT_TRUE(folded.result) << folded.result.error().message << event.data;
      json::Document document;
      ASSERT_FALSE(document.parse(event.data, json::kProviderLimits));
      const Value root = document.root();
      assembled.take(root);
      if (event.name == "message_start") {
        id = root["message"]["id"].string_or("");
        model = root["message"]["model"].string_or("");
        start_text = root["message"]["usage"].raw();
      }
      if (event.name == "message_delta") {
        reason = root["delta"]["stop_reason"].string_or("");
        last_text = root["usage"].raw();
      }
    }
    ASSERT_FALSE(start_document.parse(start_text) || last_document.parse(last_text));
    EXPECT_TRUE(folded.reader->complete());
    EXPECT_TRUE(folded.reader->terminated());
    EXPECT_EQ(folded.started, 1);
    EXPECT_EQ(folded.finished, 1);
    EXPECT_EQ(folded.reader->id(), id);
    EXPECT_EQ(folded.reader->model(), model);
    EXPECT_EQ(folded.reader->provider_finish_reason(), reason);
    EXPECT_EQ(folded.reader->finish_reason(), reason_of(reason));
    const Expected expected = assembled.expected();
    EXPECT_EQ(folded.reply.text, expected.text);
    EXPECT_EQ(folded.thinking, expected.thinking);
    EXPECT_EQ(folded.signatures, expected.signatures);
    EXPECT_EQ(plain(folded.reply.opaque_parts), expected.opaque);
    if (reason != "max_tokens") {
      EXPECT_EQ(calls_of(folded.reply), expected.calls);
    }
    EXPECT_EQ(folded.reader->has_tool_calls(), !expected.calls.empty());
    ASSERT_TRUE(folded.reader->usage());
    check_usage(*folded.reader->usage(), start_document.root(), last_document.root());
  });
  EXPECT_GT(count, 100);
}

TEST(AnthropicCorpus, NamesTheCauseOfEveryRecordedError) {
  if (!std::filesystem::exists(traffic())) GTEST_SKIP() << "no recordings";
  const int count = for_each_recording("error", [](const Value& response) {
    ReplyHead head;
    head.status = static_cast<int>(response["status"].integer_or(0));
    head.should_retry = response["headers"]["x-should-retry"].string_or("");
    head.request_id = response["headers"]["request-id"].string_or("");
    const Error error = parse_error(head, response["body"].raw());
    static const std::map<int, ErrorCode> kCodes{{400, ErrorCode::invalid_request},
                                                 {401, ErrorCode::provider_auth_failed},
                                                 {404, ErrorCode::model_not_found}};
    EXPECT_EQ(word(error.code), word(kCodes.at(head.status)));
    EXPECT_FALSE(error.retryable);
    EXPECT_EQ(error.provider_status, head.status);
    EXPECT_EQ(error.provider_code, response["body"]["error"]["type"].string_or(""));
    EXPECT_NE(error.message.find(response["body"]["error"]["message"].string_or("?")), std::string::npos)
        << error.message;
    if (const auto id = response["body"]["request_id"].string()) {
      EXPECT_EQ(error.provider_request_id, *id);
    }
  });
  EXPECT_GT(count, 10);
}

TEST(AnthropicCorpus, JudgesEveryConstructedErrorAsExpected) {
  const auto path = traffic() / "constructed_errors.json";
  if (!std::filesystem::exists(path)) GTEST_SKIP() << "no constructed errors";
  const std::string text = text_of(path);
  json::Document document;
  ASSERT_FALSE(document.parse(text, json::kProviderLimits));
  int count = 0;
  for (const Value sample : document.root()) {
    if (sample["provider"].string_or("") != "anthropic") continue;
    SCOPED_TRACE(std::string(sample["name"].string_or("")));
    ++count;
    if (sample["sse_raw"].present()) {
      Folded folded;
      for (const Event& event : events_of(sample["sse_raw"].string_or("")))
        folded.event(event.name, event.data);
      ASSERT_FALSE(folded.result);
      EXPECT_EQ(folded.result.error().code, ErrorCode::overloaded);
      EXPECT_FALSE(folded.reader->complete());
      EXPECT_EQ(folded.reply.text, "Hel");
      continue;
    }
    ReplyHead head;
    head.status = static_cast<int>(sample["status"].integer_or(0));
    head.should_retry = sample["headers"]["x-should-retry"].string_or("");
    const Error error = parse_error(head, sample["body"].raw());
    EXPECT_EQ(error.retryable, sample["expect_retryable"].boolean_or(false)) << error.message;
    EXPECT_EQ(error.provider_request_id, sample["body"]["request_id"].string_or(""));
  }
  EXPECT_GT(count, 3);
}

}  // namespace
}  // namespace ai_proxy::dialects::anthropic_messages
