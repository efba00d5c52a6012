// Every recorded chat completion of OpenAI and Mistral, whole: what we read must be what an independent,
// plain look at the same JSON finds. Skipped where the recordings are not at hand.
#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <vector>

#include "dialects/chat_completions/request_fixture.h"
#include "dialects/dialects.h"
#include "http/sse_reader.h"

namespace ai_proxy::dialects {
namespace {

using chat_completions::fixture::file_text;

std::filesystem::path recordings() {
  const char* given = std::getenv("AI_PROXY_SHARED");
  const auto root =
      given != nullptr ? std::filesystem::path(given) : std::filesystem::path(SOURCE_DIR) / ".." / "shared";
  return root / "data/traffic";
}

struct Answer {
  std::string text, thinking, refusal, finish, model;
  std::vector<std::array<std::string, 3>> calls;  // id, name, arguments
  std::int64_t input = -1, output = -1, cached = 0;

  bool operator==(const Answer&) const = default;
};

void PrintTo(const Answer& answer, std::ostream* out) {
  *out << "\n text: " << answer.text << "\n thinking: " << answer.thinking << "\n refusal: " << answer.refusal
       << "\n finish: " << answer.finish << "\n model: " << answer.model << "\n usage: " << answer.input
       << " " << answer.output << " " << answer.cached;
  for (const auto& call : answer.calls) *out << "\n call: " << call[0] << " " << call[1] << " " << call[2];
}

// --- the plain look ---

void add_content(Answer& answer, const json::Value& content) {
  answer.text += content.string_or("");
  for (const json::Value part : content) {
    answer.text += part["text"].string_or("");
    for (const json::Value piece : part["thinking"]) answer.thinking += piece["text"].string_or("");
  }
}

void add_usage(Answer& answer, const json::Value& usage) {
  if (!usage.is_object()) return;
  const json::Value details = usage["prompt_tokens_details"];
  answer.input = usage["prompt_tokens"].integer_or(-7);
  // Only Mistral's total counts audio apart.
  const std::int64_t audio =
      usage["total_tokens"].integer_or(0) - answer.input - usage["completion_tokens"].integer_or(0);
  answer.input += audio;
  answer.output = usage["completion_tokens"].integer_or(-7);
  answer.cached = details["cached_tokens"].present() ? details["cached_tokens"].integer_or(-7)
                                                     : usage["num_cached_tokens"].integer_or(0);
}

std::string finish_of(const json::Value& choice) {
  std::string finish(choice["finish_reason"].string_or(choice["finish_details"]["type"].string_or("")));
  if (finish == "function_call") finish = "tool_calls";
  if (finish == "max_tokens") finish = "length";
  return finish;
}

Answer expected_reply(const json::Value& body) {
  Answer answer;
  json::Value choice;
  for (const json::Value candidate : body["choices"]) {
    if (candidate["index"].integer() == 0) choice = candidate;
  }
  const json::Value message = choice["message"];
  add_content(answer, message["content"]);
  answer.refusal = message["refusal"].string_or("");
  for (const json::Value call : message["tool_calls"]) {
    if (!call["function"].present()) continue;
    answer.calls.push_back({std::string(call["id"].string_or("")),
                            std::string(call["function"]["name"].string_or("")),
                            std::string(call["function"]["arguments"].string_or(""))});
  }
  if (const json::Value legacy = message["function_call"]; legacy.is_object()) {
    answer.calls.push_back(
        {"", std::string(legacy["name"].string_or("")), std::string(legacy["arguments"].string_or(""))});
  }
  answer.finish = finish_of(choice);
  answer.model = body["model"].string_or("");
  add_usage(answer, body["usage"]);
  return answer;
}

Answer expected_stream(std::string_view sse) {
  Answer answer;
  std::map<std::int64_t, std::array<std::string, 3>> calls;
  json::Document document;
  std::size_t at = 0;
  while (at < sse.size()) {
    std::size_t end = sse.find('\n', at);
    if (end == std::string_view::npos) end = sse.size();
    std::string_view line = sse.substr(at, end - at);
    at = end + 1;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (!line.starts_with("data:") || line.find("[DONE]") != std::string_view::npos) continue;
    EXPECT_FALSE(document.parse(line.substr(5), json::kProviderLimits));
    const json::Value chunk = document.root();
    if (answer.model.empty()) answer.model = chunk["model"].string_or("");
    add_usage(answer, chunk["usage"]);
    for (const json::Value choice : chunk["choices"]) {
      if (choice["index"].integer() != 0) continue;
      const json::Value delta = choice["delta"];
      add_content(answer, delta["content"]);
      answer.refusal += delta["refusal"].string_or("");
      for (const json::Value call : delta["tool_calls"]) {
        auto& into = calls[call["index"].integer_or(0)];
        into[0] += call["id"].string_or("");
        into[1] += call["function"]["name"].string_or("");
        into[2] += call["function"]["arguments"].string_or("");
      }
      if (choice["finish_reason"].is_string()) answer.finish = finish_of(choice);
    }
  }
  for (auto& [index, call] : calls) answer.calls.push_back(call);
  return answer;
}

// --- what the dialect read ---

std::string finish_word(chat::FinishReason reason) {
  return std::string(word(reason));
}

void take_usage(Answer& answer, const std::optional<chat::Usage>& usage) {
  if (!usage) return;
  // Mistral has once counted a whole block of 64 as cached of a prompt of 10.
  EXPECT_EQ(usage->valid, usage->cache_read_tokens <= usage->input_tokens);
  answer.input = usage->input_tokens;
  answer.output = usage->output_tokens;
  answer.cached = usage->cache_read_tokens;
}

Answer answer_of(const chat::Reply& reply) {
  Answer answer;
  answer.text = reply.text;
  answer.refusal = reply.refusal;
  answer.finish = finish_word(reply.finish_reason);
  answer.model = reply.model;
  for (const chat::Thinking& thinking : reply.thinking) answer.thinking += thinking.text;
  for (const chat::ToolCall& call : reply.tool_calls)
    answer.calls.push_back({call.id, call.name, call.arguments});
  take_usage(answer, reply.usage);
  return answer;
}

void take_delta(Answer& answer, const chat::Delta& delta) {
  switch (delta.kind) {
    case chat::Delta::Kind::text:
      answer.text += delta.text;
      break;
    case chat::Delta::Kind::thinking:
      answer.thinking += delta.text;
      break;
    case chat::Delta::Kind::refusal:
      answer.refusal += delta.text;
      break;
    case chat::Delta::Kind::tool_call_begin:
      EXPECT_EQ(delta.tool_index, answer.calls.size());
      answer.calls.push_back({std::string(delta.tool_id), std::string(delta.tool_name), ""});
      break;
    case chat::Delta::Kind::tool_call_arguments:
      ASSERT_LT(delta.tool_index, answer.calls.size());
      answer.calls[delta.tool_index][2] += delta.text;
      break;
    default:
      break;
  }
}

Answer read_stream(const Dialect& dialect, std::string_view sse, std::size_t piece_bytes) {
  Answer answer;
  const auto reader = dialect.make_stream_reader();
  http::SseReader events;
  int started = 0;
  int finished = 0;
  const StreamReader::Sink sink = [&](const chat::Delta& delta) {
    started += delta.kind == chat::Delta::Kind::started ? 1 : 0;
    finished += delta.kind == chat::Delta::Kind::finished ? 1 : 0;
    take_delta(answer, delta);
  };
  for (std::size_t at = 0; at < sse.size(); at += piece_bytes) {
    EXPECT_TRUE(events.feed(sse.substr(at, piece_bytes), [&](const http::SseReader::Event& event) {
      const auto outcome = reader->event(event.type, event.data, sink);
      EXPECT_TRUE(outcome) << outcome.error().message;
      return outcome.has_value();
    }));
  }
  EXPECT_TRUE(reader->complete());
  EXPECT_EQ(reader->terminated(), sse.ends_with("\n\n"));  // one recording lost its last line end
  EXPECT_EQ(started, 1);
  EXPECT_EQ(finished, 1);
  EXPECT_EQ(reader->has_tool_calls(), !answer.calls.empty());
  EXPECT_FALSE(reader->id().empty());
  answer.finish = finish_word(reader->finish_reason());
  answer.model = reader->model();
  take_usage(answer, reader->usage());
  return answer;
}

// A call without arguments is {} for us, and one without an id has one of ours.
void expect_same(Answer read, Answer expected) {
  ASSERT_EQ(read.calls.size(), expected.calls.size());
  for (std::size_t i = 0; i < expected.calls.size(); ++i) {
    if (expected.calls[i][2].empty()) expected.calls[i][2] = read.calls[i][2].empty() ? "" : "{}";
    if (!expected.calls[i][0].empty()) continue;
    EXPECT_TRUE(read.calls[i][0].starts_with("call_"));
    expected.calls[i][0] = read.calls[i][0];
  }
  EXPECT_EQ(read, expected);
}

int run_all(const std::string& provider, const std::string& kind, const Dialect& dialect) {
  int count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(recordings() / provider / kind)) {
    const std::string text = file_text(entry.path());
    json::Document document;
    EXPECT_FALSE(document.parse(text, json::kProviderLimits));
    const json::Value exchange = document.root();
    if (exchange["endpoint"].string_or("") != "chat.completions") continue;
    ++count;
    SCOPED_TRACE(entry.path().filename().string());
    const json::Value response = exchange["response"];
    if (kind == "json") {
      const auto reply = dialect.parse_reply(response["body"]);
      EXPECT_TRUE(reply) << reply.error().message;
      if (reply) expect_same(answer_of(*reply), expected_reply(response["body"]));
    } else if (kind == "stream") {
      const std::string_view sse = response["sse_raw"].string_or("");
      expect_same(read_stream(dialect, sse, sse.size()), expected_stream(sse));
      expect_same(read_stream(dialect, sse, 1), expected_stream(sse));
    } else {
      ReplyHead head;
      head.status = static_cast<int>(response["status"].integer_or(0));
      const Error error = dialect.parse_error(head, response["body"].raw());
      const int status = head.status;
      EXPECT_EQ(error.status(), status == 401                                               ? 502
                                : status == 400 && error.code == ErrorCode::model_not_found ? 404
                                                                                            : status);
      EXPECT_FALSE(error.retryable);
      const std::string said(
          response["body"]["error"]["message"].string_or(response["body"]["message"].string_or("")));
      if (status != 401) EXPECT_EQ(error.message, said);
      if (status == 401) EXPECT_EQ(error.message.find("2345"), std::string::npos);
    }
  }
  return count;
}

TEST(ChatCorpus, OpenAiRepliesStreamsAndErrorsAreReadAsTheyAre) {
  if (!std::filesystem::exists(recordings())) GTEST_SKIP() << "no recordings";
  EXPECT_EQ(run_all("openai", "json", kOpenAiChat), 562);
  EXPECT_EQ(run_all("openai", "stream", kOpenAiChat), 241);
  EXPECT_EQ(run_all("openai", "error", kOpenAiChat), 17);
}

TEST(ChatCorpus, MistralRepliesStreamsAndErrorsAreReadAsTheyAre) {
  if (!std::filesystem::exists(recordings())) GTEST_SKIP() << "no recordings";
  EXPECT_EQ(run_all("mistral", "json", kMistralChat), 110);
  EXPECT_EQ(run_all("mistral", "stream", kMistralChat), 64);
  EXPECT_EQ(run_all("mistral", "error", kMistralChat), 4);
}

}  // namespace
}  // namespace ai_proxy::dialects
