// Tests only: what Anthropic's SDK makes of a stream, with every rule of its framing checked on the way.
// Knows nothing of the code under test.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/json_writer.h"

namespace ai_proxy::dialects::anthropic_messages::for_tests {

// The same JSON without blanks between its tokens.
inline std::string without_blanks(std::string_view raw) {
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

// One answer, whole or folded, in a form that can be compared.
struct Shown {
  std::string id, model, stop, usage;  // stop: reason|sequence|details
  std::string text;
  std::vector<std::string> blocks;  // type|what it holds
  bool ended = false;
  std::string error;  // raw JSON of a stream's error event

  std::vector<std::string> of(std::string_view type) const {
    std::vector<std::string> found;
    for (const std::string& block : blocks) {
      if (block.starts_with(std::string(type) + "|")) found.push_back(block);
    }
    return found;
  }
};

inline std::string stop_text(const json::Value& holder) {
  return without_blanks(std::string(holder["stop_reason"].string_or("?"))
                            .append("|")
                            .append(holder["stop_sequence"].raw())
                            .append("|")
                            .append(holder["stop_details"].raw()));
}

inline std::string input_text(std::string_view raw) {
  json::Document document;
  if (raw.empty()) return "{}";
  if (!document.parse(raw, json::kProviderLimits) && document.root().is_object()) return without_blanks(raw);
  std::string wrapped;
  json::Writer(wrapped).begin_object().member("INVALID_JSON", raw).end_object();
  return without_blanks(wrapped);
}

inline Shown shown_of_reply(const std::string& text) {
  Shown shown;
  json::Document document;
  EXPECT_FALSE(document.parse(text, json::kProviderLimits)) << text;
  const json::Value root = document.root();
  EXPECT_EQ(root["type"].string_or(""), "message");
  EXPECT_EQ(root["role"].string_or(""), "assistant");
  EXPECT_TRUE(root["id"].string_or("").starts_with("msg_")) << text;
  shown.id = root["id"].string_or("");
  shown.model = root["model"].string_or("");
  shown.stop = stop_text(root);
  shown.usage = without_blanks(root["usage"].raw());
  for (const json::Value block : root["content"]) {
    const std::string type(block["type"].string_or("?"));
    std::string what;
    if (type == "text") {
      what = block["text"].string_or("");
      EXPECT_FALSE(what.empty()) << "an empty text block";
      shown.text += what;
      for (const json::Value citation : block["citations"]) what += "|" + without_blanks(citation.raw());
    } else if (type == "thinking") {
      what = std::string(block["thinking"].string_or("?")) + "|" +
             std::string(block["signature"].string_or("?"));
    } else if (type == "tool_use") {
      EXPECT_TRUE(block["input"].is_object()) << block.raw();
      what = std::string(block["id"].string_or("?")) + "|" + std::string(block["name"].string_or("?")) + "|" +
             without_blanks(block["input"].raw());
    } else {
      what = without_blanks(block.raw());
    }
    shown.blocks.push_back(type + "|" + what);
  }
  shown.ended = true;
  return shown;
}

// Reads events as they come out of a StreamWriter; each piece holds whole events.
class Validator {
 public:
  // Blocks may overlap only where a test expects it.
  bool one_block_at_a_time = true;

  void feed(std::string_view text) {
    while (!text.empty()) {
      const std::size_t end = text.find("\n\n");
      ASSERT_NE(end, std::string_view::npos) << "an unfinished event: " << text;
      event(text.substr(0, end));
      text.remove_prefix(end + 2);
    }
  }

  const Shown& shown() const { return shown_; }
  int messages_begun = 0, message_deltas = 0, message_stops = 0, most_open = 0;

 private:
  struct Block {
    std::string type, start, text, signature, json;
    std::string citations;
    std::string id, name;
    bool open = true;
  };

  void event(std::string_view text) {
    const std::size_t line_end = text.find('\n');
    ASSERT_NE(line_end, std::string_view::npos) << text;
    ASSERT_TRUE(text.starts_with("event: ")) << text;
    const std::string_view name = text.substr(7, line_end - 7);
    const std::string_view data_line = text.substr(line_end + 1);
    ASSERT_TRUE(data_line.starts_with("data: ")) << text;
    ASSERT_EQ(data_line.find_first_of("\r\n"), std::string_view::npos) << text;
    json::Document document;
    const std::string data(data_line.substr(6));
    ASSERT_FALSE(document.parse(data, json::kProviderLimits)) << data;
    const json::Value root = document.root();
    ASSERT_EQ(root["type"].string_or(""), name);
    ASSERT_FALSE(shown_.ended) << "after the end: " << data;
    ASSERT_TRUE(shown_.error.empty()) << "after an error: " << data;
    if (name == "error") {
      EXPECT_FALSE(root["error"]["type"].string_or("").empty());
      EXPECT_TRUE(root["error"]["message"].is_string());
      shown_.error = root["error"].raw();
      return;
    }
    if (name == "message_start") return message_start(root["message"]);
    ASSERT_EQ(messages_begun, 1) << "before message_start: " << data;
    if (name == "message_delta") return message_delta(root);
    if (name == "message_stop") return message_stop();
    ASSERT_EQ(message_deltas, 0) << "after message_delta: " << data;
    block_event(name, root);
  }

  void message_start(const json::Value& message) {
    EXPECT_EQ(++messages_begun, 1);
    EXPECT_EQ(message["type"].string_or(""), "message");
    EXPECT_EQ(message["role"].string_or(""), "assistant");
    EXPECT_TRUE(message["content"].is_array() && message["content"].empty());
    EXPECT_TRUE(message["stop_reason"].is_null() && message["stop_sequence"].is_null());
    EXPECT_TRUE(message["usage"]["input_tokens"].is_number() &&
                message["usage"]["output_tokens"].is_number());
    shown_.id = message["id"].string_or("");
    EXPECT_TRUE(shown_.id.starts_with("msg_"));
    shown_.model = message["model"].string_or("");
  }

  void block_event(std::string_view name, const json::Value& root) {
    const std::size_t index = static_cast<std::size_t>(root["index"].integer_or(-1));
    if (name == "content_block_start") {
      ASSERT_EQ(index, blocks_.size()) << "indices are contiguous from 0";
      const json::Value start = root["content_block"];
      Block& block = blocks_.emplace_back();
      block.type = start["type"].string_or("?");
      block.start = start.raw();
      block.id = start["id"].string_or("");
      block.name = start["name"].string_or("");
      if (block.type == "text") {
        EXPECT_EQ(start["text"].string_or("?"), "");
      }
      if (block.type == "tool_use") {
        EXPECT_TRUE(start["input"].is_object() && start["input"].empty());
        EXPECT_FALSE(block.id.empty() || block.name.empty());
      }
      most_open = std::max(most_open, ++open_);
      if (one_block_at_a_time) {
        EXPECT_EQ(open_, 1) << root.raw();
      }
      return;
    }
    ASSERT_LT(index, blocks_.size()) << root.raw();
    Block& block = blocks_[index];
    ASSERT_TRUE(block.open) << "a closed block: " << root.raw();
    if (name == "content_block_stop") {
      block.open = false;
      --open_;
      return;
    }
    ASSERT_EQ(name, "content_block_delta");
    block_delta(block, root["delta"]);
  }

  static void block_delta(Block& block, const json::Value& delta) {
    static const std::map<std::string_view, std::string_view> kAtHome{{"text_delta", "text"},
                                                                      {"citations_delta", "text"},
                                                                      {"thinking_delta", "thinking"},
                                                                      {"signature_delta", "thinking"},
                                                                      {"input_json_delta", "tool_use"}};
    const std::string_view type = delta["type"].string_or("?");
    ASSERT_TRUE(kAtHome.contains(type)) << type;
    EXPECT_EQ(kAtHome.at(type), block.type);
    block.text += delta["text"].string_or("");
    block.text += delta["thinking"].string_or("");
    block.json += delta["partial_json"].string_or("");
    if (type == "signature_delta") {
      EXPECT_TRUE(block.signature.empty()) << "one signature per block";
      block.signature = delta["signature"].string_or("");
    }
    if (type == "citations_delta") block.citations += "|" + without_blanks(delta["citation"].raw());
  }

  void message_delta(const json::Value& root) {
    EXPECT_EQ(++message_deltas, 1);
    EXPECT_EQ(open_, 0) << "a block was left open";
    EXPECT_TRUE(root["usage"]["output_tokens"].is_number());
    shown_.stop = stop_text(root["delta"]);
    shown_.usage = without_blanks(root["usage"].raw());
  }

  void message_stop() {
    EXPECT_EQ(++message_stops, 1);
    EXPECT_EQ(message_deltas, 1);
    shown_.ended = true;
    for (const Block& block : blocks_) {
      std::string what;
      if (block.type == "text") {
        what = block.text + block.citations;
        EXPECT_FALSE(block.text.empty()) << "an empty text block";
        shown_.text += block.text;
      } else if (block.type == "thinking") {
        what = block.text + "|" + block.signature;
      } else if (block.type == "tool_use") {
        what = block.id + "|" + block.name + "|" + input_text(block.json);
      } else {
        what = without_blanks(block.start);
      }
      shown_.blocks.push_back(block.type + "|" + what);
    }
  }

  Shown shown_;
  std::vector<Block> blocks_;
  int open_ = 0;
};

}  // namespace ai_proxy::dialects::anthropic_messages::for_tests
