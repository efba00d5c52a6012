// Recorded traffic through Anthropic's door: every request is understood, and every recorded stream of every
// provider comes out in Anthropic's framing. Skipped where the recordings are not.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <set>

#include "dialects/anthropic_messages/door_validated_for_tests.h"
#include "dialects/dialects.h"
#include "dialects/doors.h"
#include "http/sse_reader.h"

namespace ai_proxy::dialects::anthropic_messages {
namespace {

using for_tests::Shown;
using for_tests::Validator;
using json::Value;

const Door& door = kAnthropicMessagesDoor;

std::filesystem::path traffic() {
  const char* shared = std::getenv("AI_PROXY_SHARED");
  return std::filesystem::path(shared != nullptr ? shared : SOURCE_DIR "/../shared") / "data" / "traffic";
}

// Calls `check` for each recording of this endpoint; gives how many there were.
int for_each_recording(const std::filesystem::path& folder, std::string_view endpoint,
                       const std::function<void(const Value& recording)>& check) {
  int count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(traffic() / folder)) {
    std::ifstream file(entry.path(), std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    json::Document document;
    EXPECT_FALSE(document.parse(text, json::kProviderLimits)) << entry.path();
    if (document.root()["endpoint"].string_or("") != endpoint) continue;
    SCOPED_TRACE(entry.path().filename().string());
    check(document.root());
    ++count;
  }
  return count;
}

// --- requests ---

void expect_passes_unchanged(const Value& body) {
  const auto seen = door.glance(body);
  ASSERT_TRUE(seen) << seen.error().message;
  EXPECT_EQ(seen->model, body["model"].string_or("?"));
  EXPECT_EQ(seen->stream, body["stream"].boolean_or(false));
  EXPECT_FALSE(door.pass_through(body, seen->model, *seen));

  const std::string other = door.pass_through(body, "claude-other", *seen).value();
  json::Document document;
  ASSERT_FALSE(document.parse(other, json::kProviderLimits));
  ASSERT_EQ(document.root().size(), body.size());
  for (std::size_t i = 0; const Value member : body) {
    auto changed = document.root().begin();
    std::advance(changed, i++);
    EXPECT_EQ((*changed).key(), member.key());
    EXPECT_EQ((*changed).raw(), member.key() == "model" ? R"("claude-other")" : member.raw());
  }
}

// What the request says, counted the plain way, must be what was read.
struct Counted {
  std::map<std::string, int> parts;
  std::size_t text_bytes = 0;
  bool operator==(const Counted&) const = default;
};

void PrintTo(const Counted& counted, std::ostream* out) {
  for (const auto& [kind, number] : counted.parts) *out << kind << "=" << number << " ";
  *out << "text bytes=" << counted.text_bytes;
}

void count_content(Counted& counted, const Value& content) {
  static const std::set<std::string_view> kKnown{"text",     "image",       "document",         "tool_use",
                                                 "thinking", "tool_result", "redacted_thinking"};
  if (const auto text = content.string(); text && !text->empty()) {
    ++counted.parts["text"];
    counted.text_bytes += text->size();
  }
  if (!content.is_array()) return;
  for (const Value block : content) {
    const std::string type(block["type"].string_or("?"));
    if (type == "text" && block["text"].string_or("").empty()) continue;
    const bool file_image = type == "image" && block["source"]["type"].string() == "file";
    ++counted.parts[!kKnown.contains(type) || file_image ? "opaque" : type];
    if (type == "text") counted.text_bytes += block["text"].string_or("").size();
    if (type == "tool_result") count_content(counted, block["content"]);
  }
}

void count_parts(Counted& counted, const std::vector<chat::Part>& parts) {
  for (const chat::Part& part : parts) {
    static const std::vector<std::string> kNames{"text",        "image",    "document", "audio", "tool_use",
                                                 "tool_result", "thinking", "refusal",  "opaque"};
    std::string name = kNames.at(part.kind.index());
    if (const auto* text = std::get_if<chat::TextPart>(&part.kind)) counted.text_bytes += text->text.size();
    if (const auto* thinking = std::get_if<chat::ThinkingPart>(&part.kind);
        thinking != nullptr && !thinking->redacted_data.empty())
      name = "redacted_thinking";
    if (const auto* result = std::get_if<chat::ToolResultPart>(&part.kind))
      count_parts(counted, result->content);
    ++counted.parts[name];
  }
}

void expect_understood(const Value& body) {
  chat::Warnings warnings;
  const auto request = door.parse_request(body, warnings);
  ASSERT_TRUE(request) << request.error().message;
  EXPECT_EQ(request->max_tokens, body["max_tokens"].integer());
  EXPECT_EQ(request->sampling.temperature, body["temperature"].raw());
  EXPECT_EQ(request->sampling.stop.size(), body["stop_sequences"].size());
  EXPECT_EQ(request->tools.size(), body["tools"].size());
  EXPECT_EQ(request->user, body["metadata"]["user_id"].string_or(""));
  EXPECT_EQ(request->response_format.has_value(),
            body["output_format"].has_value() || body["output_config"]["format"].has_value());
  for (std::size_t i = 0; const Value tool : body["tools"]) {
    const chat::Tool& read = request->tools[i++];
    EXPECT_EQ(read.raw.empty() ? read.parameters : read.raw,
              read.raw.empty() ? tool["input_schema"].raw() : tool.raw());
  }
  Counted said;
  Counted read;
  count_content(said, body["system"]);
  for (const Value message : body["messages"]) count_content(said, message["content"]);
  for (const chat::Message& message : request->messages) count_parts(read, message.parts);
  EXPECT_EQ(read, said);
}

// Renders what was read for a provider of any dialect; nothing that only Anthropic knows may be in it.
void expect_crosses(const Value& body, std::map<std::string, int>& refusals) {
  for (const Dialect* dialect : {&kOpenAiChat, &kMistralChat, &kAnthropicMessages}) {
    chat::Warnings warnings;
    const auto request = door.parse_request(body, warnings);
    ASSERT_TRUE(request);
    chat::ModelTraits traits;
    traits.thinking = chat::ThinkingStyle::effort;
    if (dialect == &kAnthropicMessages) traits.thinking = chat::ThinkingStyle::budget;
    traits.top_k = dialect == &kAnthropicMessages;
    const auto rendered = dialect->render_request(*request, request->model, traits, warnings);
    if (!rendered) {
      ++refusals[std::string(dialect->name) + ": " + rendered.error().message];
      continue;
    }
    json::Document document;
    ASSERT_FALSE(document.parse(*rendered)) << *rendered;
    if (dialect == &kAnthropicMessages) continue;
    for (const std::string_view name : {"system", "thinking", "output_config", "output_format", "mcp_servers",
                                        "container", "stop_sequences", "cache_control", "top_k"}) {
      EXPECT_FALSE(document.root()[name].present()) << name << " for " << dialect->name;
    }
  }
}

TEST(AnthropicDoorCorpus, UnderstandsEveryRecordedRequest) {
  if (!std::filesystem::exists(traffic())) GTEST_SKIP() << "no recordings";
  int requests = 0;
  std::map<std::string, int> refusals;
  for (const std::string_view kind : {"anthropic/json", "anthropic/stream"}) {
    for_each_recording(kind, "messages", [&](const Value& recording) {
      const Value body = recording["request"]["body"];
      if (!body.is_object()) return;  // the recorder kept none
      ++requests;
      expect_passes_unchanged(body);
      expect_understood(body);
      expect_crosses(body, refusals);
    });
  }
  EXPECT_EQ(requests, 874);
  // What cannot be said in the other provider's API, or is no base64 because the recorder cut it.
  const std::map<std::string, int> expected{
      {"anthropic_messages: The document's data is no valid base64.", 8},
      {"anthropic_messages: The image's data is no valid base64.", 16},
      {"openai_chat: OpenAI's chat API takes documents as data, not by URL.", 5}};
  EXPECT_EQ(refusals, expected);
}

// Requests that Anthropic refused: the door's own faults speak the same words, all others are its provider's.
TEST(AnthropicDoorCorpus, RefusesInAnthropicsRecordedWords) {
  if (!std::filesystem::exists(traffic())) GTEST_SKIP() << "no recordings";
  int same = 0;
  const int count = for_each_recording("anthropic/error", "messages", [&](const Value& recording) {
    const Value body = recording["request"]["body"];
    ASSERT_TRUE(body.is_object());
    expect_passes_unchanged(body);
    chat::Warnings warnings;
    const auto request = door.parse_request(body, warnings);
    if (request) return;
    const std::string_view recorded = recording["response"]["body"]["error"]["message"].string_or("?");
    EXPECT_EQ(request.error().message, recorded);
    ++same;
  });
  EXPECT_EQ(count, 26);
  EXPECT_EQ(same, 7);
}

// --- streams ---

// What a relay to a caller who wants no stream makes of the same deltas.
void fold(chat::Reply& reply, const chat::Delta& delta) {
  using Kind = chat::Delta::Kind;
  if (delta.kind == Kind::text) reply.text.append(delta.text);
  if (delta.kind == Kind::refusal) reply.refusal.append(delta.text);
  if (delta.kind == Kind::opaque) reply.opaque_parts.emplace_back(delta.text);
  if (delta.kind == Kind::thinking) {
    if (reply.thinking.empty() || !reply.thinking.back().signature.empty() ||
        !reply.thinking.back().redacted_data.empty())
      reply.thinking.emplace_back();
    reply.thinking.back().text.append(delta.text);
  }
  if (delta.kind == Kind::thinking_signature) {
    if (delta.redacted || reply.thinking.empty() || !reply.thinking.back().signature.empty())
      reply.thinking.emplace_back();
    (delta.redacted ? reply.thinking.back().redacted_data : reply.thinking.back().signature) = delta.text;
  }
  if (delta.kind == Kind::tool_call_begin)
    reply.tool_calls.push_back(
        {.id = std::string(delta.tool_id), .name = std::string(delta.tool_name), .arguments = {}});
  if (delta.kind == Kind::tool_call_arguments)
    reply.tool_calls.at(delta.tool_index).arguments.append(delta.text);
}

void expect_same(const Shown& streamed, const Shown& whole) {
  EXPECT_EQ(streamed.id, whole.id);
  EXPECT_EQ(streamed.model, whole.model);
  EXPECT_EQ(streamed.text, whole.text);
  for (const std::string_view type : {"tool_use", "thinking", "redacted_thinking", "server_tool_use"})
    EXPECT_EQ(streamed.of(type), whole.of(type));
  EXPECT_EQ(streamed.stop, whole.stop);
  EXPECT_EQ(streamed.usage, whole.usage);
}

void expect_framed(const Dialect& dialect, std::string_view sse) {
  const AnswerContext context{.model = "shown", .id = "msg_1", .created = 0, .stream_usage = true};
  const auto reader = dialect.make_stream_reader();
  const auto writer = door.make_stream_writer(context);
  Validator validator;
  chat::Reply reply;
  http::SseReader events(64UL * 1024 * 1024);
  std::string text(sse);
  text.append("\n\n");  // one recording lost its last line end
  EXPECT_TRUE(events.feed(text, [&](const http::SseReader::Event& event) {
    const auto read = reader->event(event.type, event.data, [&](const chat::Delta& delta) {
      std::string out;
      writer->delta(out, delta);
      validator.feed(out);
      fold(reply, delta);
    });
    EXPECT_TRUE(read) << read.error().message;
    return read.has_value();
  }));
  EXPECT_TRUE(reader->complete());
  reply.finish_reason = reader->finish_reason();
  reply.stop_sequence = reader->stop_sequence();
  reply.usage = reader->usage();
  std::string out;
  writer->end(
      out, {.finish_reason = chat::effective_finish_reason(reader->finish_reason(), reader->has_tool_calls()),
            .stop_sequence = reader->stop_sequence(),
            .usage = reader->usage()});
  validator.feed(out);
  EXPECT_EQ(validator.messages_begun, 1);
  EXPECT_EQ(validator.message_deltas, 1);
  EXPECT_EQ(validator.message_stops, 1);
  expect_same(validator.shown(), for_tests::shown_of_reply(door.render_reply(reply, context)));
}

int frame_all(const std::filesystem::path& folder, std::string_view endpoint, const Dialect& dialect) {
  return for_each_recording(folder, endpoint, [&](const Value& recording) {
    expect_framed(dialect, recording["response"]["sse_raw"].string_or(""));
  });
}

TEST(AnthropicDoorCorpus, A17A18OpenAiStreamsComeOutInAnthropicsFraming) {
  if (!std::filesystem::exists(traffic())) GTEST_SKIP() << "no recordings";
  EXPECT_EQ(frame_all("openai/stream", "chat.completions", kOpenAiChat), 241);
}

TEST(AnthropicDoorCorpus, A17A18MistralStreamsComeOutInAnthropicsFraming) {
  if (!std::filesystem::exists(traffic())) GTEST_SKIP() << "no recordings";
  EXPECT_EQ(frame_all("mistral/stream", "chat.completions", kMistralChat), 64);
}

// The stream that goes in is Anthropic's own, so what comes out must say the same, stop reason and all.
TEST(AnthropicDoorCorpus, A17A18AnthropicStreamsComeOutInAnthropicsFraming) {
  if (!std::filesystem::exists(traffic())) GTEST_SKIP() << "no recordings";
  EXPECT_EQ(frame_all("anthropic/stream", "messages", kAnthropicMessages), 271);
}

// --- whole answers ---

// Recorded answers, read and written again: every block that the canonical answer can hold, the reason and
// the usage are the recorded ones.
TEST(AnthropicDoorCorpus, WritesEveryRecordedAnswerBack) {
  if (!std::filesystem::exists(traffic())) GTEST_SKIP() << "no recordings";
  const int count = for_each_recording("anthropic/json", "messages", [](const Value& recording) {
    const Value body = recording["response"]["body"];
    const auto reply = kAnthropicMessages.parse_reply(body);
    ASSERT_TRUE(reply) << reply.error().message;
    const std::string text = door.render_reply(*reply, {.model = {}, .id = {}});
    const Shown again = for_tests::shown_of_reply(text);
    json::Document document;
    ASSERT_FALSE(document.parse(text));
    const Value root = document.root();
    std::string recorded_text;
    std::vector<std::string> calls;
    for (const Value block : body["content"]) {
      recorded_text += block["type"].string() == "text" ? block["text"].string_or("") : "";
      if (block["type"].string() != "tool_use") continue;
      calls.push_back(std::string("tool_use|") + std::string(block["id"].string_or("")) + "|" +
                      std::string(block["name"].string_or("")) + "|" +
                      for_tests::without_blanks(block["input"].raw()));
    }
    EXPECT_EQ(again.text, recorded_text);
    EXPECT_EQ(again.of("tool_use"), calls);
    EXPECT_EQ(root["model"].raw(), body["model"].raw());
    // One recording calls a tool from inside a container and goes on by itself: end_turn beside a tool_use.
    // Our contract calls every answer with calls a tool turn; to an Anthropic caller it passes unread anyway.
    const bool goes_on = body["container"].is_object() && body["stop_reason"].string() == "end_turn";
    if (!goes_on || calls.empty()) {
      EXPECT_EQ(root["stop_reason"].raw(), body["stop_reason"].raw());
    }
    EXPECT_EQ(root["stop_sequence"].string(), body["stop_sequence"].string());
    const bool compacted = body["usage"]["iterations"].size() > 1;  // counted in, then
    for (const std::string_view name :
         {"input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens", "output_tokens"}) {
      if (compacted) continue;
      EXPECT_EQ(root["usage"][name].integer_or(-1), body["usage"][name].integer_or(0)) << name;
    }
  });
  EXPECT_EQ(count, 658);
}

TEST(AnthropicDoorCorpus, A7OpenAiAndMistralAnswersAreMessages) {
  if (!std::filesystem::exists(traffic())) GTEST_SKIP() << "no recordings";
  int count = 0;
  for (const auto& [folder, dialect] :
       {std::pair{"openai/json", &kOpenAiChat}, std::pair{"mistral/json", &kMistralChat}}) {
    count += for_each_recording(folder, "chat.completions", [&](const Value& recording) {
      const auto reply = dialect->parse_reply(recording["response"]["body"]);
      if (!reply) return;  // judged by the provider's own corpus test
      const Shown shown = for_tests::shown_of_reply(door.render_reply(*reply, {.model = "m", .id = "msg_1"}));
      EXPECT_EQ(shown.text, reply->text + reply->refusal);
      EXPECT_EQ(shown.of("tool_use").size(), reply->tool_calls.size());
      EXPECT_EQ(shown.stop.starts_with("tool_use"),
                chat::effective_finish_reason(reply->finish_reason, !reply->tool_calls.empty()) ==
                    chat::FinishReason::tool_calls);
    });
  }
  EXPECT_EQ(count, 672);
}

}  // namespace
}  // namespace ai_proxy::dialects::anthropic_messages
