// For tests: what a caller has in hand at the end, whether it read a stream or a whole answer. The stream
// checks are written against the SDKs' expectations, not against our writers.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "dialects/chat_completions/door_fixture.h"

namespace ai_proxy::dialects::chat_completions::fixture {

struct Folded {
  std::string content;  // raw null is "(null)"
  std::string refusal, thinking, blocks, finish, usage;
  std::vector<std::array<std::string, 3>> calls;  // id, name, arguments

  bool operator==(const Folded&) const = default;
};

inline void PrintTo(const Folded& folded, std::ostream* out) {
  *out << "\n content: " << folded.content << "\n refusal: " << folded.refusal
       << "\n thinking: " << folded.thinking << "\n blocks: " << folded.blocks
       << "\n finish: " << folded.finish << "\n usage: " << folded.usage;
  for (const auto& call : folded.calls) *out << "\n call: " << call[0] << " " << call[1] << " " << call[2];
}

// Mistral's thinking chunks: text and signature, wherever a stream cut them.
inline void fold_chunks(Folded& folded, const json::Value& content) {
  for (const json::Value chunk : content) {
    if (chunk["type"].string() == "text") {
      if (folded.content == "(null)") folded.content.clear();
      folded.content += chunk["text"].string_or("?");
      continue;
    }
    EXPECT_EQ(chunk["type"].string(), "thinking");
    for (const json::Value piece : chunk["thinking"]) folded.thinking += piece["text"].string_or("?");
    folded.blocks += chunk["signature"].string_or("");
    if (chunk["closed"].boolean() == true) folded.blocks += "|";
  }
}

inline Folded folded_reply(std::string_view text, bool mistral) {
  json::Document document;
  EXPECT_FALSE(document.parse(text)) << text;
  const json::Value body = document.root();
  EXPECT_EQ(body["object"].string(), "chat.completion");
  EXPECT_EQ(body["choices"].size(), 1u);
  const json::Value choice = body["choices"][0];
  EXPECT_EQ(choice["index"].integer(), 0);
  const json::Value message = choice["message"];
  EXPECT_EQ(message["role"].string(), "assistant");
  Folded folded;
  const json::Value content = message["content"];
  folded.content = content.is_null() ? "(null)" : std::string(content.string_or(""));
  fold_chunks(folded, content);
  folded.refusal = message["refusal"].string_or("");
  folded.thinking += message["reasoning_content"].string_or("");
  for (const json::Value block : message["thinking_blocks"]) folded.blocks.append(block.raw()).append("|");
  std::int64_t index = 0;
  for (const json::Value call : message["tool_calls"]) {
    EXPECT_EQ(call["type"].string(), "function");
    if (mistral) EXPECT_EQ(call["index"].integer(), index++);
    folded.calls.push_back({std::string(call["id"].string_or("?")),
                            std::string(call["function"]["name"].string_or("?")),
                            std::string(call["function"]["arguments"].string_or("?"))});
  }
  folded.finish = choice["finish_reason"].string_or("?");
  folded.usage = body["usage"].raw();
  if (mistral) {
    EXPECT_TRUE(message["tool_calls"].present());
    EXPECT_FALSE(content.is_null());
  } else {
    EXPECT_TRUE(choice["logprobs"].is_null());
    EXPECT_TRUE(message["refusal"].present());
    EXPECT_TRUE(message["annotations"].is_array());
  }
  return folded;
}

// The order and shape of OpenAI's chunks; folds them as its SDKs do.
class OpenAiStreamCheck {
 public:
  explicit OpenAiStreamCheck(std::string_view stream, bool usage_asked) : usage_asked_(usage_asked) {
    std::vector<std::string> events = events_of(stream);
    if (events.empty() || events.back() != "[DONE]") {
      ADD_FAILURE() << "no [DONE]: " << stream;
      return;
    }
    events.pop_back();
    for (const std::string& event : events) chunk(event);
    EXPECT_FALSE(folded.finish.empty()) << "no finish_reason: " << stream;
  }

  Folded folded;

 private:
  void chunk(const std::string& text) {
    EXPECT_TRUE(folded.usage.empty()) << "after the usage: " << text;
    json::Document document;
    ASSERT_FALSE(document.parse(text)) << text;
    const json::Value body = document.root();
    EXPECT_EQ(body["object"].string(), "chat.completion.chunk");
    EXPECT_TRUE(body["id"].string_or("").starts_with("chatcmpl-")) << text;
    std::string head;
    for (const std::string_view name : {"id", "created", "model"}) head.append(body[name].raw()).append(" ");
    if (head_.empty()) head_ = head;
    EXPECT_EQ(head, head_);
    ASSERT_TRUE(body["choices"].is_array());
    if (body["choices"].empty()) {
      EXPECT_TRUE(usage_asked_) << "unasked usage: " << text;
      EXPECT_FALSE(folded.finish.empty()) << "usage before the end: " << text;
      EXPECT_TRUE(body["usage"].is_object());
      folded.usage = body["usage"].raw();
      return;
    }
    EXPECT_EQ(body["usage"].present(), usage_asked_);
    EXPECT_FALSE(body["usage"].has_value());
    choice(body["choices"][0], text);
  }

  void choice(const json::Value& choice, const std::string& text) {
    EXPECT_TRUE(folded.finish.empty()) << "a choice after the last: " << text;
    EXPECT_EQ(choice["index"].integer(), 0);
    const json::Value delta = choice["delta"];
    ASSERT_TRUE(delta.is_object()) << text;
    EXPECT_EQ(delta["role"].present(), first_) << text;
    if (first_) {
      EXPECT_EQ(delta["role"].string(), "assistant");
      EXPECT_TRUE(delta["content"].present());
      folded.content = "(null)";
      first_ = false;
    }
    if (const auto content = delta["content"].string()) {
      if (folded.content == "(null)") folded.content.clear();
      folded.content += *content;
    }
    folded.refusal += delta["refusal"].string_or("");
    folded.thinking += delta["reasoning_content"].string_or("");
    for (const json::Value block : delta["thinking_blocks"]) folded.blocks.append(block.raw()).append("|");
    for (const json::Value call : delta["tool_calls"]) fragment(call, text);
    if (!choice["finish_reason"].is_null()) {
      folded.finish = choice["finish_reason"].string_or("?");
      EXPECT_EQ(delta.size(), 0u) << text;
    }
  }

  void fragment(const json::Value& call, const std::string& text) {
    const auto index = static_cast<std::size_t>(call["index"].integer_or(-1));
    ASSERT_LE(index, folded.calls.size()) << text;
    const json::Value function = call["function"];
    if (index == folded.calls.size()) {
      EXPECT_EQ(call["type"].string(), "function") << text;
      EXPECT_TRUE(function["arguments"].is_string()) << text;
      folded.calls.push_back(
          {std::string(call["id"].string_or("?")), std::string(function["name"].string_or("?")), ""});
    } else {
      EXPECT_EQ(call.size(), 2u) << text;
      EXPECT_EQ(function.size(), 1u) << text;
    }
    folded.calls[index][2] += function["arguments"].string_or("?");
  }

  bool usage_asked_;
  bool first_ = true;
  std::string head_;
};

// The order and shape of Mistral's chunks.
class MistralStreamCheck {
 public:
  explicit MistralStreamCheck(std::string_view stream) {
    std::vector<std::string> events = events_of(stream);
    if (events.empty() || events.back() != "[DONE]") {
      ADD_FAILURE() << "no [DONE]: " << stream;
      return;
    }
    events.pop_back();
    for (std::size_t i = 0; i < events.size(); ++i) chunk(events[i], i == 0, i + 1 == events.size());
  }

  Folded folded;

 private:
  void chunk(const std::string& text, bool first, bool last) {
    json::Document document;
    ASSERT_FALSE(document.parse(text)) << text;
    const json::Value body = document.root();
    EXPECT_EQ(body["object"].string(), "chat.completion.chunk");
    EXPECT_EQ(body["id"].string_or("").size(), 32u);
    ASSERT_EQ(body["choices"].size(), 1u) << text;
    const json::Value choice = body["choices"][0];
    const json::Value delta = choice["delta"];
    EXPECT_EQ(delta["role"].string() == "assistant", first) << text;
    EXPECT_TRUE(delta["content"].has_value()) << text;
    folded.content += delta["content"].string_or("");
    fold_chunks(folded, delta["content"]);
    for (const json::Value call : delta["tool_calls"]) {
      EXPECT_EQ(call["index"].integer(), static_cast<std::int64_t>(folded.calls.size()));
      EXPECT_EQ(call["id"].string_or("").size(), 9u);
      folded.calls.push_back({std::string(call["id"].string_or("?")),
                              std::string(call["function"]["name"].string_or("?")),
                              std::string(call["function"]["arguments"].string_or("?"))});
    }
    EXPECT_EQ(choice["finish_reason"].has_value(), last) << text;
    if (!last) EXPECT_FALSE(body["usage"].present());
    folded.finish = choice["finish_reason"].string_or("");
    folded.usage = body["usage"].raw();
  }
};

}  // namespace ai_proxy::dialects::chat_completions::fixture
