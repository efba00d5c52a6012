// See json_schema.h. Schemas are told from other objects by their place: a property may be called
// "properties" or "type".
#include "dialects/json_schema.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <vector>

namespace ai_proxy::dialects {
namespace {

using std::string_view_literals::operator""sv;

// Where a schema holds others: by name, in a list, or alone.
constexpr std::array kMaps{"properties"sv, "patternProperties"sv, "$defs"sv, "definitions"sv,
                           "dependentSchemas"sv};
constexpr std::array kLists{"anyOf"sv, "oneOf"sv, "allOf"sv, "prefixItems"sv, "items"sv};
constexpr std::array kSingles{"items"sv, "additionalProperties"sv, "contains"sv, "not"sv, "if"sv, "then"sv,
                              "else"sv};

// OpenAI: "In context=(), 'allOf' is not permitted."
constexpr std::array kNotPermitted{"allOf"sv,
                                   "oneOf"sv,
                                   "not"sv,
                                   "if"sv,
                                   "then"sv,
                                   "else"sv,
                                   "dependentRequired"sv,
                                   "dependentSchemas"sv,
                                   "patternProperties"sv};

void collect(const json::Value& schema, std::vector<json::Value>& found) {
  if (!schema.is_object()) return;
  found.push_back(schema);
  for (const json::Value member : schema) {
    const auto is = [&](const auto& names) { return std::ranges::find(names, member.key()) != names.end(); };
    if ((member.is_object() && is(kMaps)) || (member.is_array() && is(kLists))) {
      for (const json::Value inner : member) collect(inner, found);
    } else if (member.is_object() && is(kSingles)) {
      collect(member, found);
    }
  }
}

// The schema and all in it, in the order of the text.
std::vector<json::Value> schemas_in(const json::Value& schema) {
  std::vector<json::Value> found;
  collect(schema, found);
  return found;
}

bool is_of_objects(const json::Value& schema) {
  const json::Value type = schema["type"];
  const auto is_word = [](const json::Value& word) { return word.string_or("") == "object"; };
  return is_word(type) || (type.is_array() && std::ranges::any_of(type, is_word));
}

bool requires_all(const json::Value& schema) {
  std::vector<std::string_view> required;
  for (const json::Value name : schema["required"]) required.push_back(name.string_or(""));
  std::ranges::sort(required);
  return std::ranges::all_of(schema["properties"], [&](const json::Value& property) {
    return std::ranges::binary_search(required, property.key());
  });
}

}  // namespace

ClosedSchema closed_schema(const json::Value& schema) {
  const std::string_view whole = schema.raw();
  ClosedSchema result;
  std::size_t copied = 0;
  for (const json::Value inner : schemas_in(schema)) {
    if (!is_of_objects(inner)) continue;
    const json::Value additional = inner["additionalProperties"];
    if (additional.present() && additional.boolean_or(true))
      return {.kind = ClosedSchema::Kind::deliberately_open, .text = {}};
    if (additional.present()) continue;
    // Behind the brace: an object of a type has at least that member to come.
    const std::size_t at = static_cast<std::size_t>(inner.raw().data() - whole.data()) + 1;
    result.text.append(whole.substr(copied, at - copied)).append(R"("additionalProperties":false,)");
    copied = at;
  }
  if (copied == 0) return result;
  result.kind = ClosedSchema::Kind::closed;
  result.text.append(whole.substr(copied));
  return result;
}

bool fits_openai_strict(const json::Value& schema) {
  if (!is_of_objects(schema)) return false;
  return std::ranges::all_of(schemas_in(schema), [](const json::Value& inner) {
    for (const std::string_view name : kNotPermitted) {
      if (inner[name].present()) return false;
    }
    if (!is_of_objects(inner) && !inner["properties"].present()) return true;
    const json::Value additional = inner["additionalProperties"];
    return additional.is_boolean() && !additional.boolean_or(true) && requires_all(inner);
  });
}

bool fits_openai_strict(std::string_view schema) {
  json::Document document;
  return !document.parse(schema, json::kProviderLimits) && fits_openai_strict(document.root());
}

}  // namespace ai_proxy::dialects
