// request_json_schema(): the request's schema (schema.h) as JSON Schema 2020-12, for an OpenAPI 3.1 document.
#include <span>

#include "base/json_writer.h"
#include "dialects/native/native.h"
#include "dialects/native/schema.h"

namespace ai_proxy::dialects::native {
namespace {

using Names = std::span<const std::string_view>;

void write_type(json::Writer& out, const Type& type, Names providers, std::string_view description,
                bool nullable);

void write_type_word(json::Writer& out, std::string_view word, bool nullable) {
  if (!nullable) {
    out.member("type", word);
    return;
  }
  out.key("type").begin_array().string(word).string("null").end_array();
}

// Only the members that go with this `type`; an empty one: the object knows no types.
void write_object(json::Writer& out, const Object& object, Names providers, std::string_view of_type) {
  out.key("properties").begin_object();
  for (const Member& member : object.members) {
    if (!member.shown || (!member.when.empty() && member.when != of_type)) continue;
    out.key(member.name);
    if (!of_type.empty() && member.name == "type") {
      out.begin_object().member("const", of_type).end_object();
    } else {
      write_type(out, member.type, providers, member.description,
                 member.need == Need::optional || member.type.nullable);
    }
  }
  out.end_object().key("required").begin_array();
  for (const Member& member : object.members) {
    if (member.need == Need::required && (member.when.empty() || member.when == of_type))
      out.string(member.name);
  }
  out.end_array();
}

void write_enumeration(json::Writer& out, const Type& type, Names providers, bool nullable) {
  out.key("enum").begin_array();
  for (const std::string_view option : type.names_provider ? providers : type.options) out.string(option);
  for (const std::string_view option : type.also) out.string(option);
  if (nullable) out.null();
  out.end_array();
}

void write_bounds(json::Writer& out, const Type& type, std::string_view low, std::string_view high) {
  if (type.minimum != kNoMinimum) out.member(low, type.minimum);
  if (type.maximum != kNoMaximum) out.member(high, type.maximum);
}

void write_object_type(json::Writer& out, const Type& type, Names providers, bool nullable) {
  if (type.object != nullptr && type.object->by_type()) {
    out.key("oneOf").begin_array();
    for (const std::string_view word : type.object->members.front().type.options) {
      out.begin_object().member("type", "object");
      write_object(out, *type.object, providers, word);
      out.end_object();
    }
    if (nullable) out.begin_object().member("type", "null").end_object();
    out.end_array();
    return;
  }
  write_type_word(out, "object", nullable);
  if (type.object != nullptr) write_object(out, *type.object, providers, {});
  if (type.items != nullptr) {
    out.key("additionalProperties");
    write_type(out, *type.items, providers, {}, false);
  }
}

void write_keywords(json::Writer& out, const Type& type, Names providers, bool nullable) {
  switch (type.kind) {
    case Kind::string:
      write_type_word(out, "string", nullable);
      write_bounds(out, type, "minLength", "maxLength");
      if (type.rule == TextRule::identifier) out.member("pattern", "^[a-zA-Z0-9_-]+$");
      break;
    case Kind::number:
      write_type_word(out, "number", nullable);
      write_bounds(out, type, "minimum", "maximum");
      break;
    case Kind::integer:
      write_type_word(out, "integer", nullable);
      write_bounds(out, type, "minimum", "maximum");
      break;
    case Kind::boolean:
      write_type_word(out, "boolean", nullable);
      break;
    case Kind::enumeration:
      write_enumeration(out, type, providers, nullable);
      break;
    case Kind::array:
      write_type_word(out, "array", nullable);
      write_bounds(out, type, "minItems", "maxItems");
      out.key("items");
      write_type(out, *type.items, providers, {}, false);
      break;
    case Kind::object:
      write_object_type(out, type, providers, nullable);
      break;
  }
}

void write_type(json::Writer& out, const Type& type, Names providers, std::string_view description,
                bool nullable) {
  out.begin_object();
  if (!description.empty()) out.member("description", description);
  if (type.alternative == nullptr) {
    write_keywords(out, type, providers, nullable);
  } else {
    out.key("anyOf").begin_array().begin_object();
    write_keywords(out, type, providers, nullable);
    out.end_object();
    write_type(out, *type.alternative, providers, {}, false);
    out.end_array();
  }
  out.end_object();
}

}  // namespace

std::string request_json_schema(const std::vector<std::string_view>& provider_names) {
  std::string text;
  json::Writer out(text);
  out.begin_object().member("$schema", "https://json-schema.org/draft/2020-12/schema");
  out.member("title", "ChatRequest")
      .member("description", "POST /v1/chat. Other members are ignored, with a warning.");
  write_keywords(out, kRequestType, provider_names, false);
  out.end_object();
  return text;
}

}  // namespace ai_proxy::dialects::native
