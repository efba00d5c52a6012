// messages[].content[]: text, images, sounds, documents, thinking. Part of MessageReader (messages.h).
#include <string>
#include <utility>

#include "base/ascii.h"
#include "dialects/native/media.h"
#include "dialects/native/messages.h"
#include "dialects/native/schema.h"

namespace ai_proxy::dialects::native {
namespace {

constexpr std::string_view kBadBase64 = "Invalid base64 (standard alphabet, padded with =, no line breaks)";

bool only_from_assistant(std::string_view type) {
  return type == "thinking" || type == "redacted_thinking" || type == "refusal";
}

}  // namespace

void MessageReader::read_part(const json::Value& value, const Path& path, chat::Role role,
                              std::vector<chat::Part>& parts) {
  Fields<kPart> fields;
  if (!fields.read(value, path, checks_)) {
    // What is inside a sound member is still looked at below; a part without a type tells nothing.
    if (!fields.get<"type">().present()) return;
  }
  const std::string_view type = *fields.get<"type">().string();
  if (only_from_assistant(type) && role != chat::Role::assistant) {
    checks_.faults.add(path.member("type"),
                       std::string("Only an assistant message can have a ").append(type).append(" part"));
    return;
  }
  std::optional<chat::PartKind> kind;
  if (type == "text") {
    if (const auto text = fields.get<"text">().string()) kind = chat::TextPart{*text};
  } else if (type == "image_url") {
    if (const json::Value part = fields.get<"image_url">(); part.present())
      kind = image(part, path.member(type));
  } else if (type == "input_audio") {
    if (const json::Value part = fields.get<"input_audio">(); part.present())
      kind = audio(part, path.member(type));
  } else if (type == "file") {
    if (const json::Value part = fields.get<"file">(); part.present())
      kind = document(part, path.member(type));
  } else if (type == "refusal") {
    kind = chat::RefusalPart{fields.get<"refusal">().string_or({})};
  } else {
    kind = chat::ThinkingPart{.text = fields.get<"thinking">().string_or({}),
                              .signature = fields.get<"signature">().string_or({}),
                              .redacted_data = fields.get<"data">().string_or({})};
  }
  if (kind) parts.push_back({*std::move(kind), fields.get<"cache_control">().raw()});
}

std::optional<chat::PartKind> MessageReader::image(const json::Value& value, const Path& path) {
  Fields<kImageUrl> fields;
  if (!fields.read(value, path, checks_)) return std::nullopt;
  const std::string_view url = *fields.get<"url">().string();
  const Path url_path = path.member("url");
  chat::ImagePart image;
  image.detail = fields.get<"detail">().string_or({});
  if (!is_data_uri(url)) {
    if (!is_web_url(url)) {
      checks_.faults.add(url_path,
                         "Expected an https or http URL or a data: URI with an image in base64, received '" +
                             excerpt(url) + "'");
      return std::nullopt;
    }
    image.url = url;
    return image;
  }
  const auto data = split_data_uri(url);
  if (!data) {
    checks_.faults.add(url_path, "A data: URI must look like data:image/png;base64,…");
    return std::nullopt;
  }
  image.media_type = known_image_type(data->media_type);
  if (image.media_type.empty()) {
    checks_.faults.add(url_path, "Expected image/png, image/jpeg, image/webp or image/gif, received '" +
                                     excerpt(data->media_type) + "'");
    return std::nullopt;
  }
  if (!valid_base64(data->base64)) {
    checks_.faults.add(url_path, std::string(kBadBase64));
    return std::nullopt;
  }
  image.base64 = data->base64;
  return image;
}

std::optional<chat::PartKind> MessageReader::audio(const json::Value& value, const Path& path) {
  Fields<kInputAudio> fields;
  if (!fields.read(value, path, checks_)) return std::nullopt;
  const std::string_view data = *fields.get<"data">().string();
  if (!valid_base64(data)) {
    checks_.faults.add(path.member("data"), std::string(kBadBase64));
    return std::nullopt;
  }
  return chat::AudioPart{.format = *fields.get<"format">().string(), .base64 = data};
}

std::optional<chat::PartKind> MessageReader::document(const json::Value& value, const Path& path) {
  Fields<kFile> fields;
  if (!fields.read(value, path, checks_)) return std::nullopt;
  chat::DocumentPart document;
  document.file_id = fields.get<"file_id">().string_or({});
  document.name = fields.get<"filename">().string_or({});
  const auto text = fields.get<"file_data">().string();
  if (!text) {
    if (!document.file_id.empty()) return document;
    checks_.faults.add(path, "Expected file_data or file_id");
    return std::nullopt;
  }
  const Path data_path = path.member("file_data");
  const auto data = split_data_uri(*text);
  if (!data) {
    checks_.faults.add(data_path, "Expected a data: URI such as data:application/pdf;base64,…");
    return std::nullopt;
  }
  if (!valid_base64(data->base64)) {
    checks_.faults.add(data_path, std::string(kBadBase64));
    return std::nullopt;
  }
  const std::string lowered = ascii_lowered(data->media_type);
  document.media_type = lowered == data->media_type ? data->media_type : request_.keep(lowered);
  document.base64 = data->base64;
  return document;
}

}  // namespace ai_proxy::dialects::native
