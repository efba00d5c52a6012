// The parts of a message's content.
#include <algorithm>
#include <variant>

#include "base/ascii.h"
#include "dialects/chat_completions/request_pen.h"

namespace ai_proxy::dialects::chat_completions {
namespace {

bool is_text(const chat::Part* part) {
  return std::holds_alternative<chat::TextPart>(part->kind);
}

Result<void> write_image(Pen& pen, const chat::ImagePart& image, const std::string& path) {
  if (!pen.traits.images) return std::unexpected(bad_request("This model takes no images.", path));
  if (image.url.empty() && image.base64.empty()) {
    return std::unexpected(bad_request("An image needs a URL or base64 data.", path));
  }
  pen.out.begin_object().member("type", "image_url").key("image_url").begin_object();
  if (image.base64.empty()) {
    pen.out.member("url", image.url);
  } else {
    pen.out.member("url", data_uri(image.media_type, image.base64));
  }
  if (!image.detail.empty()) pen.out.member("detail", image.detail);
  pen.out.end_object().end_object();
  return {};
}

void write_audio(Pen& pen, const chat::AudioPart& audio) {
  pen.out.begin_object().member("type", "input_audio").key("input_audio").begin_object();
  pen.out.member("data", audio.base64).member("format", audio.format).end_object().end_object();
}

Result<void> write_part(Pen& pen, const chat::Part& part, const std::string& path,
                        DocumentWriter write_document) {
  if (const auto* text = std::get_if<chat::TextPart>(&part.kind)) {
    write_text_part(pen, text->text);
  } else if (const auto* image = std::get_if<chat::ImagePart>(&part.kind)) {
    return write_image(pen, *image, path);
  } else if (const auto* document = std::get_if<chat::DocumentPart>(&part.kind)) {
    if (!document->text.empty()) {
      write_text_part(pen, document->text);
    } else {
      return write_document(pen, *document, path);
    }
  } else if (const auto* audio = std::get_if<chat::AudioPart>(&part.kind)) {
    write_audio(pen, *audio);
  } else if (const auto* opaque = std::get_if<chat::OpaquePart>(&part.kind)) {
    pen.out.raw(opaque->raw);
  }
  return {};
}

bool is_sendable(Pen& pen, const chat::Part& part, const std::string& path) {
  if (!part.cache_control.empty()) pen.left_out("cache_control", "this provider caches by itself");
  const auto* opaque = std::get_if<chat::OpaquePart>(&part.kind);
  if (opaque != nullptr && opaque->dialect != pen.dialect) {
    pen.left_out(path, pen.named(" has no such content part"));
    return false;
  }
  return true;
}

}  // namespace

std::string data_uri(std::string_view media_type, std::string_view base64) {
  std::string uri;
  uri.reserve(media_type.size() + base64.size() + 16);
  uri.append("data:").append(media_type == "image/jpg" ? "image/jpeg" : media_type);
  return uri.append(";base64,").append(base64);
}

void write_text_part(Pen& pen, std::string_view text) {
  pen.out.begin_object().member("type", "text").member("text", text).end_object();
}

Parts sendable_parts(Pen& pen, const std::vector<chat::Part>& parts, const std::string& path) {
  Parts sendable;
  for (const chat::Part& part : parts) {
    if (is_sendable(pen, part, path)) sendable.push_back(&part);
  }
  return sendable;
}

Result<void> write_content(Pen& pen, const Parts& parts, const std::string& path,
                           DocumentWriter write_document) {
  if (parts.empty()) {
    pen.out.string("");
    return {};
  }
  if (parts.size() == 1 && is_text(parts.front())) {
    pen.out.string(std::get<chat::TextPart>(parts.front()->kind).text);
    return {};
  }
  pen.out.begin_array();
  for (std::size_t i = 0; i < parts.size(); ++i) {
    std::string part_path = path + ".content[";
    append_integer(part_path, i);
    if (auto written = write_part(pen, *parts[i], part_path.append("]"), write_document); !written)
      return written;
  }
  pen.out.end_array();
  return {};
}

}  // namespace ai_proxy::dialects::chat_completions
