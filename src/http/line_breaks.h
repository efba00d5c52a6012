// Where the lines of a text end, be it by LF, CR LF or CR: each search goes on from where the last one ended.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <string_view>

namespace ai_proxy::http {

class LineBreaks {
 public:
  // `text` outlives it.
  explicit LineBreaks(std::string_view text) : text_(text) {}

  // The first line break at `from` or behind; the text's size: there is none. `from` never goes back.
  std::size_t next(std::size_t from) {
    if (lf_ == kUnknown || lf_ < from) lf_ = find('\n', from);
    if (cr_ == kUnknown || cr_ < from) cr_ = find('\r', from);
    return std::min(lf_, cr_);
  }

 private:
  static constexpr std::size_t kUnknown = std::string_view::npos;

  std::size_t find(char c, std::size_t from) const {
    const void* hit =
        from < text_.size() ? std::memchr(text_.data() + from, c, text_.size() - from) : nullptr;
    return hit == nullptr ? text_.size()
                          : static_cast<std::size_t>(static_cast<const char*>(hit) - text_.data());
  }

  std::string_view text_;
  std::size_t lf_ = kUnknown;
  std::size_t cr_ = kUnknown;
};

}  // namespace ai_proxy::http
