// A stream that passes through was asked for its usage by us; a caller that did not ask sees none of it.
#include "base/json.h"
#include "dialects/openai_chat/door_answer.h"

namespace ai_proxy::dialects::openai_chat {
namespace {

// `object` without the member: from the comma in front of its key, or to the one behind its value.
std::string_view without(const json::Value& object, const json::Value& member, std::string_view quoted_key,
                         std::string& space) {
  const std::string_view data = object.raw();
  const auto value_begin = static_cast<std::size_t>(member.raw().data() - data.data());
  std::size_t begin = data.rfind(quoted_key, value_begin);
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

// Where OpenAI writes it in most events: ,"usage":null and then nothing but scalars of the same object. No
// quote of a string has a comma before and a name behind it, so nothing needs to be parsed. npos: it is not
// so.
std::size_t plain_null(std::string_view data, std::string_view member) {
  const std::size_t at = data.rfind(member);
  if (at == std::string_view::npos) return at;
  const std::string_view rest = data.substr(at + member.size());
  const bool ends_its_object = rest.ends_with('}') && rest.find_first_of("{}[]") == rest.size() - 1;
  return ends_its_object ? at : std::string_view::npos;
}

}  // namespace

std::string_view filter_event(std::string_view data, std::string& space) {
  constexpr std::string_view kKey = "\"usage\"";
  constexpr std::string_view kNull = ",\"usage\":null";
  if (const std::size_t at = plain_null(data, kNull); at != std::string_view::npos) {
    space.assign(data.substr(0, at)).append(data.substr(at + kNull.size()));
    return space;
  }
  if (data.find(kKey) == std::string_view::npos) return data;
  json::Document document;
  if (document.parse(data, json::kProviderLimits)) return data;
  const json::Value root = document.root();
  const json::Value usage = root["usage"];
  if (!usage.present()) return data;
  const json::Value choices = root["choices"];
  if (usage.is_object() && choices.is_array() && choices.size() == 0) return {};
  return without(root, usage, kKey, space);
}

}  // namespace ai_proxy::dialects::openai_chat
