// Every recorded chat request at its own door, and every recorded stream of all three providers through both
// doors' writers: what a caller folds out of it must be what the whole answer says. Skipped where the
// recordings are not at hand.
#include <gtest/gtest.h>

#include <cstdlib>
#include <functional>
#include <map>
#include <set>
#include <sstream>

#include "dialects/chat_completions/door_folded.h"
#include "dialects/chat_completions/request_fixture.h"
#include "dialects/dialects.h"
#include "http/sse_reader.h"

namespace ai_proxy::dialects {
namespace {

namespace fixture = chat_completions::fixture;

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
      const std::string text = fixture::file_text(entry.path());
      json::Document document;
      ASSERT_FALSE(document.parse(text, json::kProviderLimits));
      if (document.root()["endpoint"].string() != endpoint) continue;
      SCOPED_TRACE(entry.path().filename().string());
      visit(document.root(), entry.path().filename().string());
    }
  }
}

// --- requests ---

// By search and replace, where the tree's offsets play no part.
std::string with_model(std::string text, std::string_view old_raw, std::string_view new_raw) {
  for (const std::string_view gap : {":", ": "}) {
    const std::string needle = "\"model\"" + std::string(gap) + std::string(old_raw);
    const std::size_t at = text.find(needle);
    if (at == std::string::npos) continue;
    EXPECT_EQ(text.find(needle, at + 1), std::string::npos);
    return text.replace(at + needle.size() - old_raw.size(), old_raw.size(), new_raw);
  }
  ADD_FAILURE() << "no model in " << text;
  return text;
}

void expect_only_model_and_usage_change(const Door& door, const json::Value& body, const std::string& passed,
                                        std::string_view model) {
  json::Document document;
  ASSERT_FALSE(document.parse(passed)) << passed;
  const json::Value after = document.root();
  EXPECT_EQ(after["model"].string(), model);
  const bool asks = door.dialect == kOpenAiChatDoor.dialect && body["stream"].boolean() == true;
  if (asks) EXPECT_EQ(after["stream_options"]["include_usage"].boolean(), true);
  std::vector<std::string> before_members;
  std::vector<std::string> after_members;
  const auto list = [](const json::Value& object, std::vector<std::string>& into) {
    for (const json::Value member : object) {
      if (member.key() == "model" || member.key() == "stream_options") continue;
      into.push_back(std::string(member.key()) + "=" + std::string(member.raw()));
    }
  };
  list(body, before_members);
  list(after, after_members);
  EXPECT_EQ(after_members, before_members);
}

struct Tally {
  int seen = 0;
  int elided = 0;
  std::set<std::string> refused;
};

Tally run_requests(const std::string& provider, const Door& door) {
  Tally tally;
  each_exchange(provider, "chat.completions", [&](const json::Value& exchange, const std::string& name) {
    const std::string text(exchange["request"]["body"].raw());
    json::Document document;
    if (!exchange["request"]["body"].is_object() || document.parse(text)) return;
    const json::Value body = document.root();
    ++tally.seen;
    const auto seen = door.glance(body);
    ASSERT_TRUE(seen) << seen.error().message;
    EXPECT_EQ(seen->model, body["model"].string());
    EXPECT_EQ(seen->stream, body["stream"].boolean_or(false));
    EXPECT_EQ(seen->stream_usage, body["stream_options"]["include_usage"].boolean_or(false));

    const std::optional<std::string> same = door.pass_through(body, seen->model, *seen);
    const bool asks = door.dialect == kOpenAiChatDoor.dialect && seen->stream && !seen->stream_usage;
    if (asks) {
      EXPECT_TRUE(same);
    } else {
      EXPECT_FALSE(same);
      EXPECT_EQ(door.pass_through(body, "other/model", *seen),
                with_model(text, body["model"].raw(), R"("other/model")"));
    }
    expect_only_model_and_usage_change(door, body, door.pass_through(body, "x", *seen).value_or(text), "x");

    if (text.find("#ELIDED base64") != std::string::npos) {
      ++tally.elided;
      return;
    }
    chat::Warnings warnings;
    const auto request = door.parse_request(body, warnings);
    if (!request) {
      tally.refused.insert(name + " " + request.error().parameter + ": " + request.error().message);
      return;
    }
    EXPECT_EQ(request->messages.size(), body["messages"].size());
    EXPECT_EQ(request->stream, seen->stream);
    EXPECT_TRUE(warnings.empty()) << warnings.list().front();
  });
  return tally;
}

TEST(ChatDoorCorpus, EveryOpenAiRequestComesIn) {
  if (!std::filesystem::exists(recordings())) GTEST_SKIP() << "no recordings";
  const Tally tally = run_requests("openai", kOpenAiChatDoor);
  EXPECT_EQ(tally.seen, 820);
  EXPECT_EQ(tally.elided, 25);
  // Which OpenAI refused with a 400 too.
  EXPECT_EQ(tally.refused, std::set<std::string>{
                               "ai-gateway__chat-bad-request__0-b877d38d.json messages[0].content: Invalid "
                               "type for 'messages[0].content': expected a string or an array of parts, but "
                               "got null instead."});
}

TEST(ChatDoorCorpus, EveryMistralRequestComesIn) {
  if (!std::filesystem::exists(recordings())) GTEST_SKIP() << "no recordings";
  const Tally tally = run_requests("mistral", kMistralChatDoor);
  EXPECT_EQ(tally.seen, 164);
  EXPECT_EQ(tally.elided, 9);
  EXPECT_EQ(tally.refused, std::set<std::string>{});
}

// --- requests, to other providers ---

// Who said what, without the forms it may be said in.
std::string said_in(const json::Value& messages) {
  std::string said;
  for (const json::Value message : messages) {
    const std::string_view role = message["role"].string_or("");
    said.append("\n").append(role == "developer" ? "system" : role).append(": ");
    const json::Value content = message["content"];
    said.append(content.string_or(""));
    for (const json::Value part : content) {
      said.append(part["text"].string_or(""));
      if (const json::Value image = part["image_url"]; image.present())
        said.append("<").append(image.string().value_or(image["url"].string_or("?"))).append(">");
      said.append(part["input_audio"]["data"].string_or("")).append(part["file"]["file_data"].string_or(""));
      said.append(part["document_url"].string_or(""));
    }
    for (const json::Value call : message["tool_calls"]) {
      said.append(" call ").append(call["function"]["name"].string_or("?"));
      const json::Value arguments = call["function"]["arguments"];
      said.append(arguments.is_object() ? arguments.raw() : arguments.string_or(""));
    }
    if (message["tool_call_id"].present()) said.append(" result");
  }
  return said;
}

// What Mistral's order changes: where results and instructions stand, whose the last of these are, and who
// says "OK" in between.
std::vector<std::string> lines_of(const std::string& said) {
  std::vector<std::string> lines;
  std::istringstream text(said);
  for (std::string line; std::getline(text, line);) {
    if (line.starts_with("system: ")) line.replace(0, 6, "user");
    if (line != "assistant: OK" && line != "user: ") lines.push_back(std::move(line));
  }
  std::ranges::sort(lines);
  return lines;
}

// The complaints of a provider about what came in at this door, and how often.
std::map<std::string, int> crossed(const std::string& provider, const Door& door, const Dialect& target) {
  std::map<std::string, int> refused;
  each_exchange(provider, "chat.completions", [&](const json::Value& exchange, const std::string&) {
    const std::string text(exchange["request"]["body"].raw());
    json::Document document;
    if (!exchange["request"]["body"].is_object() || document.parse(text)) return;
    chat::Warnings warnings;
    const auto request = door.parse_request(document.root(), warnings);
    if (!request) return;
    const auto rendered = target.render_request(*request, "wire", chat::ModelTraits{}, warnings);
    if (!rendered) {
      ++refused[rendered.error().parameter + ": " + rendered.error().message];
      return;
    }
    json::Document body;
    EXPECT_FALSE(body.parse(*rendered)) << *rendered;
    EXPECT_EQ(body.root()["stream"].boolean_or(false), document.root()["stream"].boolean_or(false));
    if (target.name == kAnthropicMessages.name) return;  // its messages have another shape
    const bool added =
        body.root()["messages"][0]["content"].string_or("").starts_with("Answer with one JSON");
    if (added) return;
    const std::string sent = said_in(body.root()["messages"]);
    const std::string given = said_in(document.root()["messages"]);
    if (target.name == kMistralChat.name) {
      EXPECT_EQ(lines_of(sent), lines_of(given));
    } else {
      EXPECT_EQ(sent, given);
    }
  });
  return refused;
}

TEST(ChatDoorCorpus, RequestsCrossToEveryOtherProvider) {
  if (!std::filesystem::exists(recordings())) GTEST_SKIP() << "no recordings";
  using Refused = std::map<std::string, int>;
  // What the other provider has no words for, and nothing else.
  const std::string custom =
      "tools[0].type: Tools of the type 'custom' are something that only OpenAI itself has; ";
  const std::string instead = " takes function tools. Leave it out, or name a model of OpenAI's.";
  EXPECT_EQ(crossed("openai", kOpenAiChatDoor, kAnthropicMessages),
            (Refused{{"messages: Anthropic needs at least one user message with content.", 2},
                     {"messages[0].content[1]: Anthropic takes no audio.", 1},
                     {custom + "Anthropic" + instead, 1}}));
  EXPECT_EQ(crossed("openai", kOpenAiChatDoor, kMistralChat),
            (Refused{{"messages: Mistral needs at least one user message with content.", 1},
                     {custom + "Mistral" + instead, 1}}));
  EXPECT_EQ(crossed("openai", kOpenAiChatDoor, kOpenAiChat), Refused{});
  EXPECT_EQ(crossed("mistral", kMistralChatDoor, kAnthropicMessages), Refused{});
  EXPECT_EQ(crossed("mistral", kMistralChatDoor, kOpenAiChat),
            (Refused{{"messages[4].content[0]: OpenAI's chat API takes documents as data, not by URL.", 1},
                     {"messages[4].content[1]: OpenAI's chat API takes documents as data, not by URL.", 1}}));
  EXPECT_EQ(crossed("mistral", kMistralChatDoor, kMistralChat), Refused{});
}

// --- streams ---

// The whole answer that the deltas of a stream add up to.
void add(chat::Reply& reply, const chat::Delta& delta, bool& thought_is_open) {
  const auto thought = [&]() -> chat::Thinking& {
    if (!std::exchange(thought_is_open, true)) reply.thinking.emplace_back();
    return reply.thinking.back();
  };
  switch (delta.kind) {
    case chat::Delta::Kind::thinking:
      if (!reply.thinking.empty() && !reply.thinking.back().signature.empty()) thought_is_open = false;
      thought().text += delta.text;
      return;
    case chat::Delta::Kind::thinking_signature:
      if (delta.redacted) {
        thought_is_open = false;
        reply.thinking.push_back({.text = {}, .signature = {}, .redacted_data = std::string(delta.text)});
      } else {
        thought().signature += delta.text;
      }
      return;
    case chat::Delta::Kind::text:
      reply.text += delta.text;
      break;
    case chat::Delta::Kind::refusal:
      reply.refusal += delta.text;
      break;
    case chat::Delta::Kind::tool_call_begin:
      reply.tool_calls.push_back(
          {.id = std::string(delta.tool_id), .name = std::string(delta.tool_name), .arguments = {}});
      break;
    case chat::Delta::Kind::tool_call_arguments:
      reply.tool_calls.at(delta.tool_index).arguments += delta.text;
      break;
    default:
      return;
  }
  thought_is_open = false;
}

int run_streams(const std::string& provider, std::string_view endpoint, const Dialect& dialect) {
  int count = 0;
  each_exchange(provider, endpoint, [&](const json::Value& exchange, const std::string&) {
    const std::string_view sse = exchange["response"]["sse_raw"].string_or("");
    if (sse.empty() || exchange["response"]["status"].integer_or(200) >= 400) return;
    const auto reader = dialect.make_stream_reader();
    const AnswerContext context{.model = "m", .id = {}, .created = 1, .stream_usage = true};
    const auto openai = kOpenAiChatDoor.make_stream_writer(context);
    const auto mistral = kMistralChatDoor.make_stream_writer(context);
    std::string openai_text;
    std::string mistral_text;
    chat::Reply reply;
    bool thought_is_open = false;
    http::SseReader events;
    bool failed = false;
    EXPECT_TRUE(events.feed(sse, [&](const http::SseReader::Event& event) {
      const auto told = reader->event(event.type, event.data, [&](const chat::Delta& delta) {
        openai->delta(openai_text, delta);
        mistral->delta(mistral_text, delta);
        add(reply, delta, thought_is_open);
      });
      failed = failed || !told;
      return told.has_value();
    }) || failed);
    if (failed || !reader->complete()) return;
    ++count;
    reply.id = reader->id();
    reply.finish_reason = reader->finish_reason();
    reply.usage = reader->usage();
    const StreamEnd end{
        .finish_reason = chat::effective_finish_reason(reader->finish_reason(), reader->has_tool_calls()),
        .stop_sequence = {},
        .usage = reader->usage()};
    openai->end(openai_text, end);
    mistral->end(mistral_text, end);

    // A call without arguments that was cut: "" in a stream, {} in a whole answer.
    fixture::Folded streamed = fixture::OpenAiStreamCheck(openai_text, true).folded;
    for (auto& call : streamed.calls) {
      if (call[2].empty()) call[2] = "{}";
    }
    EXPECT_EQ(streamed, fixture::folded_reply(kOpenAiChatDoor.render_reply(reply, context), false));
    fixture::Folded whole = fixture::folded_reply(kMistralChatDoor.render_reply(reply, context), true);
    if (!reply.usage) whole.usage.clear();  // zeros, which a whole answer of Mistral's must have
    EXPECT_EQ(fixture::MistralStreamCheck(mistral_text).folded, whole);
  });
  return count;
}

TEST(ChatDoorCorpus, StreamsFoldToTheWholeAnswer) {
  if (!std::filesystem::exists(recordings())) GTEST_SKIP() << "no recordings";
  EXPECT_EQ(run_streams("openai", "chat.completions", kOpenAiChat), 241);
  EXPECT_EQ(run_streams("mistral", "chat.completions", kMistralChat), 64);
  EXPECT_EQ(run_streams("anthropic", "messages", kAnthropicMessages), 271);
}

}  // namespace
}  // namespace ai_proxy::dialects
