// A stream that passes through was asked for its usage by us; a caller that did
// not ask sees none of it.
#include <algorithm>

#include "base/json.h"
#include "dialects/openai_chat/door_answer.h"

namespace ai_proxy::dialects::openai_chat {
namespace {

constexpr std::string_view kQuotedKey = "\"usage\"";

constexpr bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

// A member with its comma: the one in front of its key, or else the one behind
// its value. Nothing, if the key is spelled in another way than anybody does.
std::string_view with_comma(std::string_view object, std::string_view value) {
  const auto value_begin = static_cast<std::size_t>(value.data() - object.data());
  std::size_t begin = object.rfind(kQuotedKey, value_begin - kQuotedKey.size());
  if (begin == std::string_view::npos) return {};
  const std::string_view between = object.substr(0, value_begin).substr(begin + kQuotedKey.size());
  if (!std::ranges::all_of(between, [](char c) { return is_blank(c) || c == ':'; })) return {};
  std::size_t end = value_begin + value.size();
  std::size_t before = begin - 1;
  while (is_blank(object[before])) --before;
  if (object[before] == ',') {
    begin = before;
  } else {
    std::size_t behind = end;
    while (is_blank(object[behind])) ++behind;
    if (object[behind] == ',') end = behind + 1;
  }
  return object.substr(begin, end - begin);
}

}  // namespace

std::string_view hidden_part(const json::Value& event) {
  const json::Value usage = event["usage"];
  if (!usage.present()) return {};
  if (usage.is_object()) {
    const json::Value choices = event["choices"];
    if (choices.is_array() && choices.empty()) return event.raw();
  }
  return with_comma(event.raw(), usage.raw());
}

}  // namespace ai_proxy::dialects::openai_chat
