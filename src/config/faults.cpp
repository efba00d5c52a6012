#include "config/faults.h"

#include "base/nearest.h"
#include "base/secret.h"

namespace ai_proxy::config {

void Faults::add(std::string_view place, std::string_view text) {
  if (lines_.size() < kLinesMax) {
    lines_.push_back(redact_keys(std::string(place).append(": ").append(text)));
  } else if (!cut_) {
    lines_.emplace_back("and more; only the first 100 faults are shown.");
    cut_ = true;
  }
}

std::string shown(std::string_view text) {
  constexpr std::size_t kShownMax = 60;
  std::string clean;
  for (const char c : text) clean.push_back(static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c);
  clean = redact_keys(std::move(clean));
  if (clean.size() > kShownMax) {
    std::size_t end = kShownMax;
    while (end > 0 && (static_cast<unsigned char>(clean[end]) & 0xC0) == 0x80)
      --end;  // not inside a character
    clean.resize(end);
    clean.append("…");
  }
  return std::string("\"").append(clean).append("\"");
}

std::string not_one_of(std::string_view value, std::span<const std::string_view> allowed) {
  std::string text = "must be one of ";
  for (const std::string_view word : allowed) {
    text.append(word).append(word == allowed.back() ? "" : ", ");
  }
  return text.append(", not ").append(shown(value)).append(".").append(did_you_mean(value, allowed));
}

}  // namespace ai_proxy::config
