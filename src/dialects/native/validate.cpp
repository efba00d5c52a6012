// check(): one value against its type (validate.h).
#include "dialects/native/validate.h"

#include <cmath>
#include <string>
#include <utility>

#include "base/ascii.h"
#include "base/nearest.h"
#include "dialects/native/utf8.h"

namespace ai_proxy::dialects::native {
namespace {

std::string_view word(json::Type type) {
  switch (type) {
    case json::Type::absent:
      break;
    case json::Type::null:
      return "null";
    case json::Type::boolean:
      return "boolean";
    case json::Type::number:
      return "number";
    case json::Type::string:
      return "string";
    case json::Type::array:
      return "array";
    case json::Type::object:
      return "object";
  }
  return "undefined";
}

bool fits(json::Type value, Kind kind) {
  switch (kind) {
    case Kind::string:
    case Kind::enumeration:
      return value == json::Type::string;
    case Kind::number:
    case Kind::integer:
      return value == json::Type::number;
    case Kind::boolean:
      return value == json::Type::boolean;
    case Kind::array:
      return value == json::Type::array;
    case Kind::object:
      break;
  }
  return value == json::Type::object;
}

std::span<const std::string_view> options_of(const Type& type, const Checks& checks) {
  return type.names_provider ? checks.provider_names : type.options;
}

// 'openai' | 'anthropic' | 'mistral'
std::string quoted(std::span<const std::string_view> options) {
  std::string text;
  for (const std::string_view option : options) {
    text.append(text.empty() ? "'" : " | '").append(option).append("'");
  }
  return text;
}

std::string expectation(const Type& type, const Checks& checks) {
  std::string text;
  switch (type.kind) {
    case Kind::string:
      text = "string";
      break;
    case Kind::number:
    case Kind::integer:
      text = "number";
      break;
    case Kind::boolean:
      text = "boolean";
      break;
    case Kind::enumeration:
      text = quoted(options_of(type, checks));
      break;
    case Kind::array:
      text = "array";
      break;
    case Kind::object:
      text = "object";
      break;
  }
  if (type.alternative != nullptr) text.append(" or ").append(expectation(*type.alternative, checks));
  return text;
}

bool refuse(const Path& path, Checks& checks, std::string message) {
  checks.faults.add(path, std::move(message));
  return false;
}

bool check_enumeration(std::string_view text, const Type& type, const Path& path, Checks& checks) {
  const auto options = options_of(type, checks);
  for (const std::string_view option : options) {
    if (text == option) return true;
  }
  for (const std::string_view option : type.also) {
    if (text == option) return true;
  }
  std::string message = "Invalid enum value. Expected ";
  message.append(quoted(options)).append(", received '").append(excerpt(text)).append("'.");
  return refuse(path, checks, message.append(did_you_mean(text, options)));
}

bool check_length(std::string_view text, const Type& type, const Path& path, Checks& checks) {
  if (type.minimum == kNoMinimum && type.maximum == kNoMaximum) return true;
  const auto characters = static_cast<std::int64_t>(count_characters(text));
  if (characters < type.minimum) {
    return refuse(path, checks,
                  "String must contain at least " + std::to_string(type.minimum) + " character(s)");
  }
  if (characters > type.maximum) {
    return refuse(path, checks,
                  "String must contain at most " + std::to_string(type.maximum) + " character(s), received " +
                      std::to_string(characters));
  }
  return true;
}

bool check_string(std::string_view text, const Type& type, const Path& path, Checks& checks) {
  if (!check_length(text, type, path, checks)) return false;
  switch (type.rule) {
    case TextRule::any:
      break;
    case TextRule::identifier:
      for (const char c : text) {
        const bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                          c == '_' || c == '-';
        if (!good) {
          return refuse(path, checks,
                        "Only a-z A-Z 0-9 _ and - are allowed, received '" + excerpt(text) + "'");
        }
      }
      break;
    case TextRule::visible:
      if (holds_invisible(text)) {
        return refuse(path, checks,
                      "Control characters and characters that turn the direction of text are not allowed");
      }
      break;
  }
  return true;
}

std::string range_fault(const json::Value& value, const Type& type, std::string_view noun) {
  std::string message(noun);
  if (type.maximum == kNoMaximum && type.minimum == kNoMinimum) {
    message.append(" must fit in 64 bits");
  } else if (type.maximum == kNoMaximum) {
    message.append(" must be at least ").append(std::to_string(type.minimum));
  } else {
    message.append(" must be between ").append(std::to_string(type.minimum));
    message.append(" and ").append(std::to_string(type.maximum));
  }
  return message.append(", received ").append(value.raw());
}

bool check_integer(const json::Value& value, const Type& type, const Path& path, Checks& checks) {
  const auto integer = value.integer();
  if (integer && *integer >= type.minimum && *integer <= type.maximum) return true;
  const auto number = value.number();
  if (!integer && number && std::trunc(*number) != *number) {
    return refuse(path, checks, "Expected integer, received float");
  }
  return refuse(path, checks, range_fault(value, type, "Integer"));
}

bool check_number(const json::Value& value, const Type& type, const Path& path, Checks& checks) {
  const auto number = value.number();
  if (number && *number >= static_cast<double>(type.minimum) &&
      *number <= static_cast<double>(type.maximum)) {
    return true;
  }
  return refuse(path, checks, range_fault(value, type, "Number"));
}

bool check_size(const json::Value& value, const Type& type, const Path& path, Checks& checks) {
  const auto size = static_cast<std::int64_t>(value.size());
  if (size < type.minimum) {
    return refuse(path, checks,
                  "Array must contain at least " + std::to_string(type.minimum) + " element(s)");
  }
  if (size > type.maximum) {
    return refuse(path, checks,
                  "Array must contain at most " + std::to_string(type.maximum) + " element(s), received " +
                      std::to_string(size));
  }
  return true;
}

bool check_array(const json::Value& value, const Type& type, const Path& path, Checks& checks) {
  if (!check_size(value, type, path, checks)) return false;
  if (type.items->object != nullptr) return true;
  bool good = true;
  std::size_t index = 0;
  for (const json::Value element : value) {
    if (checks.faults.overflowing()) return false;
    good &= check(element, *type.items, path.element(index++), checks);
  }
  return good;
}

bool check_free_names(const json::Value& value, const Type& type, const Path& path, Checks& checks) {
  bool good = true;
  for (const json::Value member : value) {
    if (checks.faults.overflowing()) return false;
    good &= check(member, *type.items, path.member(member.key()), checks);
  }
  return good;
}

}  // namespace

bool check(const json::Value& value, const Type& type, const Path& path, Checks& checks) {
  const json::Type actual = value.type();
  if (actual == json::Type::null && type.nullable) return true;
  const Type* matching = &type;
  while (matching != nullptr && !fits(actual, matching->kind)) matching = matching->alternative;
  if (matching == nullptr) {
    std::string message = "Expected ";
    return refuse(path, checks,
                  message.append(expectation(type, checks)).append(", received ").append(word(actual)));
  }
  switch (matching->kind) {
    case Kind::string:
      return check_string(*value.string(), *matching, path, checks);
    case Kind::enumeration:
      return check_enumeration(*value.string(), *matching, path, checks);
    case Kind::number:
      return check_number(value, *matching, path, checks);
    case Kind::integer:
      return check_integer(value, *matching, path, checks);
    case Kind::boolean:
      return true;
    case Kind::array:
      return check_array(value, *matching, path, checks);
    case Kind::object:
      break;
  }
  return matching->items == nullptr || check_free_names(value, *matching, path, checks);
}

}  // namespace ai_proxy::dialects::native
