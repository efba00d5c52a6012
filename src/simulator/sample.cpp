// A walk over the schema that writes as it goes.
#include "simulator/sample.h"

#include <algorithm>
#include "base/json_writer.h"

namespace ai_proxy::simulator {
namespace {

constexpr int kDepthMax = 32;  // of a schema that refers to itself

struct Sampler {
  json::Value root;
  bool all_members;
  std::string_view word;

  json::Value resolve(const json::Value& schema) const {
    const std::string_view reference = schema["$ref"].string_or({});
    if (!reference.starts_with("#/")) return schema;
    json::Value target = root;
    std::string_view path = reference.substr(2);
    while (!path.empty()) {
      const std::size_t end = std::min(path.find('/'), path.size());
      target = target[path.substr(0, end)];
      path.remove_prefix(std::min(path.size(), end + 1));
    }
    return target;
  }

  bool is_required(const json::Value& schema, std::string_view name) const {
    for (const json::Value required : schema["required"]) {
      if (required.string_or({}) == name) return true;
    }
    return false;
  }

  void write_object(json::Writer& out, const json::Value& schema, int depth) const {
    out.begin_object();
    if (all_members) {
      for (const json::Value property : schema["properties"]) {
        out.key(property.key());
        write(out, property, depth + 1);
      }
    } else {
      for (const json::Value name : schema["required"]) {
        out.key(name.string_or({}));
        write(out, schema["properties"][name.string_or({})], depth + 1);
      }
    }
    out.end_object();
  }

  void write(json::Writer& out, const json::Value& given, int depth) const {
    const json::Value schema = resolve(given);
    const json::Value type_member = schema["type"];
    const std::string_view type =
        type_member.is_array() ? type_member[0].string_or("string") : type_member.string_or({});
    if (depth > kDepthMax) {
      out.null();
    } else if (schema["const"].present()) {
      out.raw(schema["const"].raw());
    } else if (!schema["enum"].empty()) {
      out.raw(schema["enum"][0].raw());
    } else if (!schema["anyOf"].empty()) {
      write(out, schema["anyOf"][0], depth + 1);
    } else if (type == "object" || (type.empty() && schema["properties"].present())) {
      write_object(out, schema, depth);
    } else if (type == "array") {
      out.begin_array();
      for (std::int64_t i = 0; i < std::min<std::int64_t>(schema["minItems"].integer_or(0), 16); ++i)
        write(out, schema["items"], depth + 1);
      out.end_array();
    } else if (type == "integer" || type == "number") {
      schema["minimum"].is_number() ? out.raw(schema["minimum"].raw()) : out.integer(1);
    } else if (type == "boolean") {
      out.boolean(true);
    } else if (type == "null") {
      out.null();
    } else {
      out.string(word);
    }
  }
};

}  // namespace

std::string sample_of(const json::Value& schema, bool all_members, std::string_view word) {
  std::string text;
  json::Writer out(text);
  Sampler{schema, all_members, word}.write(out, schema, 0);
  return text;
}

}  // namespace ai_proxy::simulator
