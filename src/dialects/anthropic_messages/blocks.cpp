// See blocks.h. Block shapes: SDK types of @anthropic-ai/sdk 1.12.0, *BlockParam.
#include "dialects/anthropic_messages/blocks.h"

#include <algorithm>
#include <string>
#include <utility>
#include <variant>

#include "base/ascii.h"
#include "dialects/anthropic_messages/anthropic_messages.h"
#include "dialects/anthropic_messages/media.h"

namespace ai_proxy::dialects::anthropic_messages {
namespace {

using Failure = std::unexpected<Error>;

bool is_marked_raw(std::string_view raw) {
  return raw.find("\"cache_control\"") != std::string_view::npos;
}

struct MarkerCount {
  std::size_t ours = 0;
  std::size_t raw = 0;  // inside blocks that are spliced whole: they stay

  void add(const chat::Part& part) {
    if (says_something(part.cache_control) && can_be_marked(part)) ++ours;
    if (const auto* opaque = std::get_if<chat::OpaquePart>(&part.kind);
        opaque != nullptr && opaque->dialect == kName) {
      raw += is_marked_raw(opaque->raw) ? 1 : 0;
    }
    if (const auto* result = std::get_if<chat::ToolResultPart>(&part.kind)) {
      for (const chat::Part& inner : result->content) add(inner);
    }
  }
};

// Anthropic's ids match ^[a-zA-Z0-9_-]+$. Others are spelt in hex, the same for a call and its result.
std::string tool_id(std::string_view id) {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  std::string result;
  for (const char c : id) {
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-') {
      result.push_back(c);
    } else {
      const auto byte = static_cast<unsigned char>(c);
      result.append("_").append(1, kDigits[byte >> 4U]).append(1, kDigits[byte & 15U]);
    }
  }
  return result;
}

std::string_view trim_end(std::string_view text) {
  while (!text.empty() && ascii_trim(text.substr(text.size() - 1)).empty()) text.remove_suffix(1);
  return text;
}

class BlockWriter {
 public:
  BlockWriter(json::Writer& out, const Scope& scope, CacheMarkers& markers)
      : out_(out), scope_(scope), markers_(markers) {}

  Result<void> write(const Block& block) {
    const std::string path = path_of(block.message, block.index);
    if (const auto* text = std::get_if<chat::TextPart>(&block.part->kind)) {
      write_text(block, text->text);
      return {};
    }
    if (const auto* call = std::get_if<chat::ToolCallPart>(&block.part->kind))
      return write_call(block, *call);
    if (const auto* result = std::get_if<chat::ToolResultPart>(&block.part->kind))
      return write_result(block, *result);
    return write_content(*block.part, path);
  }

 private:
  void write_text(const Block& block, std::string_view text) {
    out_.begin_object().member("type", "text");
    if (block.late_system) {
      std::string marked = "<system>\n";
      out_.member("text", marked.append(text).append("\n</system>"));
    } else {
      out_.member("text", block.trim_end ? trim_end(text) : text);
    }
    end(*block.part);
  }

  // Parts that mean the same in a turn and inside a tool result.
  Result<void> write_content(const chat::Part& part, const std::string& path) {
    if (const auto* opaque = std::get_if<chat::OpaquePart>(&part.kind)) {
      out_.raw(opaque->raw);
      return {};
    }
    Result<void> written;
    out_.begin_object();
    if (const auto* text = std::get_if<chat::TextPart>(&part.kind)) {
      out_.member("type", "text").member("text", text->text);
    } else if (const auto* image = std::get_if<chat::ImagePart>(&part.kind)) {
      written = write_image(out_, scope_, *image, path);
    } else if (const auto* document = std::get_if<chat::DocumentPart>(&part.kind)) {
      written = write_document(out_, *document, path);
    } else if (const auto* thinking = std::get_if<chat::ThinkingPart>(&part.kind)) {
      write_thinking(*thinking);
    } else if (const auto* refusal = std::get_if<chat::RefusalPart>(&part.kind)) {
      out_.member("type", "text").member("text", refusal->text);
    } else if (std::holds_alternative<chat::AudioPart>(part.kind)) {
      written = Failure(bad_request("Anthropic takes no audio.", path));
    } else {
      written = Failure(bad_request("This kind of content cannot stand here.", path));
    }
    if (!written) return written;
    end(part);
    return {};
  }

  void write_thinking(const chat::ThinkingPart& thinking) {
    if (!thinking.redacted_data.empty()) {
      out_.member("type", "redacted_thinking").member("data", thinking.redacted_data);
    } else {
      out_.member("type", "thinking")
          .member("thinking", thinking.text)
          .member("signature", thinking.signature);
    }
  }

  Result<void> write_call(const Block& block, const chat::ToolCallPart& call) {
    const std::string path =
        path_of(block.message).append(".tool_calls[").append(std::to_string(block.call_index)).append("]");
    if (call.id.empty()) return Failure(bad_request("The tool call has no id.", path + ".id"));
    out_.begin_object()
        .member("type", "tool_use")
        .member("id", tool_id(call.id))
        .member("name", call.name)
        .key("input");
    const std::string_view arguments = ascii_trim(call.arguments);
    if (!says_something(arguments)) {
      out_.raw("{}");
    } else {
      json::Document document;
      if (document.parse(arguments, json::kProviderLimits) || !document.root().is_object()) {
        return Failure(bad_request("The tool call's arguments are no complete JSON object.",
                                   path + ".function.arguments"));
      }
      out_.raw(arguments);
    }
    end(*block.part);
    return {};
  }

  Result<void> write_result(const Block& block, const chat::ToolResultPart& result) {
    if (result.tool_call_id.empty()) {
      return Failure(
          bad_request("The tool result names no tool call.", path_of(block.message) + ".tool_call_id"));
    }
    out_.begin_object().member("type", "tool_result").member("tool_use_id", tool_id(result.tool_call_id));
    if (auto written = write_result_content(block, result.content); !written) return written;
    if (result.is_error) out_.member("is_error", true);
    end(*block.part);
    return {};
  }

  Result<void> write_result_content(const Block& block, const std::vector<chat::Part>& content) {
    if (content.size() == 1 && !says_something(content[0].cache_control)) {
      if (const auto* text = std::get_if<chat::TextPart>(&content[0].kind)) {
        out_.member("content", text->text);
        return {};
      }
    }
    out_.key("content").begin_array();
    for (std::size_t i = 0; i < content.size(); ++i) {
      const chat::Part& part = content[i];
      const auto* text = std::get_if<chat::TextPart>(&part.kind);
      if (text != nullptr && text->text.empty()) {
        markers_.take(part.cache_control);
        continue;
      }
      const std::string path = path_of(block.message, i);
      if (const auto* opaque = std::get_if<chat::OpaquePart>(&part.kind);
          opaque != nullptr && opaque->dialect != kName) {
        scope_.leave_out(path, "Anthropic does not know this kind of content");
        continue;
      }
      if (auto written = write_content(part, path); !written) return written;
    }
    out_.end_array();
    return {};
  }

  void end(const chat::Part& part) {
    if (can_be_marked(part)) markers_.write(out_, part.cache_control);
    out_.end_object();
  }

  json::Writer& out_;
  const Scope& scope_;
  CacheMarkers& markers_;
};

std::string_view word(Speaker speaker) {
  switch (speaker) {
    case Speaker::assistant:
      return "assistant";
    case Speaker::system:
      return "system";
    default:
      return "user";
  }
}

// One plain text is written as a string, as people write it.
const chat::TextPart* only_text(const Turn& turn) {
  if (!turn.results.empty() || turn.blocks.size() != 1) return nullptr;
  const Block& block = turn.blocks.front();
  if (block.late_system || block.trim_end || says_something(block.part->cache_control)) return nullptr;
  return std::get_if<chat::TextPart>(&block.part->kind);
}

}  // namespace

bool can_be_marked(const chat::Part& part) {
  return !std::holds_alternative<chat::ThinkingPart>(part.kind) &&
         !std::holds_alternative<chat::OpaquePart>(part.kind);
}

CacheMarkers::CacheMarkers(const Scope& scope, const Conversation& conversation) {
  MarkerCount count;
  for (const chat::Tool& tool : scope.request.tools) {
    if (tool.raw.empty()) {
      count.ours += says_something(tool.cache_control) ? 1 : 0;
    } else {
      count.raw += is_marked_raw(tool.raw) ? 1 : 0;
    }
  }
  for (const Block& block : conversation.system) count.add(*block.part);
  for (const Turn& turn : conversation.turns) {
    for (const Block& block : turn.results) count.add(*block.part);
    for (const Block& block : turn.blocks) count.add(*block.part);
  }
  if (says_something(scope.extra("cache_control"))) ++count.raw;  // it marks the last block
  const std::size_t room = kMax - std::min(kMax, count.raw);
  if (count.ours <= room) return;
  to_skip_ = count.ours - room;
  scope.adapt("cache_control", "Anthropic takes at most 4 markers; the earliest were left out");
}

bool CacheMarkers::take(std::string_view marker) {
  if (!says_something(marker)) return false;
  if (to_skip_ == 0) return true;
  --to_skip_;
  return false;
}

void CacheMarkers::write(json::Writer& out, std::string_view marker) {
  if (take(marker)) out.raw_member("cache_control", marker);
}

void write_system(json::Writer& out, const Conversation& conversation, std::string_view instruction,
                  CacheMarkers& markers) {
  if (conversation.system.empty() && instruction.empty()) return;
  const auto text_of = [](const Block& block) { return std::get<chat::TextPart>(block.part->kind).text; };
  out.key("system");
  if (std::ranges::any_of(conversation.system,
                          [](const Block& b) { return says_something(b.part->cache_control); })) {
    out.begin_array();
    for (const Block& block : conversation.system) {
      out.begin_object().member("type", "text").member("text", text_of(block));
      markers.write(out, block.part->cache_control);
      out.end_object();
    }
    if (!instruction.empty())
      out.begin_object().member("type", "text").member("text", instruction).end_object();
    out.end_array();
    return;
  }
  std::string joined;
  for (const Block& block : conversation.system)
    joined.append(joined.empty() ? "" : "\n\n").append(text_of(block));
  if (!instruction.empty()) joined.append(joined.empty() ? "" : "\n\n").append(instruction);
  out.string(joined);
  return;
}

Result<void> write_messages(json::Writer& out, const Scope& scope, const Conversation& conversation,
                            CacheMarkers& markers) {
  BlockWriter blocks(out, scope, markers);
  out.key("messages").begin_array();
  if (conversation.turns.front().speaker == Speaker::assistant) {
    scope.adapt("messages", "Anthropic wants a user message first; \"(start)\" was put in front");
    out.begin_object().member("role", "user").member("content", "(start)").end_object();
  }
  for (const Turn& turn : conversation.turns) {
    out.begin_object().member("role", word(turn.speaker)).key("content");
    if (const chat::TextPart* text = only_text(turn)) {
      out.string(text->text).end_object();
      continue;
    }
    out.begin_array();
    for (const auto* list : {&turn.results, &turn.blocks}) {
      for (const Block& block : *list) {
        if (auto written = blocks.write(block); !written) return written;
      }
    }
    out.end_array().end_object();
  }
  out.end_array();
  return {};
}

}  // namespace ai_proxy::dialects::anthropic_messages
