// Is the JSON object that comes in pieces whole? Each byte is looked at once, as it comes: no memory, no
// second reading. Only brackets and strings are understood; whether it is JSON is for others to say.
#pragma once

#include <cstdint>
#include <string_view>

namespace ai_proxy::dialects {

class ObjectScan {
 public:
  void feed(std::string_view piece) {
    for (const char c : piece) {
      if (in_string_) {
        if (escaped_) {
          escaped_ = false;
        } else if (c == '\\') {
          escaped_ = true;
        } else if (c == '"') {
          in_string_ = false;
        }
      } else if (c == '"') {
        in_string_ = true;
      } else if (c == '{' || c == '[') {
        ++depth_;
        begun_ = true;
      } else if (c == '}' || c == ']') {
        --depth_;
      }
    }
  }
  bool whole() const { return begun_ && depth_ <= 0 && !in_string_; }

 private:
  std::int64_t depth_ = 0;
  bool in_string_ = false, escaped_ = false, begun_ = false;
};

}  // namespace ai_proxy::dialects
