// Sources: base64 {media_type, data}, url, file, text (plain). Images: jpeg, png, gif, webp; base64
// documents: PDF.
#include "dialects/anthropic_messages/media.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/ascii.h"

namespace ai_proxy::dialects::anthropic_messages {
namespace {

constexpr std::array<std::string_view, 4> kImageTypes{"image/jpeg", "image/png", "image/gif", "image/webp"};

// Standard alphabet, padding only at the end. (What the bytes mean is the provider's to judge.)
bool is_base64(std::string_view text) {
  std::size_t end = text.size();
  while (end > 0 && text.size() - end < 2 && text[end - 1] == '=') --end;
  if (text.empty() || end % 4 == 1) return false;
  return std::ranges::all_of(text.substr(0, end), [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '/';
  });
}

// What the first bytes of the file say, seen through base64.
std::string_view image_type_of(std::string_view base64) {
  using Row = std::pair<std::string_view, std::string_view>;
  static constexpr std::array<Row, 4> kBeginnings{{{"/9j/", "image/jpeg"},
                                                   {"iVBORw0KGgo", "image/png"},
                                                   {"R0lGOD", "image/gif"},
                                                   {"UklGR", "image/webp"}}};
  for (const auto& [beginning, type] : kBeginnings) {
    if (base64.starts_with(beginning)) return type;
  }
  return {};
}

void write_base64(json::Writer& out, std::string_view media_type, std::string_view data) {
  out.member("type", "base64").member("media_type", media_type).member("data", data);
}

}  // namespace

Result<void> write_image(json::Writer& out, const Scope& scope, const chat::ImagePart& image,
                         const std::string& path) {
  if (!scope.traits.images) return std::unexpected(bad_request("This model takes no images.", path));
  if (!image.detail.empty() && image.detail != "auto") {
    scope.leave_out("image_url.detail", "Anthropic has no such setting");
  }
  out.member("type", "image").key("source").begin_object();
  if (!image.url.empty()) {
    out.member("type", "url").member("url", image.url).end_object();
    return {};
  }
  std::string type = ascii_lowered(image.media_type.empty() ? image_type_of(image.base64) : image.media_type);
  if (type == "image/jpg") type = "image/jpeg";
  if (std::ranges::find(kImageTypes, type) == kImageTypes.end()) {
    return std::unexpected(
        bad_request("Anthropic takes images as image/jpeg, image/png, image/gif or image/webp.", path));
  }
  if (!is_base64(image.base64))
    return std::unexpected(bad_request("The image's data is no valid base64.", path));
  write_base64(out, type, image.base64);
  out.end_object();
  return {};
}

Result<void> write_document(json::Writer& out, const chat::DocumentPart& document, const std::string& path) {
  out.member("type", "document").key("source").begin_object();
  if (!document.url.empty()) {
    out.member("type", "url").member("url", document.url);
  } else if (!document.file_id.empty()) {
    out.member("type", "file").member("file_id", document.file_id);
  } else if (!document.base64.empty()) {
    if (!document.media_type.empty() && !ascii_iequals(document.media_type, "application/pdf")) {
      return std::unexpected(
          bad_request("Anthropic takes documents as PDF, plain text, URL or file id.", path));
    }
    if (!is_base64(document.base64))
      return std::unexpected(bad_request("The document's data is no valid base64.", path));
    write_base64(out, "application/pdf", document.base64);
  } else if (!document.text.empty()) {
    out.member("type", "text").member("media_type", "text/plain").member("data", document.text);
  } else {
    return std::unexpected(bad_request("The document is empty.", path));
  }
  out.end_object();
  if (!document.name.empty()) out.member("title", document.name);
  return {};
}

}  // namespace ai_proxy::dialects::anthropic_messages
