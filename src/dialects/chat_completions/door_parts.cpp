// messages[].content: text, pictures, sounds, documents, thinking (door_messages.h). Media are judged, never
// opened or fetched.
#include <string>

#include "base/ascii.h"
#include "dialects/chat_completions/door_messages.h"
#include "dialects/native/media.h"

namespace ai_proxy::dialects::chat_completions {
namespace {

constexpr std::string_view kBadBase64 =
    "Invalid base64: expected the standard alphabet, padded with =, without line breaks.";

// Mistral's audio has no format beside it: the first bytes tell.
std::string_view audio_format_of(std::string_view base64) {
  if (base64.starts_with("UklGR")) return "wav";                             // RIFF
  if (base64.starts_with("SUQz") || base64.starts_with("//")) return "mp3";  // ID3, or a frame
  return {};
}

bool is_closed(const json::Value& thinking) {
  return thinking["closed"].boolean_or(false) || !thinking["signature"].string_or("").empty();
}

}  // namespace

void DoorMessages::content(const json::Value& content, const Path& path, chat::Role role, Parts& parts) {
  if (const auto text = content.string()) {
    parts.push_back({chat::TextPart{*text}, {}});
    return;
  }
  if (!content.is_array()) return reading_.wrong_type(content, path, "a string or an array of parts");
  if (content.empty() && role == chat::Role::user) {
    return reading_.fault(path, "Invalid '" + path.text() + "': empty array. Expected at least one part.");
  }
  std::size_t index = 0;
  bool open = false;  // does the last part go on in the next one?
  std::string* joined = nullptr;
  for (const json::Value value : content) {
    const std::size_t before = parts.size();
    part(value, path.element(index++), role, parts);
    if (reading_.first_fault()) return;
    const bool is_thinking = value["type"].string_or("") == "thinking";
    if (!open) joined = nullptr;
    if (is_thinking && open && parts.size() > before && before > 0) join_thinking(parts, joined);
    open = is_thinking && !is_closed(value);
  }
}

// A caller that joined a stream's chunks in a list has one thought in many: the signature is for all of it.
// `joined`: its text so far, where it has been joined before.
void DoorMessages::join_thinking(Parts& parts, std::string*& joined) {
  auto* earlier = std::get_if<chat::ThinkingPart>(&parts[parts.size() - 2].kind);
  const auto* later = std::get_if<chat::ThinkingPart>(&parts.back().kind);
  if (earlier == nullptr || later == nullptr) return;
  if (!later->text.empty()) {
    if (joined == nullptr) joined = &reading_.request().keep_growing(earlier->text);
    earlier->text = joined->append(later->text);
  }
  earlier->signature = later->signature;
  parts.pop_back();
}

void DoorMessages::part(const json::Value& value, const Path& path, chat::Role role, Parts& parts) {
  if (const auto text = value.string()) {
    parts.push_back({chat::TextPart{*text}, {}});
    return;
  }
  if (!value.is_object()) return reading_.wrong_type(value, path, "an object");
  const Path type_path = path.member("type");
  const auto type = reading_.needed_text(value["type"], type_path);
  if (!type) return;
  std::optional<chat::PartKind> kind;
  if (*type == "text" || *type == "input_text" || *type == "output_text") {
    if (const auto text = reading_.needed_text(value["text"], path.member("text")))
      kind = chat::TextPart{*text};
  } else if (*type == "image_url") {
    kind = image(value["image_url"], path.member("image_url"));
  } else if (*type == "input_audio") {
    kind = audio(value["input_audio"], path.member("input_audio"));
  } else if (*type == "file") {
    kind = file(value, path);
  } else if (*type == "document_url") {
    kind = document_url(value, path);
  } else if (*type == "reference") {
    kind = chat::OpaquePart{.dialect = "mistral_chat", .raw = value.raw()};
  } else if (role == chat::Role::assistant && *type == "refusal") {
    if (const auto text = reading_.needed_text(value["refusal"], path.member("refusal")))
      kind = chat::RefusalPart{*text};
  } else if (role == chat::Role::assistant && (*type == "thinking" || *type == "redacted_thinking")) {
    kind = thinking(value, path);
  } else if (role == chat::Role::system && *type == "thinking") {
    // Mistral's way to show a model how to think; for others it is a part of the instructions.
    if (auto shown = thinking(value, path)) kind = chat::TextPart{std::get<chat::ThinkingPart>(*shown).text};
  } else {
    return reading_.wrong_word(*type, type_path,
                               {"text", "image_url", "input_audio", "file", "document_url", "refusal"});
  }
  if (!kind) return;
  const json::Value marker = reading_.object(value["cache_control"], path.member("cache_control"));
  parts.push_back({*std::move(kind), marker.raw()});
}

// OpenAI: {url, detail}; Mistral: that, or the URL alone.
std::optional<chat::PartKind> DoorMessages::image(const json::Value& value, const Path& path) {
  chat::ImagePart image;
  const Path inner = path.member("url");
  const Path& url_path = value.is_string() ? path : inner;
  std::optional<std::string_view> url = value.string();
  if (!url) {
    const json::Value object = reading_.needed_object(value, path);
    if (!object.present()) return std::nullopt;
    url = reading_.needed_text(object["url"], inner);
    image.detail = reading_.text(object["detail"], path.member("detail")).value_or(std::string_view{});
  }
  if (!url) return std::nullopt;
  if (!native::is_data_uri(*url)) {
    if (!native::is_web_url(*url)) {
      reading_.fault(url_path, "Expected an https URL, or a data: URI such as data:image/png;base64,…");
    }
    image.url = *url;
    return image;
  }
  const auto data = native::split_data_uri(*url);
  if (!data) {
    reading_.fault(url_path, "A data: URI must look like data:image/png;base64,…");
    return std::nullopt;
  }
  image.media_type = native::known_image_type(data->media_type);
  image.base64 = data->base64;
  if (image.media_type.empty()) {
    reading_.fault(url_path, "Expected image/png, image/jpeg, image/webp or image/gif, but got '" +
                                 native::excerpt(data->media_type) + "'.");
  } else if (!native::valid_base64(data->base64)) {
    reading_.fault(url_path, std::string(kBadBase64));
  }
  return image;
}

// OpenAI: {data, format}; Mistral: that, or the data alone.
std::optional<chat::PartKind> DoorMessages::audio(const json::Value& value, const Path& path) {
  chat::AudioPart audio;
  const Path inner = path.member("data");
  const Path& data_path = value.is_string() ? path : inner;
  std::optional<std::string_view> text = value.string();
  if (!text) {
    const json::Value object = reading_.needed_object(value, path);
    if (!object.present()) return std::nullopt;
    text = reading_.needed_text(object["data"], inner);
    audio.format = reading_.text(object["format"], path.member("format")).value_or(std::string_view{});
  }
  if (!text) return std::nullopt;
  if (native::is_web_url(*text)) {
    reading_.fault(data_path, "Other providers take audio as base64 data only, not by URL.");
  }
  const auto uri = native::split_data_uri(*text);
  audio.base64 = uri ? uri->base64 : *text;
  if (!native::valid_base64(audio.base64)) reading_.fault(data_path, std::string(kBadBase64));
  if (audio.format.empty()) audio.format = audio_format_of(audio.base64);
  if (audio.format.empty()) reading_.missing(path.member("format"));
  return audio;
}

// OpenAI: {type, file: {file_data | file_id, filename}}; Mistral: {type, file_id}.
std::optional<chat::PartKind> DoorMessages::file(const json::Value& value, const Path& path) {
  const Path file_path = path.member("file");
  const bool own = value["file_id"].is_string();
  const json::Value file = own ? value : reading_.needed_object(value["file"], file_path);
  const Path& base = own ? path : file_path;
  if (!file.present()) return std::nullopt;
  const auto name = reading_.text(file["filename"], base.member("filename"));
  if (const auto data = reading_.text(file["file_data"], base.member("file_data"))) {
    return document_data(*data, base.member("file_data"), name.value_or(std::string_view{}));
  }
  const auto id = reading_.text(file["file_id"], base.member("file_id"));
  if (!id) {
    reading_.fault(base, "A file needs file_data or file_id.");
    return std::nullopt;
  }
  chat::DocumentPart document;
  document.file_id = *id;
  document.name = name.value_or(std::string_view{});
  return document;
}

std::optional<chat::PartKind> DoorMessages::document_url(const json::Value& value, const Path& path) {
  const Path url_path = path.member("document_url");
  const auto url = reading_.needed_text(value["document_url"], url_path);
  const auto name = reading_.text(value["document_name"], path.member("document_name"));
  if (!url) return std::nullopt;
  return document_data(*url, url_path, name.value_or(std::string_view{}));
}

// A data: URI, or where the document lies.
std::optional<chat::PartKind> DoorMessages::document_data(std::string_view uri, const Path& path,
                                                          std::string_view name) {
  chat::DocumentPart document;
  document.name = name;
  if (native::is_web_url(uri)) {
    document.url = uri;
    return document;
  }
  const auto data = native::split_data_uri(uri);
  if (!data) {
    reading_.fault(path, "Expected a data: URI such as data:application/pdf;base64,… or an https URL.");
    return std::nullopt;
  }
  if (!native::valid_base64(data->base64)) reading_.fault(path, std::string(kBadBase64));
  const std::string lowered = ascii_lowered(data->media_type);
  document.media_type = lowered == data->media_type ? data->media_type : reading_.request().keep(lowered);
  document.base64 = data->base64;
  return document;
}

// Anthropic's shape, {thinking: text, signature} or {data}, or Mistral's, {thinking: [{type: text, text}]}.
std::optional<chat::PartKind> DoorMessages::thinking(const json::Value& value, const Path& path) {
  chat::ThinkingPart part;
  if (value["type"].string_or("") == "redacted_thinking") {
    const auto data = reading_.needed_text(value["data"], path.member("data"));
    if (!data) return std::nullopt;
    part.redacted_data = *data;
    return part;
  }
  part.signature = reading_.text(value["signature"], path.member("signature")).value_or(std::string_view{});
  const json::Value written = value["thinking"];
  if (const auto text = written.string()) {
    part.text = *text;
  } else if (written.is_array()) {
    if (written.size() == 1) {
      part.text = written[0]["text"].string_or("");
    } else {
      std::string joined;
      for (const json::Value piece : written) joined.append(piece["text"].string_or(""));
      part.text = reading_.request().keep(std::move(joined));
    }
  } else {
    reading_.wrong_type(written, path.member("thinking"), "a string or an array of parts");
  }
  return part;
}

}  // namespace ai_proxy::dialects::chat_completions
