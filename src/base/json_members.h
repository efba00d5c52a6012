// Several members of one object, found in one walk: what runs once per token looks up a dozen, most of them
// absent.
//
//   const auto [id, model] = json::members(body, "id", "model");
#pragma once

#include <array>
#include <cstddef>
#include <string_view>
#include <utility>

#include "base/json.h"

namespace ai_proxy::json {

// Value of each name, as object[name] gives it: absent where there is none, the first where there are two.
template <std::size_t... kSizes>
std::array<Value, sizeof...(kSizes)> members(const Value& object, const char (&... names)[kSizes]) {
  std::array<Value, sizeof...(kSizes)> found;
  if (!object.is_object()) return found;
  for (const Value member : object) {
    const std::string_view key = member.key();
    std::size_t at = 0;
    const auto is = [&](std::string_view name, Value& value) {
      if (key != name) return false;
      if (!value.present()) value = member;
      return true;
    };
    static_cast<void>((is(std::string_view(names, kSizes - 1), found[at++]) || ...));
  }
  return found;
}

}  // namespace ai_proxy::json
