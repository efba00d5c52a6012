// What is wrong with a configuration: every fault found, in the order found, each a line that begins with its
// place.
#pragma once

#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ai_proxy::config {

class Faults {
 public:
  // `place`: "PORT", ".env:3: PORT" or "config.yaml:12:3: limits.body". `text` says what would be right; it
  // must not hold a secret; what looks like a key in either is not shown.
  void add(std::string_view place, std::string_view text);

  bool empty() const { return lines_.empty(); }
  std::vector<std::string> take() { return std::move(lines_); }

 private:
  // More would help nobody, and a hostile file could hold a hundred thousand.
  static constexpr std::size_t kLinesMax = 100;
  std::vector<std::string> lines_;
  bool cut_ = false;
};

// A value as it was written, with its place.
struct Text {
  std::string value;
  std::string place;
};

// The outcome of reading a Text as something: the error is the half sentence after the place.
template <class T>
using Parsed = std::expected<T, std::string>;

// `text`, if there is one, read by `parse` into `target`. On a fault the target stays as it was.
template <class T, class Parse>
void assign(T& target, const std::optional<Text>& text, Faults& faults, const Parse& parse) {
  if (!text) return;
  auto value = parse(std::string_view(text->value));
  if (value) {
    target = std::move(*value);
  } else {
    faults.add(text->place, value.error());
  }
}

// For messages: quoted, cut to a readable length, free of control characters and of what looks like a key.
std::string shown(std::string_view text);

// "must be one of auto, json, text, not \"jsn\". Did you mean \"json\"?"
std::string not_one_of(std::string_view value, std::span<const std::string_view> allowed);

}  // namespace ai_proxy::config
