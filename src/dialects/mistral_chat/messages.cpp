// Mistral's messages, in the order of order.h: no member it does not know (422 extra_forbidden), tool-call
// ids of nine characters, thinking as chunks, and a trailing assistant message marked as the prefix of the
// answer. Source: Mistral API specification (2026), recorded requests.
#include "dialects/mistral_chat/messages.h"

#include <variant>

#include "dialects/mistral_chat/order.h"
#include "dialects/mistral_chat/tool_call_ids.h"

namespace ai_proxy::dialects::mistral_chat {
namespace {

using chat_completions::message_path;
using chat_completions::Parts;
using chat_completions::Pen;

Result<void> write_document(Pen& pen, const chat::DocumentPart& document, const std::string& path) {
  if (!document.file_id.empty()) {
    pen.out.begin_object().member("type", "file").member("file_id", document.file_id).end_object();
    return {};
  }
  if (document.url.empty() && document.base64.empty()) {
    return std::unexpected(bad_request("A document needs data, a URL, a file id or text.", path));
  }
  pen.out.begin_object().member("type", "document_url");
  if (document.base64.empty()) {
    pen.out.member("document_url", document.url);
  } else {
    pen.out.member("document_url", chat_completions::data_uri(document.media_type, document.base64));
  }
  if (!document.name.empty()) pen.out.member("document_name", document.name);
  pen.out.end_object();
  return {};
}

void write_thinking(Pen& pen, const chat::ThinkingPart& thinking) {
  pen.out.begin_object().member("type", "thinking").key("thinking").begin_array();
  chat_completions::write_text_part(pen, thinking.text);
  pen.out.end_array();
  if (!thinking.signature.empty()) pen.out.member("signature", thinking.signature);
  pen.out.member("closed", true).end_object();
}

class Messages {
 public:
  explicit Messages(Pen& pen) : pen_(&pen), ids_(pen.request) {}

  Result<void> write() {
    const auto turns = arrange(*pen_);
    if (!turns) return std::unexpected(turns.error());
    pen_->out.key("messages").begin_array();
    if (auto instruction = chat_completions::schema_instruction(*pen_)) {
      pen_->out.begin_object().member("role", "system").member("content", *instruction).end_object();
    }
    for (std::size_t i = 0; i < turns->size(); ++i) {
      const bool last = i + 1 == turns->size();
      if (auto written = write_turn((*turns)[i], last); !written) return written;
    }
    pen_->out.end_array();
    return {};
  }

 private:
  Result<void> write_turn(const Turn& turn, bool last) {
    switch (turn.kind) {
      case Turn::Kind::system:
        return write_plain("system", turn);
      case Turn::Kind::user:
        return write_plain("user", turn);
      case Turn::Kind::assistant:
        return write_assistant(turn, last);
      case Turn::Kind::tool:
        return write_tool_result(turn);
      case Turn::Kind::acknowledgement:
        break;
    }
    pen_->out.begin_object().member("role", "assistant").member("content", "OK").end_object();
    return {};
  }

  Result<void> write_tool_result(const Turn& turn) {
    const chat::ToolResultPart& result = *turn.result;
    const std::string path = message_path(turn.message);
    if (result.is_error)
      pen_->left_out(path + ".is_error", "Mistral has no such mark; only its text was sent");
    const Parts parts = chat_completions::sendable_parts(*pen_, result.content, path + ".content");
    pen_->out.begin_object()
        .member("role", "tool")
        .member("tool_call_id", ids_.of(turn.call_id))
        .key("content");
    if (auto written = chat_completions::write_content(*pen_, parts, path, write_document); !written)
      return written;
    pen_->out.end_object();
    return {};
  }

  Result<void> write_assistant(const Turn& turn, bool last) {
    pen_->out.begin_object().member("role", "assistant").key("content");
    if (auto written = write_assistant_content(turn.parts, turn.message); !written) return written;
    const auto id_of = [this](std::string_view id) { return ids_.of(id); };
    const chat::Message& message = pen_->request.messages[turn.message];
    if (auto written = chat_completions::write_tool_calls(*pen_, message, turn.message, id_of); !written)
      return written;
    // The last message must be the user's or a tool's, unless it is marked.
    if (last && turn.call_count == 0) pen_->out.member("prefix", true);
    pen_->out.end_object();
    return {};
  }

  Result<void> write_assistant_content(const Parts& parts, std::size_t index) {
    bool special = false;
    for (const chat::Part* part : parts) {
      special = special || std::holds_alternative<chat::ThinkingPart>(part->kind) ||
                std::holds_alternative<chat::RefusalPart>(part->kind);
    }
    if (!special) return chat_completions::write_content(*pen_, parts, message_path(index), write_document);
    pen_->out.begin_array();
    for (const chat::Part* part : parts) {
      if (const auto* thinking = std::get_if<chat::ThinkingPart>(&part->kind)) {
        write_thinking(*pen_, *thinking);
      } else if (const auto* refusal = std::get_if<chat::RefusalPart>(&part->kind)) {
        pen_->adapted(message_path(index, ".refusal"), "Mistral knows no refusals; it was sent as text.");
        chat_completions::write_text_part(*pen_, refusal->text);
      } else if (const auto* text = std::get_if<chat::TextPart>(&part->kind)) {
        chat_completions::write_text_part(*pen_, text->text);
      } else if (const auto* opaque = std::get_if<chat::OpaquePart>(&part->kind)) {
        pen_->out.raw(opaque->raw);
      }
    }
    pen_->out.end_array();
    return {};
  }

  Result<void> write_plain(std::string_view role, const Turn& turn) {
    pen_->out.begin_object().member("role", role).key("content");
    if (auto written =
            chat_completions::write_content(*pen_, turn.parts, message_path(turn.message), write_document);
        !written) {
      return written;
    }
    pen_->out.end_object();
    return {};
  }

  Pen* pen_;
  ToolCallIds ids_;
};

}  // namespace

Result<void> write_messages(Pen& pen) {
  return Messages(pen).write();
}

}  // namespace ai_proxy::dialects::mistral_chat
