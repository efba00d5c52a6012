// Media inside a request: data: URIs (RFC 2397), base64 (RFC 4648 section 4) and URLs, judged but never
// opened.
#pragma once

#include <optional>
#include <string_view>

namespace ai_proxy::dialects::native {

struct DataUri {
  std::string_view media_type;  // as written, parameters left out
  std::string_view base64;      // not yet judged
};

bool is_data_uri(std::string_view text);
// nullopt: it is none in base64, or has no media type.
std::optional<DataUri> split_data_uri(std::string_view text);

// Padded, of the standard alphabet, at least one byte.
bool valid_base64(std::string_view text);

// http:// or https:// with a host and no blanks.
bool is_web_url(std::string_view text);

// image/png, image/jpeg, image/webp or image/gif, whatever its letters' case; image/jpg counts as image/jpeg.
// Empty: no provider takes it.
std::string_view known_image_type(std::string_view media_type);

}  // namespace ai_proxy::dialects::native
