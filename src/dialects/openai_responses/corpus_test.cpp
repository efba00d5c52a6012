// Every recorded Responses exchange through our reading and through the door, and every recorded stream and
// answer of all three providers out of the door. Skipped where the recordings are not at hand.
#include <gtest/gtest.h>

#include <cstdlib>
#include <functional>
#include <map>
#include <set>

#include "dialects/chat_completions/request_fixture.h"
#include "dialects/dialects.h"
#include "dialects/doors.h"
#include "dialects/openai_responses/answer_check_for_tests.h"
#include "http/sse_reader.h"

namespace ai_proxy::dialects {
namespace {

using chat_completions::fixture::file_text;
namespace fixture = openai_responses::fixture;

std::filesystem::path recordings() {
  const char* given = std::getenv("AI_PROXY_SHARED");
  const auto root =
      given != nullptr ? std::filesystem::path(given) : std::filesystem::path(SOURCE_DIR) / ".." / "shared";
  return root / "data/traffic";
}

using Visit = std::function<void(const json::Value& exchange, const std::string& name)>;

void each_exchange(const std::string& provider, std::string_view endpoint, const Visit& visit) {
  for (const std::string_view kind : {"json", "stream", "error"}) {
    for (const auto& entry : std::filesystem::directory_iterator(recordings() / provider / kind)) {
      const std::string text = file_text(entry.path());
      json::Document document;
      ASSERT_FALSE(document.parse(text, json::kProviderLimits));
      if (document.root()["endpoint"].string() != endpoint) continue;
      SCOPED_TRACE(entry.path().filename().string());
      visit(document.root(), entry.path().filename().string());
    }
  }
}

// --- reading: against a plain look at the whole response object ---

struct Answer {
  std::string text, thinking, refusal, model, finish;
  int sealed = 0;  // thoughts; the same one is sealed anew in each event that holds it
  std::vector<std::array<std::string, 3>> calls;
  std::int64_t input = -1, output = -1, cached = -1, reasoning = -1;

  bool operator==(const Answer&) const = default;
};

void PrintTo(const Answer& answer, std::ostream* out) {
  *out << "\n text: " << answer.text << "\n thinking: " << answer.thinking << "\n sealed: " << answer.sealed
       << "\n refusal: " << answer.refusal << "\n model: " << answer.model << "\n finish: " << answer.finish
       << "\n usage: " << answer.input << " " << answer.output << " " << answer.cached << " "
       << answer.reasoning;
  for (const auto& call : answer.calls) *out << "\n call: " << call[0] << " " << call[1] << " " << call[2];
}

Answer expected(const json::Value& response) {
  Answer answer;
  answer.model = response["model"].string_or("");
  for (const json::Value item : response["output"]) {
    if (item["type"].string() == "function_call") {
      answer.calls.push_back({std::string(item["call_id"].string_or("")),
                              std::string(item["name"].string_or("")),
                              std::string(item["arguments"].string_or(""))});
    }
    if (item["type"].string() == "reasoning") {
      for (std::size_t i = 0; i < item["summary"].size(); ++i) {
        if (i > 0) answer.thinking += "\n\n";
        answer.thinking += item["summary"][i]["text"].string_or("");
      }
      answer.sealed += item["encrypted_content"].string_or("").empty() ? 0 : 1;
    }
    if (item["type"].string() != "message") continue;
    for (const json::Value part : item["content"]) {
      answer.text += part["text"].string_or("");
      answer.refusal += part["refusal"].string_or("");
    }
  }
  const std::string status(response["status"].string_or(""));
  answer.finish = status == "completed"    ? (answer.calls.empty() ? "stop" : "tool_calls")
                  : status == "incomplete" ? "length"
                                           : "other";
  if (const json::Value usage = response["usage"]; usage.is_object()) {
    answer.input = usage["input_tokens"].integer_or(-7);
    answer.output = usage["output_tokens"].integer_or(-7);
    answer.cached = usage["input_tokens_details"]["cached_tokens"].integer_or(-7);
    answer.reasoning = usage["output_tokens_details"]["reasoning_tokens"].integer_or(-7);
  }
  return answer;
}

Answer answer_of(const chat::Reply& reply) {
  Answer answer;
  answer.text = reply.text;
  answer.refusal = reply.refusal;
  answer.model = reply.model;
  for (const chat::Thinking& thinking : reply.thinking) {
    answer.thinking += thinking.text;
    answer.sealed += thinking.signature.empty() && thinking.redacted_data.empty() ? 0 : 1;
  }
  for (const chat::ToolCall& call : reply.tool_calls)
    answer.calls.push_back({call.id, call.name, call.arguments});
  answer.finish = word(reply.finish_reason);
  if (reply.usage) {
    EXPECT_TRUE(reply.usage->valid);
    answer.input = reply.usage->input_tokens;
    answer.output = reply.usage->output_tokens;
    answer.cached = reply.usage->cache_read_tokens;
    answer.reasoning = reply.usage->reasoning_tokens;
  }
  return answer;
}

TEST(ResponsesCorpus, EveryWholeAnswerIsReadRight) {
  if (!std::filesystem::exists(recordings())) GTEST_SKIP() << "no recordings";
  int count = 0;
  each_exchange("openai", "responses", [&](const json::Value& exchange, const std::string&) {
    const json::Value body = exchange["response"]["body"];
    if (body["object"].string() != "response") return;
    ++count;
    const auto reply = kOpenAiResponses.parse_reply(body);
    ASSERT_TRUE(reply) << reply.error().message;
    EXPECT_EQ(answer_of(*reply), expected(body));
    EXPECT_EQ(reply->id, body["id"].string());
    if (reply->usage) EXPECT_EQ(reply->usage->service_tier, body["service_tier"].string_or(""));
  });
  EXPECT_EQ(count, 603);
}

struct Streamed {
  fixture::ReplyFold fold;
  std::optional<Error> error;
  std::string last_response;  // raw
};

Streamed read_stream(const Dialect& dialect, std::string_view sse,
                     const std::function<void(const chat::Delta&)>& also = {}) {
  Streamed streamed;
  const auto reader = dialect.make_stream_reader();
  http::SseReader events;
  events.feed(sse, [&](const http::SseReader::Event& event) {
    json::Document document;
    if (!document.parse(event.data, json::kProviderLimits) && document.root()["response"].is_object())
      streamed.last_response = document.root()["response"].raw();
    const auto told = reader->event(event.type, event.data, [&](const chat::Delta& delta) {
      streamed.fold.add(delta);
      if (also) also(delta);
    });
    if (!told) streamed.error = told.error();
    return told.has_value();
  });
  chat::Reply& reply = streamed.fold.reply;
  reply.id = reader->id();
  reply.model = reader->model();
  reply.finish_reason = reader->finish_reason();
  reply.usage = reader->usage();
  if (!streamed.error && !reader->complete())
    streamed.error = provider_failed(ErrorCode::stream_interrupted, "cut");
  return streamed;
}

TEST(ResponsesCorpus, EveryStreamAddsUpToItsLastResponse) {
  if (!std::filesystem::exists(recordings())) GTEST_SKIP() << "no recordings";
  int count = 0;
  std::map<std::string, int> failed;
  each_exchange("openai", "responses", [&](const json::Value& exchange, const std::string& name) {
    const std::string_view sse = exchange["response"]["sse_raw"].string_or("");
    if (sse.empty() || exchange["response"]["status"].integer_or(200) >= 400) return;
    ++count;
    // Shortened by its maker: its deltas are not the text that it ends with.
    if (name.starts_with("ai__openai-shell-container.1__")) return;
    const Streamed streamed = read_stream(kOpenAiResponses, sse);
    if (streamed.error) {
      ++failed[std::string(word(streamed.error->code))];
      return;
    }
    json::Document document;
    ASSERT_FALSE(document.parse(streamed.last_response, json::kProviderLimits));
    EXPECT_EQ(answer_of(streamed.fold.reply), expected(document.root()));
  });
  EXPECT_EQ(count, 239);
  EXPECT_EQ(failed, (std::map<std::string, int>{{"rate_limited", 1}}));
}

TEST(ResponsesCorpus, EveryErrorHasItsCode) {
  if (!std::filesystem::exists(recordings())) GTEST_SKIP() << "no recordings";
  std::map<std::string, int> codes;
  each_exchange("openai", "responses", [&](const json::Value& exchange, const std::string&) {
    const json::Value response = exchange["response"];
    const auto status = static_cast<int>(response["status"].integer_or(200));
    if (status < 400) return;
    ReplyHead head;
    head.status = status;
    const std::string body(response["body"].is_object() ? response["body"].raw()
                                                        : response["sse_raw"].string_or(""));
    ++codes[std::string(word(kOpenAiResponses.parse_error(head, body).code))];
  });
  EXPECT_EQ(codes, (std::map<std::string, int>{
                       {"provider_auth_failed", 10}, {"model_not_found", 8}, {"invalid_request", 4}}));
}

// --- the door: requests ---

struct Tally {
  int seen = 0;
  int elided = 0;
  int taken = 0;
  std::map<std::string, int> refused;  // by member and the beginning of the sentence
};

std::string without_indices(std::string_view path) {
  std::string text;
  bool inside = false;
  for (const char c : path) {
    if (c == ']') inside = false;
    if (!inside) text.push_back(c);
    if (c == '[') inside = true;
  }
  return text;
}

Tally run_requests(const Dialect& target, const chat::ModelTraits& traits) {
  Tally tally;
  each_exchange("openai", "responses", [&](const json::Value& exchange, const std::string&) {
    const std::string text(exchange["request"]["body"].raw());
    json::Document document;
    if (!exchange["request"]["body"].is_object() || document.parse(text)) return;
    const json::Value body = document.root();
    ++tally.seen;
    const auto seen = kOpenAiResponsesDoor.glance(body);
    if (!seen) {
      ++tally.refused[seen.error().parameter];
      EXPECT_TRUE(body["prompt"].is_object()) << seen.error().message;  // which names the model at OpenAI
      return;
    }
    EXPECT_EQ(seen->model, body["model"].string());
    EXPECT_EQ(seen->stream, body["stream"].boolean_or(false));
    EXPECT_TRUE(seen->stream_usage);
    EXPECT_FALSE(kOpenAiResponsesDoor.pass_through(body, seen->model, *seen));
    json::Document renamed;
    const std::string passed = kOpenAiResponsesDoor.pass_through(body, "other/model", *seen).value();
    ASSERT_FALSE(renamed.parse(passed));
    EXPECT_EQ(renamed.root()["model"].string(), "other/model");
    EXPECT_EQ(passed.size() - std::string_view("other/model").size(), text.size() - seen->model.size());

    if (text.find("#ELIDED base64") != std::string::npos) {
      ++tally.elided;
      return;
    }
    chat::Warnings warnings;
    const auto request = kOpenAiResponsesDoor.parse_request(body, warnings);
    if (!request) {
      ++tally.refused[without_indices(request.error().parameter)];
      EXPECT_FALSE(request.error().message.empty());
      return;
    }
    const auto rendered = target.render_request(*request, "wire", traits, warnings);
    if (!rendered) {
      ++tally.refused[rendered.error().parameter + ": " + rendered.error().message];
      return;
    }
    ++tally.taken;
    json::Document out;
    ASSERT_FALSE(out.parse(*rendered)) << *rendered;
    EXPECT_EQ(out.root()["stream"].boolean_or(false), seen->stream);
  });
  return tally;
}

TEST(ResponsesCorpus, EveryRequestComesInOrIsRefusedForAReason) {
  if (!std::filesystem::exists(recordings())) GTEST_SKIP() << "no recordings";
  using Refused = std::map<std::string, int>;
  // What only OpenAI keeps or runs: refused at the door, by name, whoever is to answer.
  const Refused always{{"background", 5},   {"input[].output[].file_id", 1}, {"input[].type", 13},
                       {"model", 2},        {"previous_response_id", 7},     {"store", 3},
                       {"tools[].type", 42}};
  const auto with = [&](Refused more) {
    more.insert(always.begin(), always.end());
    return more;
  };
  const Tally tally = run_requests(kOpenAiResponses, {});
  EXPECT_EQ(tally.seen, 825);
  EXPECT_EQ(tally.elided, 40);
  EXPECT_EQ(tally.refused, always);
  EXPECT_EQ(tally.taken, 712);
  EXPECT_EQ(run_requests(kMistralChat, {}).refused, always);
  // What the provider has no words for, and nothing else.
  EXPECT_EQ(run_requests(kOpenAiChat, {}).refused,
            with({{"messages[0].content[1]: OpenAI's chat API takes documents as data, not by URL.", 3},
                  {"messages[1].content[0]: OpenAI's chat API takes documents as data, not by URL.", 2},
                  {"messages[3].content[0]: OpenAI's chat API takes documents as data, not by URL.", 2}}));
  EXPECT_EQ(
      run_requests(kAnthropicMessages, {}).refused,
      with({{"messages: Anthropic needs at least one user message with content.", 1},
            {"messages[2].content[0]: Anthropic takes documents as PDF, plain text, URL or file id.", 1}}));
}

// --- the door: answers ---

struct Crossed {
  int count = 0;
  int same_to_the_byte = 0;
};

Crossed run_streams(const std::string& provider, std::string_view endpoint, const Dialect& dialect) {
  Crossed crossed;
  each_exchange(provider, endpoint, [&](const json::Value& exchange, const std::string&) {
    const std::string_view sse = exchange["response"]["sse_raw"].string_or("");
    if (sse.empty() || exchange["response"]["status"].integer_or(200) >= 400) return;
    const AnswerContext context{.model = "m", .id = "resp_1", .created = 1};
    const auto writer = kOpenAiResponsesDoor.make_stream_writer(context);
    std::string text;
    Streamed streamed =
        read_stream(dialect, sse, [&](const chat::Delta& delta) { writer->delta(text, delta); });
    if (streamed.error) {
      writer->fail(text, *streamed.error);
      EXPECT_EQ(fixture::StreamCheck(text).ended, "failed");
      return;
    }
    ++crossed.count;
    chat::Reply& reply = streamed.fold.reply;
    writer->end(
        text, {.finish_reason = chat::effective_finish_reason(reply.finish_reason, !reply.tool_calls.empty()),
               .stop_sequence = {},
               .usage = reply.usage});
    fixture::StreamCheck check(text);
    // A call without arguments that was cut: "" in a stream, {} in a whole answer.
    for (auto& call : check.folded.calls) {
      if (call[2].empty()) call[2] = "{}";
    }
    const std::string whole = kOpenAiResponsesDoor.render_reply(reply, context);
    EXPECT_EQ(check.folded, fixture::folded_reply(whole, check.ended));
    crossed.same_to_the_byte += check.final_response == whole ? 1 : 0;
  });
  return crossed;
}

TEST(ResponsesCorpus, StreamsFoldToTheWholeAnswer) {
  if (!std::filesystem::exists(recordings())) GTEST_SKIP() << "no recordings";
  const Crossed chat = run_streams("openai", "chat.completions", kOpenAiChat);
  EXPECT_EQ(chat.count, 241);
  EXPECT_EQ(chat.same_to_the_byte, 241);
  const Crossed mistral = run_streams("mistral", "chat.completions", kMistralChat);
  EXPECT_EQ(mistral.count, 64);
  EXPECT_EQ(mistral.same_to_the_byte, 62);  // two were cut before the first byte of a call's arguments
  const Crossed anthropic = run_streams("anthropic", "messages", kAnthropicMessages);
  EXPECT_EQ(anthropic.count, 271);
  EXPECT_EQ(anthropic.same_to_the_byte,
            270);  // one thinks between two texts: two messages, where whole is one
  const Crossed responses = run_streams("openai", "responses", kOpenAiResponses);
  EXPECT_EQ(responses.count, 238);
  EXPECT_EQ(responses.same_to_the_byte, 238);
}

int run_replies(const std::string& provider, std::string_view endpoint, const Dialect& dialect) {
  int count = 0;
  each_exchange(provider, endpoint, [&](const json::Value& exchange, const std::string&) {
    const json::Value body = exchange["response"]["body"];
    if (!body.is_object() || exchange["response"]["status"].integer_or(200) >= 400) return;
    const auto reply = dialect.parse_reply(body);
    if (!reply) return;
    ++count;
    const std::string text(exchange["request"]["body"].raw());
    json::Document request;
    const bool has_request = !text.empty() && !request.parse(text);
    const AnswerContext context{.model = reply->model,
                                .id = {},
                                .created = 7,
                                .request = has_request ? request.root() : json::Value{}};
    const bool cut =
        reply->finish_reason == chat::FinishReason::length ||
        (reply->finish_reason == chat::FinishReason::content_filter && reply->tool_calls.empty());
    const fixture::Folded folded = fixture::folded_reply(kOpenAiResponsesDoor.render_reply(*reply, context),
                                                         cut ? "incomplete" : "completed");
    EXPECT_EQ(folded.text, reply->text);
    EXPECT_EQ(folded.refusal, reply->refusal);
    EXPECT_EQ(folded.calls.size(), reply->tool_calls.size());
  });
  return count;
}

TEST(ResponsesCorpus, WholeAnswersOfEveryProviderGoOut) {
  if (!std::filesystem::exists(recordings())) GTEST_SKIP() << "no recordings";
  EXPECT_GT(run_replies("openai", "chat.completions", kOpenAiChat), 400);
  EXPECT_GT(run_replies("mistral", "chat.completions", kMistralChat), 90);
  EXPECT_GT(run_replies("anthropic", "messages", kAnthropicMessages), 300);
  EXPECT_EQ(run_replies("openai", "responses", kOpenAiResponses), 603);
}

}  // namespace
}  // namespace ai_proxy::dialects
