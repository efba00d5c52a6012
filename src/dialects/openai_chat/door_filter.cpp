// A stream that passes through was asked for its usage by us; a caller that did not ask sees none of it.
#include "base/json_members.h"
#include "dialects/openai_chat/door_answer.h"

namespace ai_proxy::dialects::openai_chat {
namespace {

// `object` without the member: from the comma in front of its key, or to the one behind its value. nullopt:
// its key is spelled in another way than anybody does.
std::optional<std::string_view> without(const json::Value& object, const json::Value& member,
                                        std::string_view quoted_key, std::string& space) {
  const std::string_view data = object.raw();
  const auto value_begin = static_cast<std::size_t>(member.raw().data() - data.data());
  std::size_t begin = data.rfind(quoted_key, value_begin);
  if (begin == std::string_view::npos ||
      data.find_first_not_of(" \t\r\n:", begin + quoted_key.size()) != value_begin)
    return std::nullopt;
  std::size_t end = value_begin + member.raw().size();
  const std::size_t before = data.find_last_not_of(" \t\r\n", begin - 1);
  const std::size_t behind = data.find_first_not_of(" \t\r\n", end);
  if (data[before] == ',') {
    begin = before;
  } else if (data[behind] == ',') {
    end = behind + 1;
  }
  space.assign(data.substr(0, begin)).append(data.substr(end));
  return space;
}

}  // namespace

std::optional<std::string_view> filter_event(const json::Value& event, std::string& space) {
  const auto [usage, choices] = json::members(event, "usage", "choices");
  if (!usage.present()) return std::nullopt;
  if (usage.is_object() && choices.is_array() && choices.empty()) return std::string_view();
  return without(event, usage, "\"usage\"", space);
}

}  // namespace ai_proxy::dialects::openai_chat
