// Messages become items: a turn of the model's is taken apart into its thoughts, texts and calls, in order.
// Source: OpenAI API reference, Responses (November 2026); recorded requests.
#include "dialects/openai_responses/request_input.h"

#include <utility>
#include <variant>

#include "base/ascii.h"
#include "dialects/openai_responses/sealed.h"

namespace ai_proxy::dialects::openai_responses {
namespace {

using chat_completions::message_path;
using chat_completions::Parts;
using chat_completions::Pen;

constexpr std::size_t kCallIdLengthMax = 64;

class Input {
 public:
  explicit Input(Pen& pen) : pen_(&pen) {}

  Result<void> write() {
    pen_->out.key("input").begin_array();
    if (auto instruction = chat_completions::schema_instruction(*pen_)) {
      pen_->out.begin_object().member("role", instruction_role()).member("content", *instruction);
      pen_->out.end_object();
    }
    for (std::size_t i = 0; i < pen_->request.messages.size(); ++i) {
      if (auto written = write_message(pen_->request.messages[i], i); !written) return written;
    }
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

  Result<void> write_message(const chat::Message& message, std::size_t index) {
    if (!message.name.empty())
      pen_->left_out(message_path(index, ".name"), "the Responses API knows no names of speakers");
    switch (message.role) {
      case chat::Role::system:
      case chat::Role::developer:
        return write_plain(instruction_role(), sendable(message.parts, index), index);
      case chat::Role::assistant:
        return write_assistant(message, index);
      case chat::Role::user:
      case chat::Role::tool:
        break;
    }
    return write_user_or_tool(message, index);
  }

  Result<void> write_user_or_tool(const chat::Message& message, std::size_t index) {
    Parts rest;
    bool has_results = false;
    for (const chat::Part* part : sendable(message.parts, index)) {
      const auto* result = std::get_if<chat::ToolResultPart>(&part->kind);
      if (result == nullptr) {
        rest.push_back(part);
        continue;
      }
      has_results = true;
      if (auto written = write_result(*result, index); !written) return written;
    }
    if (message.role == chat::Role::tool && !has_results) {
      return std::unexpected(
          bad_request("A tool message needs a tool_call_id.", message_path(index, ".tool_call_id")));
    }
    if (has_results && rest.empty()) return {};
    return write_plain("user", rest, index);
  }

  Result<void> write_result(const chat::ToolResultPart& result, std::size_t index) {
    if (result.is_error)
      pen_->left_out(message_path(index, ".is_error"), "OpenAI has no such mark; only its text was sent");
    const Parts parts = sendable(result.content, index);
    pen_->out.begin_object()
        .member("type", "function_call_output")
        .member("call_id", ids_.of(result.tool_call_id));
    pen_->out.key("output");
    if (auto written = write_content(parts, index); !written) return written;
    pen_->out.end_object();
    return {};
  }

  Result<void> write_plain(std::string_view role, const Parts& parts, std::size_t index) {
    pen_->out.begin_object().member("role", role).key("content");
    if (auto written = write_content(parts, index); !written) return written;
    pen_->out.end_object();
    return {};
  }

  // "" for nothing, a string for one text, else an array of parts.
  Result<void> write_content(const Parts& parts, std::size_t index) {
    if (parts.empty()) {
      pen_->out.string("");
      return {};
    }
    if (parts.size() == 1) {
      if (const auto* text = std::get_if<chat::TextPart>(&parts.front()->kind)) {
        pen_->out.string(text->text);
        return {};
      }
    }
    pen_->out.begin_array();
    for (std::size_t i = 0; i < parts.size(); ++i) {
      std::string path = message_path(index, ".content[");
      append_integer(path, i);
      if (auto written = write_part(*parts[i], path.append("]")); !written) return written;
    }
    pen_->out.end_array();
    return {};
  }

  void write_text(std::string_view type, std::string_view text) {
    pen_->out.begin_object().member("type", type).member("text", text).end_object();
  }

  Result<void> write_part(const chat::Part& part, const std::string& path) {
    if (const auto* text = std::get_if<chat::TextPart>(&part.kind)) {
      write_text("input_text", text->text);
    } else if (const auto* refusal = std::get_if<chat::RefusalPart>(&part.kind)) {
      write_text("input_text", refusal->text);
    } else if (const auto* image = std::get_if<chat::ImagePart>(&part.kind)) {
      return write_image(*image, path);
    } else if (const auto* document = std::get_if<chat::DocumentPart>(&part.kind)) {
      return write_document(*document, path);
    } else if (const auto* opaque = std::get_if<chat::OpaquePart>(&part.kind)) {
      pen_->out.raw(opaque->raw);
    } else if (std::holds_alternative<chat::AudioPart>(part.kind)) {
      return std::unexpected(bad_request("OpenAI's Responses API takes no audio.", path));
    } else {
      return std::unexpected(bad_request("This kind of content cannot stand here.", path));
    }
    return {};
  }

  Result<void> write_image(const chat::ImagePart& image, const std::string& path) {
    if (!pen_->traits.images) return std::unexpected(bad_request("This model takes no images.", path));
    if (image.url.empty() && image.base64.empty())
      return std::unexpected(bad_request("An image needs a URL or base64 data.", path));
    pen_->out.begin_object().member("type", "input_image");
    if (image.base64.empty()) {
      pen_->out.member("image_url", image.url);
    } else {
      pen_->out.member("image_url", chat_completions::data_uri(image.media_type, image.base64));
    }
    pen_->out.member("detail", image.detail.empty() ? std::string_view("auto") : image.detail);
    pen_->out.end_object();
    return {};
  }

  Result<void> write_document(const chat::DocumentPart& document, const std::string& path) {
    if (!document.text.empty()) {
      write_text("input_text", document.text);
      return {};
    }
    pen_->out.begin_object().member("type", "input_file");
    if (!document.file_id.empty()) {
      pen_->out.member("file_id", document.file_id);
    } else if (!document.url.empty()) {
      pen_->out.member("file_url", document.url);
    } else if (!document.base64.empty()) {
      // OpenAI demands a name beside the data.
      pen_->out.member("filename", document.name.empty() ? std::string_view("document.pdf") : document.name);
      pen_->out.member("file_data", chat_completions::data_uri(document.media_type, document.base64));
    } else {
      return std::unexpected(bad_request("A document needs data, a URL, a file id or text.", path));
    }
    pen_->out.end_object();
    return {};
  }

  // --- the model's own turns ---

  Result<void> write_assistant(const chat::Message& message, std::size_t index) {
    if (message.prefix)
      pen_->left_out(message_path(index, ".prefix"), "OpenAI cannot be made to go on from a given text");
    Parts said;
    std::size_t call_count = 0;
    for (const chat::Part* part : sendable(message.parts, index)) {
      if (std::holds_alternative<chat::TextPart>(part->kind) ||
          std::holds_alternative<chat::RefusalPart>(part->kind)) {
        said.push_back(part);
        continue;
      }
      write_said(std::exchange(said, {}));
      if (const auto* call = std::get_if<chat::ToolCallPart>(&part->kind)) {
        if (auto written = write_call(*call, index, call_count++); !written) return written;
      } else if (const auto* thinking = std::get_if<chat::ThinkingPart>(&part->kind)) {
        write_thinking(*thinking);
      } else if (const auto* opaque = std::get_if<chat::OpaquePart>(&part->kind)) {
        pen_->out.raw(opaque->raw);
      } else {
        pen_->left_out(message_path(index, ".content"), "OpenAI takes only text from the model back");
      }
    }
    write_said(said);
    return {};
  }

  void write_said(const Parts& parts) {
    if (parts.empty()) return;
    pen_->out.begin_object().member("role", "assistant").key("content");
    const auto* only = std::get_if<chat::TextPart>(&parts.front()->kind);
    if (parts.size() == 1 && only != nullptr) {
      pen_->out.string(only->text).end_object();
      return;
    }
    pen_->out.begin_array();
    for (const chat::Part* part : parts) {
      if (const auto* text = std::get_if<chat::TextPart>(&part->kind)) {
        write_text("output_text", text->text);
      } else if (const auto* refusal = std::get_if<chat::RefusalPart>(&part->kind)) {
        pen_->out.begin_object().member("type", "refusal").member("refusal", refusal->text).end_object();
      }
    }
    pen_->out.end_array().end_object();
  }

  Result<void> write_call(const chat::ToolCallPart& call, std::size_t index, std::size_t call_index) {
    const auto arguments = chat_completions::checked_arguments(call, index, call_index);
    if (!arguments) return std::unexpected(arguments.error());
    pen_->out.begin_object().member("type", "function_call").member("call_id", ids_.of(call.id));
    pen_->out.member("name", call.name).member("arguments", *arguments).end_object();
    return {};
  }

  // OpenAI refuses a request with a seal that is not its own, and a thought without one.
  void write_thinking(const chat::ThinkingPart& thinking) {
    const std::string_view sealed =
        thinking.redacted_data.empty() ? thinking.signature : thinking.redacted_data;
    if (!is_openai_sealed(sealed)) {
      return pen_->left_out("thinking", "OpenAI takes back only thoughts that it sealed itself");
    }
    pen_->out.begin_object().member("type", "reasoning").key("summary").begin_array();
    if (!thinking.text.empty()) write_text("summary_text", thinking.text);
    pen_->out.end_array().member("encrypted_content", sealed).end_object();
  }

  Parts sendable(const std::vector<chat::Part>& parts, std::size_t index) {
    return chat_completions::sendable_parts(*pen_, parts, message_path(index, ".content"));
  }

  Pen* pen_;
  chat_completions::CallIds ids_{kCallIdLengthMax};
};

}  // namespace

Result<void> write_input(Pen& pen) {
  return Input(pen).write();
}

}  // namespace ai_proxy::dialects::openai_responses
