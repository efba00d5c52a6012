// OpenAI's messages: instructions in the role the model knows, one tool message per result, and pictures from
// tools handed on by the user, because a tool message holds text only. Source: OpenAI API reference, chat
// completions (November 2026).
#include "dialects/openai_chat/messages.h"

#include <deque>
#include <utility>
#include <variant>

namespace ai_proxy::dialects::openai_chat {
namespace {

using chat_completions::message_path;
using chat_completions::Parts;
using chat_completions::Pen;

Result<void> write_document(Pen& pen, const chat::DocumentPart& document, const std::string& path) {
  if (!document.url.empty()) {
    return std::unexpected(bad_request(pen.named("'s chat API takes documents as data, not by URL."), path));
  }
  if (document.file_id.empty() && document.base64.empty()) {
    return std::unexpected(bad_request("A document needs data, a file id or text.", path));
  }
  pen.out.begin_object().member("type", "file").key("file").begin_object();
  if (!document.file_id.empty()) {
    pen.out.member("file_id", document.file_id);
  } else {
    // OpenAI demands a name beside the data.
    pen.out.member("filename", document.name.empty() ? std::string_view("document.pdf") : document.name);
    pen.out.member("file_data", chat_completions::data_uri(document.media_type, document.base64));
  }
  pen.out.end_object().end_object();
  return {};
}

bool is_media(const chat::Part& part) {
  if (const auto* document = std::get_if<chat::DocumentPart>(&part.kind)) return document->text.empty();
  return std::holds_alternative<chat::ImagePart>(part.kind) ||
         std::holds_alternative<chat::AudioPart>(part.kind);
}

constexpr std::size_t kCallIdLengthMax = 40;

class Messages {
 public:
  explicit Messages(Pen& pen) : pen_(&pen) {}

  Result<void> write() {
    pen_->out.key("messages").begin_array();
    if (auto instruction = chat_completions::schema_instruction(*pen_)) write_instruction(*instruction);
    for (std::size_t i = 0; i < pen_->request.messages.size(); ++i) {
      if (auto written = write_message(pen_->request.messages[i], i); !written) return written;
    }
    if (auto written = flush_carried(pen_->request.messages.size()); !written) return written;
    pen_->out.end_array();
    return {};
  }

 private:
  std::string_view instruction_role() const {
    switch (pen_->traits.system_role) {
      case chat::SystemRole::developer:
        return "developer";
      case chat::SystemRole::user:
        return "user";
      case chat::SystemRole::system:
        break;
    }
    return "system";
  }

  void write_instruction(std::string_view text) {
    pen_->out.begin_object().member("role", instruction_role()).member("content", text).end_object();
  }

  Result<void> write_message(const chat::Message& message, std::size_t index) {
    switch (message.role) {
      case chat::Role::system:
      case chat::Role::developer:
        return write_system(message, index);
      case chat::Role::assistant:
        return write_assistant(message, index);
      case chat::Role::user:
      case chat::Role::tool:
        break;
    }
    return write_user_or_tool(message, index);
  }

  Result<void> write_system(const chat::Message& message, std::size_t index) {
    const Parts parts = sendable(message.parts, index);
    for (const chat::Part* part : parts) {
      if (std::holds_alternative<chat::TextPart>(part->kind)) continue;
      return std::unexpected(
          bad_request("A system message holds text only.", message_path(index, ".content")));
    }
    if (pen_->traits.system_role == chat::SystemRole::user) {
      pen_->adapted("messages[].role",
                    "this model takes no system messages; the text went into the next user message.");
      carried_.insert(carried_.end(), parts.begin(), parts.end());
      return {};
    }
    if (auto flushed = flush_carried(index); !flushed) return flushed;
    return write_plain(instruction_role(), message.name, parts, index);
  }

  Result<void> write_user_or_tool(const chat::Message& message, std::size_t index) {
    Parts rest;
    bool has_results = false;
    for (const chat::Part* part : sendable(message.parts, index)) {
      if (const auto* result = std::get_if<chat::ToolResultPart>(&part->kind)) {
        has_results = true;
        if (auto written = write_tool_result(*result, index); !written) return written;
      } else {
        rest.push_back(part);
      }
    }
    if (message.role == chat::Role::tool && !has_results) {
      return std::unexpected(
          bad_request("A tool message needs a tool_call_id.", message_path(index, ".tool_call_id")));
    }
    // More results may follow; they must come before what is carried along.
    if (has_results && rest.empty()) return {};
    Parts parts = std::exchange(carried_, {});
    parts.insert(parts.end(), rest.begin(), rest.end());
    return write_plain("user", message.name, parts, index);
  }

  Result<void> write_tool_result(const chat::ToolResultPart& result, std::size_t index) {
    const std::string path = message_path(index);
    if (result.is_error)
      pen_->left_out(path + ".is_error", pen_->named(" has no such mark; only its text was sent"));
    Parts texts;
    for (const chat::Part* part : sendable(result.content, index)) {
      if (!is_media(*part)) {
        texts.push_back(part);
        continue;
      }
      pen_->adapted(
          path + ".content",
          pen_->named("'s tool messages hold text only; the rest went into a user message after it."));
      carried_.push_back(part);
    }
    pen_->out.begin_object()
        .member("role", "tool")
        .member("tool_call_id", ids_.of(result.tool_call_id))
        .key("content");
    if (auto written = chat_completions::write_content(*pen_, texts, path, write_document); !written)
      return written;
    pen_->out.end_object();
    return {};
  }

  Result<void> write_assistant(const chat::Message& message, std::size_t index) {
    if (auto flushed = flush_carried(index); !flushed) return flushed;
    if (message.prefix)
      pen_->left_out(message_path(index, ".prefix"),
                     pen_->named(" cannot be made to go on from a given text"));
    bool has_calls = false;
    bool has_refusal = false;
    Parts parts;
    for (const chat::Part* part : sendable(message.parts, index)) {
      if (std::holds_alternative<chat::ToolCallPart>(part->kind)) {
        has_calls = true;
      } else if (std::holds_alternative<chat::ThinkingPart>(part->kind)) {
        pen_->left_out("thinking", pen_->named("'s chat API takes no earlier thinking back"));
      } else {
        has_refusal = has_refusal || std::holds_alternative<chat::RefusalPart>(part->kind);
        parts.push_back(part);
      }
    }
    pen_->out.begin_object().member("role", "assistant").key("content");
    if (parts.empty() && has_calls) {
      pen_->out.null();
    } else if (has_refusal) {
      write_with_refusal(parts);
    } else if (auto written =
                   chat_completions::write_content(*pen_, parts, message_path(index), write_document);
               !written) {
      return written;
    }
    if (!message.name.empty()) pen_->out.member("name", message.name);
    const auto id_of = [this](std::string_view id) { return ids_.of(id); };
    if (auto written = chat_completions::write_tool_calls(*pen_, message, index, id_of); !written)
      return written;
    pen_->out.end_object();
    return {};
  }

  void write_with_refusal(const Parts& parts) {
    pen_->out.begin_array();
    for (const chat::Part* part : parts) {
      if (const auto* text = std::get_if<chat::TextPart>(&part->kind)) {
        chat_completions::write_text_part(*pen_, text->text);
      } else if (const auto* refusal = std::get_if<chat::RefusalPart>(&part->kind)) {
        pen_->out.begin_object().member("type", "refusal").member("refusal", refusal->text).end_object();
      } else {
        pen_->left_out("messages[].content", pen_->named(" takes only text beside a refusal"));
      }
    }
    pen_->out.end_array();
  }

  Result<void> write_plain(std::string_view role, std::string_view name, const Parts& parts,
                           std::size_t index) {
    pen_->out.begin_object().member("role", role).key("content");
    if (auto written = chat_completions::write_content(*pen_, parts, message_path(index), write_document);
        !written) {
      return written;
    }
    if (!name.empty()) pen_->out.member("name", name);
    pen_->out.end_object();
    return {};
  }

  // What waits for a user message and finds none becomes one.
  Result<void> flush_carried(std::size_t index) {
    if (carried_.empty()) return {};
    return write_plain("user", {}, std::exchange(carried_, {}), index);
  }

  Parts sendable(const std::vector<chat::Part>& parts, std::size_t index) {
    return chat_completions::sendable_parts(*pen_, parts, message_path(index, ".content"));
  }

  Pen* pen_;
  chat_completions::CallIds ids_{kCallIdLengthMax};
  Parts carried_;  // instructions or media on their way into the next user message
};

}  // namespace

Result<void> write_messages(Pen& pen) {
  return Messages(pen).write();
}

}  // namespace ai_proxy::dialects::openai_chat
