// For tests: a stream of the Responses API as its SDKs expect it, checked event by event; what a caller has
// in hand at its end; and the whole reply that deltas add up to. Written against the SDK's types, not against
// our writer.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"
#include "chat/reply.h"

namespace ai_proxy::dialects::openai_responses::fixture {

struct Folded {
  std::string text, refusal, thinking, sealed, annotations;
  std::vector<std::array<std::string, 3>> calls;  // call_id, name, arguments
  std::string rest;                               // every other member of the response

  bool operator==(const Folded&) const = default;
};

inline void PrintTo(const Folded& folded, std::ostream* out) {
  *out << "\n text: " << folded.text << "\n refusal: " << folded.refusal << "\n thinking: " << folded.thinking
       << "\n sealed: " << folded.sealed << "\n annotations: " << folded.annotations
       << "\n rest: " << folded.rest;
  for (const auto& call : folded.calls) *out << "\n call: " << call[0] << " " << call[1] << " " << call[2];
}

inline void expect_members(const json::Value& object, std::initializer_list<std::string_view> names) {
  for (const std::string_view name : names) {
    EXPECT_TRUE(object[name].present()) << name << " is missing in " << object.raw();
  }
}

inline void fold_item(Folded& folded, const json::Value& item) {
  const std::string_view type = item["type"].string_or("");
  expect_members(item, {"id", "type"});
  if (type == "reasoning") {
    ASSERT_TRUE(item["summary"].is_array()) << item.raw();
    for (const json::Value part : item["summary"]) {
      EXPECT_EQ(part["type"].string(), "summary_text");
      folded.thinking += part["text"].string_or("?");
    }
    if (item["encrypted_content"].is_string())
      folded.sealed.append(item["encrypted_content"].string_or("")).append("|");
  } else if (type == "message") {
    EXPECT_EQ(item["role"].string(), "assistant");
    expect_members(item, {"status"});
    EXPECT_GT(item["content"].size(), 0u) << item.raw();
    for (const json::Value part : item["content"]) {
      if (part["type"].string() == "output_text") {
        expect_members(part, {"annotations", "logprobs", "text"});
        folded.text += part["text"].string_or("?");
        for (const json::Value annotation : part["annotations"])
          folded.annotations.append(annotation.raw()).append("|");
      } else {
        EXPECT_EQ(part["type"].string(), "refusal") << item.raw();
        folded.refusal += part["refusal"].string_or("?");
      }
    }
  } else {
    EXPECT_EQ(type, "function_call") << item.raw();
    expect_members(item, {"status"});
    folded.calls.push_back({std::string(item["call_id"].string_or("?")),
                            std::string(item["name"].string_or("?")),
                            std::string(item["arguments"].string_or("?"))});
  }
}

// A Response as the SDK's type has it; `status`: which one.
inline Folded folded_response(const json::Value& response, std::string_view status) {
  Folded folded;
  EXPECT_EQ(response["object"].string(), "response");
  EXPECT_TRUE(response["id"].string_or("").starts_with("resp_")) << response.raw();
  EXPECT_EQ(response["status"].string(), status);
  expect_members(response, {"created_at",
                            "background",
                            "error",
                            "incomplete_details",
                            "instructions",
                            "max_output_tokens",
                            "metadata",
                            "model",
                            "output",
                            "parallel_tool_calls",
                            "previous_response_id",
                            "reasoning",
                            "service_tier",
                            "store",
                            "temperature",
                            "text",
                            "tool_choice",
                            "tools",
                            "top_p",
                            "truncation",
                            "usage",
                            "user"});
  EXPECT_EQ(response["store"].boolean(), false);
  EXPECT_EQ(response["incomplete_details"].is_object(), status == "incomplete");
  EXPECT_EQ(response["error"].is_object(), status == "failed");
  if (const json::Value usage = response["usage"]; usage.is_object()) {
    EXPECT_EQ(usage["total_tokens"].integer(),
              usage["input_tokens"].integer_or(0) + usage["output_tokens"].integer_or(0));
    expect_members(usage["input_tokens_details"], {"cached_tokens", "cache_write_tokens"});
    expect_members(usage["output_tokens_details"], {"reasoning_tokens"});
  }
  for (const json::Value member : response) {
    if (member.key() != "output")
      folded.rest.append(member.key()).append("=").append(member.raw()).append("\n");
  }
  EXPECT_TRUE(response["output"].is_array());
  for (const json::Value item : response["output"]) fold_item(folded, item);
  return folded;
}

inline Folded folded_reply(std::string_view text, std::string_view status) {
  json::Document document;
  EXPECT_FALSE(document.parse(text)) << text;
  return folded_response(document.root(), status);
}

struct Event {
  std::string type;
  std::string data;
};

inline std::vector<Event> events_of(std::string_view stream) {
  std::vector<Event> events;
  while (!stream.empty()) {
    const std::size_t end = stream.find("\n\n");
    if (end == std::string_view::npos) {
      ADD_FAILURE() << "unfinished event: " << stream;
      break;
    }
    const std::string_view event = stream.substr(0, end);
    const std::size_t line = event.find('\n');
    if (!event.starts_with("event: ") || line == std::string_view::npos ||
        !event.substr(line + 1).starts_with("data: ")) {
      ADD_FAILURE() << "no named event: " << event;
      break;
    }
    EXPECT_EQ(event.find('\n', line + 1), std::string_view::npos) << event;
    events.push_back({std::string(event.substr(7, line - 7)), std::string(event.substr(line + 7))});
    stream.remove_prefix(end + 2);
  }
  return events;
}

class StreamCheck {
 public:
  explicit StreamCheck(std::string_view stream) {
    for (const Event& event : events_of(stream)) {
      SCOPED_TRACE(event.data);
      json::Document document;
      if (document.parse(event.data)) {
        ADD_FAILURE() << "no JSON";
        return;
      }
      types.push_back(event.type);
      read(event.type, document.root());
    }
    EXPECT_FALSE(ended.empty()) << "no end: " << stream;
  }

  std::vector<std::string> types;
  std::string ended;  // completed, incomplete, failed
  std::string final_response;
  Folded folded;

 private:
  struct Item {
    std::string id, type, text, part_type, whole;
    std::size_t part_count = 0;
    bool text_done = false;
  };

  void read(const std::string& type, const json::Value& body) {
    EXPECT_EQ(body["type"].string(), type);
    EXPECT_EQ(body["sequence_number"].integer(), sequence_++);
    EXPECT_TRUE(ended.empty()) << "after the end";
    if (body["response"].is_object()) return response(type, body["response"]);
    ASSERT_GE(sequence_, 3) << "before response.in_progress";
    if (type == "error") {
      expect_members(body["error"], {"type", "code", "message", "param"});
      failed_ = true;
      return;
    }
    EXPECT_FALSE(failed_);
    const auto index = static_cast<std::size_t>(body["output_index"].integer_or(-1));
    if (type == "response.output_item.added") return added(index, body["item"]);
    ASSERT_LT(index, items_.size());
    Item& item = items_[index];
    EXPECT_TRUE(item.whole.empty()) << "the item is closed";
    if (type == "response.output_item.done") return done(item, body["item"]);
    EXPECT_EQ(body["item_id"].string(), item.id);
    if (item.type == "message") return message_event(type, item, body);
    if (item.type == "reasoning") return reasoning_event(type, item, body);
    if (type == "response.function_call_arguments.delta") {
      item.text += body["delta"].string_or("?");
      return;
    }
    EXPECT_EQ(type, "response.function_call_arguments.done");
    EXPECT_EQ(body["arguments"].string(), item.text);
    item.text_done = true;
  }

  void response(const std::string& type, const json::Value& value) {
    if (sequence_ <= 2) {
      EXPECT_EQ(type, sequence_ == 1 ? "response.created" : "response.in_progress");
      folded_response(value, "in_progress");
      EXPECT_TRUE(value["output"].empty());
      EXPECT_TRUE(value["usage"].is_null());
      return;
    }
    ended = type.substr(std::string_view("response.").size());
    EXPECT_TRUE(ended == "completed" || ended == "incomplete" || ended == "failed");
    EXPECT_EQ(ended == "failed", failed_);
    folded = folded_response(value, ended);
    final_response = value.raw();
    if (failed_) return;
    ASSERT_EQ(value["output"].size(), items_.size());
    for (std::size_t i = 0; i < items_.size(); ++i) EXPECT_EQ(value["output"][i].raw(), items_[i].whole);
  }

  void added(std::size_t index, const json::Value& value) {
    ASSERT_EQ(index, items_.size());
    Item& item = items_.emplace_back();
    item.id = value["id"].string_or("");
    item.type = value["type"].string_or("");
    const bool call = item.type == "function_call";
    EXPECT_TRUE(item.id.starts_with(call ? "fc_" : item.type == "message" ? "msg_" : "rs_"));
    if (item.type != "reasoning") EXPECT_EQ(value["status"].string(), "in_progress");
    if (call) EXPECT_EQ(value["arguments"].string(), "");
    if (item.type == "message") EXPECT_TRUE(value["content"].is_array() && value["content"].empty());
  }

  void done(Item& item, const json::Value& value) {
    EXPECT_EQ(value["id"].string(), item.id);
    item.whole = value.raw();
    if (item.type == "function_call") {
      EXPECT_TRUE(item.text_done);
      EXPECT_EQ(value["arguments"].string(), item.text);
    } else if (item.type == "message") {
      EXPECT_EQ(item.part_type, "") << "a part is open";
      EXPECT_EQ(value["content"].size(), item.part_count);
    } else {
      EXPECT_EQ(item.part_type, "") << "a part is open";
      EXPECT_EQ(value["summary"].size(), item.part_count);
      if (item.part_count > 0) EXPECT_EQ(value["summary"][0]["text"].string(), item.text);
    }
  }

  static std::string part_text(const json::Value& part) {
    return std::string(part["text"].string().value_or(part["refusal"].string_or("?")));
  }

  void message_event(const std::string& type, Item& item, const json::Value& body) {
    EXPECT_EQ(body["content_index"].integer(), static_cast<std::int64_t>(item.part_count));
    if (type == "response.content_part.added") {
      EXPECT_EQ(item.part_type, "");
      item.part_type = body["part"]["type"].string_or("");
      EXPECT_EQ(part_text(body["part"]), "");
      item.text.clear();
      item.text_done = false;
      return;
    }
    if (type == "response.content_part.done") {
      EXPECT_EQ(part_text(body["part"]), item.text);
      EXPECT_TRUE(item.text_done);
      item.part_type.clear();
      ++item.part_count;
      return;
    }
    if (type == "response.output_text.annotation.added") {
      expect_members(body["annotation"], {"type", "url", "title", "start_index", "end_index"});
      EXPECT_EQ(item.part_type, "output_text");
      return;
    }
    const std::string name = item.part_type == "refusal" ? "refusal" : "output_text";
    if (name == "output_text") EXPECT_TRUE(body["logprobs"].is_array());
    if (type == "response." + name + ".delta") {
      EXPECT_FALSE(item.text_done);
      item.text += body["delta"].string_or("?");
      return;
    }
    EXPECT_EQ(type, "response." + name + ".done");
    EXPECT_EQ(part_text(body), item.text);
    item.text_done = true;
  }

  void reasoning_event(const std::string& type, Item& item, const json::Value& body) {
    EXPECT_EQ(body["summary_index"].integer(), 0);
    if (type == "response.reasoning_summary_part.added") {
      EXPECT_EQ(item.part_type, "");
      item.part_type = body["part"]["type"].string_or("");
    } else if (type == "response.reasoning_summary_text.delta") {
      EXPECT_EQ(item.part_type, "summary_text");
      item.text += body["delta"].string_or("?");
    } else if (type == "response.reasoning_summary_text.done") {
      EXPECT_EQ(body["text"].string(), item.text);
    } else {
      EXPECT_EQ(type, "response.reasoning_summary_part.done");
      EXPECT_EQ(part_text(body["part"]), item.text);
      item.part_type.clear();
      ++item.part_count;
    }
  }

  std::int64_t sequence_ = 0;
  bool failed_ = false;
  std::vector<Item> items_;
};

// The whole reply that the deltas of a stream add up to.
class ReplyFold {
 public:
  chat::Reply reply;

  void add(const chat::Delta& delta) {
    using Kind = chat::Delta::Kind;
    switch (delta.kind) {
      case Kind::thinking:
        if (!reply.thinking.empty() && !reply.thinking.back().signature.empty()) thought_is_open_ = false;
        thought().text += delta.text;
        return;
      case Kind::thinking_signature:
        if (delta.redacted) {
          thought_is_open_ = false;
          reply.thinking.push_back({.text = {}, .signature = {}, .redacted_data = std::string(delta.text)});
        } else {
          thought().signature += delta.text;
        }
        return;
      case Kind::text:
        reply.text += delta.text;
        break;
      case Kind::refusal:
        reply.refusal += delta.text;
        break;
      case Kind::tool_call_begin:
        reply.tool_calls.push_back(
            {.id = std::string(delta.tool_id), .name = std::string(delta.tool_name), .arguments = {}});
        break;
      case Kind::tool_call_arguments:
        reply.tool_calls.at(delta.tool_index).arguments += delta.text;
        break;
      case Kind::opaque:
        reply.opaque_parts.emplace_back(delta.text);
        return;
      default:
        return;
    }
    thought_is_open_ = false;
  }

 private:
  chat::Thinking& thought() {
    if (!std::exchange(thought_is_open_, true)) reply.thinking.emplace_back();
    return reply.thinking.back();
  }
  bool thought_is_open_ = false;
};

}  // namespace ai_proxy::dialects::openai_responses::fixture
