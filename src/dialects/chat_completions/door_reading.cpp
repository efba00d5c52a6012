// See door_reading.h.
#include "dialects/chat_completions/door_reading.h"

#include <utility>
#include <vector>

#include "base/nearest.h"

namespace ai_proxy::dialects::chat_completions {

std::string_view kind_of(const json::Value& value) {
  switch (value.type()) {
    case json::Type::absent:
      return "nothing";
    case json::Type::null:
      return "null";
    case json::Type::boolean:
      return "a boolean";
    case json::Type::number:
      return value.integer() ? "an integer" : "a decimal";
    case json::Type::string:
      return "a string";
    case json::Type::array:
      return "an array";
    case json::Type::object:
      break;
  }
  return "an object";
}

void Reading::fault(const Path& path, std::string message) {
  if (!fault_) fault_ = bad_request(std::move(message), path.text());
}

void Reading::missing(const Path& path) {
  if (!fault_) fault(path, "Missing required parameter: '" + path.text() + "'.");
}

void Reading::wrong_type(const json::Value& value, const Path& path, std::string_view expected) {
  if (fault_) return;
  std::string message = "Invalid type for '" + path.text() + "': expected ";
  message.append(expected).append(", but got ").append(kind_of(value)).append(" instead.");
  fault(path, std::move(message));
}

void Reading::wrong_word(std::string_view word, const Path& path,
                         std::initializer_list<std::string_view> words) {
  if (fault_) return;
  std::string message = "Invalid value: '" + native::excerpt(word) + "'. Supported values are: ";
  for (const std::string_view one : words) {
    message.append(one == *words.begin() ? "'" : ", '").append(one).append("'");
  }
  message.append(".").append(did_you_mean(word, std::vector<std::string_view>(words)));
  fault(path, std::move(message));
}

void Reading::warn(const Path& path, std::string_view sentence) {
  if (warnings_.list().size() < chat::Warnings::kMax) {
    warnings_.add(path.text().append(": ").append(sentence));
  }
}

std::optional<std::string_view> Reading::text(const json::Value& value, const Path& path) {
  if (!value.has_value()) return std::nullopt;
  if (!value.is_string()) wrong_type(value, path, "a string");
  return value.string();
}

std::optional<std::string_view> Reading::needed_text(const json::Value& value, const Path& path) {
  if (!value.present()) missing(path);
  if (value.is_null()) wrong_type(value, path, "a string");
  return text(value, path);
}

std::optional<bool> Reading::truth(const json::Value& value, const Path& path) {
  if (!value.has_value()) return std::nullopt;
  if (!value.is_boolean()) wrong_type(value, path, "a boolean");
  return value.boolean();
}

std::optional<std::int64_t> Reading::integer(const json::Value& value, const Path& path) {
  if (!value.has_value()) return std::nullopt;
  const auto integer = value.integer();
  if (!integer) wrong_type(value, path, value.is_number() ? "an integer of 64 bits" : "an integer");
  return integer;
}

std::string_view Reading::number(const json::Value& value, const Path& path) {
  if (!value.has_value()) return {};
  if (value.is_number()) return value.raw();
  wrong_type(value, path, "a decimal");
  return {};
}

json::Value Reading::object(const json::Value& value, const Path& path) {
  if (value.is_object()) return value;
  if (value.has_value()) wrong_type(value, path, "an object");
  return {};
}

json::Value Reading::needed_object(const json::Value& value, const Path& path) {
  if (!value.present()) missing(path);
  if (value.is_null()) wrong_type(value, path, "an object");
  return object(value, path);
}

json::Value Reading::array(const json::Value& value, const Path& path) {
  if (value.is_array()) return value;
  if (value.has_value()) wrong_type(value, path, "an array");
  return {};
}

}  // namespace ai_proxy::dialects::chat_completions
