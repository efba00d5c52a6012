// The parts of a message's content and of a tool's output (door_request.h). Media are judged, never opened or
// fetched.
#include <string>

#include "base/ascii.h"
#include "dialects/native/media.h"
#include "dialects/openai_responses/door_request.h"

namespace ai_proxy::dialects::openai_responses {
namespace {

using Kind = std::optional<chat::PartKind>;

constexpr std::string_view kBadBase64 =
    "Invalid base64: expected the standard alphabet, padded with =, without line breaks.";

Kind read_image(const json::Value& value, const Path& path, Reading& reading) {
  const Path url_path = path.member("image_url");
  if (!value["image_url"].has_value() && value["file_id"].has_value()) {
    reading.fault(path.member("file_id"),
                  "Only OpenAI can read an image that was uploaded to it; send image_url instead: an https "
                  "URL, or the image itself as a data: URI.");
    return std::nullopt;
  }
  const auto url = reading.needed_text(value["image_url"], url_path);
  if (!url) return std::nullopt;
  chat::ImagePart image;
  image.detail = reading.text(value["detail"], path.member("detail")).value_or(std::string_view{});
  if (!native::is_data_uri(*url)) {
    if (!native::is_web_url(*url))
      reading.fault(url_path, "Expected an https URL, or a data: URI such as data:image/png;base64,…");
    image.url = *url;
    return image;
  }
  const auto data = native::split_data_uri(*url);
  if (!data) {
    reading.fault(url_path, "A data: URI must look like data:image/png;base64,…");
    return std::nullopt;
  }
  image.media_type = native::known_image_type(data->media_type);
  image.base64 = data->base64;
  if (image.media_type.empty()) {
    reading.fault(url_path, "Expected image/png, image/jpeg, image/webp or image/gif, but got '" +
                                native::excerpt(data->media_type) + "'.");
  } else if (!native::valid_base64(data->base64)) {
    reading.fault(url_path, std::string(kBadBase64));
  }
  return image;
}

Kind read_file_data(std::string_view uri, const Path& path, Reading& reading, chat::DocumentPart document) {
  const auto data = native::split_data_uri(uri);
  if (!data) {
    reading.fault(path, "Expected a data: URI such as data:application/pdf;base64,…");
    return std::nullopt;
  }
  if (!native::valid_base64(data->base64)) reading.fault(path, std::string(kBadBase64));
  const std::string lowered = ascii_lowered(data->media_type);
  document.media_type = lowered == data->media_type ? data->media_type : reading.request().keep(lowered);
  document.base64 = data->base64;
  return document;
}

Kind read_file(const json::Value& value, const Path& path, Reading& reading) {
  chat::DocumentPart document;
  document.name = reading.text(value["filename"], path.member("filename")).value_or(std::string_view{});
  const Path data_path = path.member("file_data");
  if (const auto data = reading.text(value["file_data"], data_path))
    return read_file_data(*data, data_path, reading, document);
  const Path url_path = path.member("file_url");
  if (const auto url = reading.text(value["file_url"], url_path)) {
    if (!native::is_web_url(*url)) reading.fault(url_path, "Expected an https URL.");
    document.url = *url;
    return document;
  }
  if (const auto id = reading.text(value["file_id"], path.member("file_id"))) {
    document.file_id = *id;
    return document;
  }
  reading.fault(path, "A file needs file_data, file_url or file_id.");
  return std::nullopt;
}

Kind read_audio(const json::Value& value, const Path& path, Reading& reading) {
  const Path audio_path = path.member("input_audio");
  const json::Value audio = reading.needed_object(value["input_audio"], audio_path);
  if (!audio.present()) return std::nullopt;
  const Path data_path = audio_path.member("data");
  const auto data = reading.needed_text(audio["data"], data_path);
  const auto format = reading.needed_text(audio["format"], audio_path.member("format"));
  if (!data || !format) return std::nullopt;
  if (!native::valid_base64(*data)) reading.fault(data_path, std::string(kBadBase64));
  return chat::AudioPart{.format = *format, .base64 = *data};
}

Kind read_part(const json::Value& value, const Path& path, Reading& reading) {
  const Path type_path = path.member("type");
  const auto type = reading.needed_text(value["type"], type_path);
  if (!type) return std::nullopt;
  if (*type == "input_text" || *type == "output_text" || *type == "text" || *type == "summary_text") {
    const auto text = reading.needed_text(value["text"], path.member("text"));
    return text ? Kind(chat::TextPart{*text}) : std::nullopt;
  }
  if (*type == "input_image") return read_image(value, path, reading);
  if (*type == "input_file") return read_file(value, path, reading);
  if (*type == "input_audio") return read_audio(value, path, reading);
  if (*type == "refusal") {
    const auto text = reading.needed_text(value["refusal"], path.member("refusal"));
    return text ? Kind(chat::RefusalPart{*text}) : std::nullopt;
  }
  reading.wrong_word(*type, type_path,
                     {"input_text", "input_image", "input_file", "input_audio", "output_text", "refusal"});
  return std::nullopt;
}

}  // namespace

void read_content(const json::Value& content, const Path& path, Reading& reading,
                  std::vector<chat::Part>& parts) {
  if (const auto text = content.string()) {
    parts.push_back({chat::TextPart{*text}, {}});
    return;
  }
  if (!content.present()) return reading.missing(path);
  if (!content.is_array()) return reading.wrong_type(content, path, "a string or an array of parts");
  std::size_t index = 0;
  for (const json::Value value : content) {
    const Path part_path = path.element(index++);
    if (!value.is_object()) return reading.wrong_type(value, part_path, "an object");
    if (auto kind = read_part(value, part_path, reading)) parts.push_back({*std::move(kind), {}});
    if (reading.first_fault()) return;
  }
}

}  // namespace ai_proxy::dialects::openai_responses
