// See media.h.
#include "dialects/native/media.h"

#include <algorithm>
#include <array>

#include "base/ascii.h"

namespace ai_proxy::dialects::native {
namespace {

bool starts_with_ignoring_case(std::string_view text, std::string_view prefix) {
  return text.size() >= prefix.size() && ascii_iequals(text.substr(0, prefix.size()), prefix);
}

constexpr auto kBase64Letter = [] {
  std::array<bool, 256> letter{};
  for (const char c : std::string_view("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")) {
    letter[static_cast<unsigned char>(c)] = true;
  }
  return letter;
}();

}  // namespace

bool is_data_uri(std::string_view text) {
  return starts_with_ignoring_case(text, "data:");
}

std::optional<DataUri> split_data_uri(std::string_view text) {
  constexpr std::string_view kScheme = "data:";
  constexpr std::string_view kMark = ";base64";
  // The head ends at the first comma; a megabyte without one is no head.
  constexpr std::size_t kHeadMax = 256;
  if (!is_data_uri(text)) return std::nullopt;
  text.remove_prefix(kScheme.size());
  const std::size_t comma = text.substr(0, kHeadMax).find(',');
  if (comma == std::string_view::npos || comma < kMark.size()) return std::nullopt;
  std::string_view head = text.substr(0, comma);
  if (!ascii_iequals(head.substr(head.size() - kMark.size()), kMark)) return std::nullopt;
  head.remove_suffix(kMark.size());
  const std::string_view media_type = ascii_trim(head.substr(0, head.find(';')));
  if (media_type.find('/') == std::string_view::npos) return std::nullopt;
  return DataUri{media_type, text.substr(comma + 1)};
}

bool valid_base64(std::string_view text) {
  if (text.empty() || text.size() % 4 != 0) return false;
  for (int padding = 0; padding < 2 && text.back() == '='; ++padding) text.remove_suffix(1);
  bool good = true;
  for (const char c : text) good &= kBase64Letter[static_cast<unsigned char>(c)];
  return good;
}

bool is_web_url(std::string_view text) {
  std::string_view rest;
  if (starts_with_ignoring_case(text, "https://")) {
    rest = text.substr(8);
  } else if (starts_with_ignoring_case(text, "http://")) {
    rest = text.substr(7);
  }
  constexpr std::string_view kNoHost = "/?#:@";
  if (rest.empty() || kNoHost.find(rest.front()) != std::string_view::npos) return false;
  return std::ranges::none_of(rest,
                              [](char c) { return static_cast<unsigned char>(c) <= 0x20 || c == 0x7F; });
}

std::string_view known_image_type(std::string_view media_type) {
  constexpr std::array<std::string_view, 4> kKnown{"image/png", "image/jpeg", "image/webp", "image/gif"};
  if (ascii_iequals(media_type, "image/jpg")) return kKnown[1];
  for (const std::string_view known : kKnown) {
    if (ascii_iequals(media_type, known)) return known;
  }
  return {};
}

}  // namespace ai_proxy::dialects::native
