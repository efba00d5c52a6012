// See schema_text.h: the walks over the schema's tree that make `structure`, `description` and `example`.
#include "dialects/native/schema_text.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/ascii.h"
#include "dialects/native/schema.h"

namespace ai_proxy::dialects::native {
namespace {

using Names = std::span<const std::string_view>;

std::string_view word(Kind kind) {
  switch (kind) {
    case Kind::string:
      return "string";
    case Kind::number:
      return "number";
    case Kind::integer:
      return "integer";
    case Kind::boolean:
      return "boolean";
    case Kind::enumeration:
      return "enum";
    case Kind::array:
      return "array";
    case Kind::object:
      break;
  }
  return "object";
}

bool is_numeric(const Type& type) {
  return type.kind == Kind::number || type.kind == Kind::integer;
}

// The members `provider` (told apart by the model) and `content` (by the role) are needed as a rule: the
// original's form shows them plain, and so do we.
bool shown_as_optional(const Member& member) {
  return member.need == Need::optional && !member.type.names_provider && !member.type.nullable;
}

void write_structure(json::Writer& out, const Type& type, Names providers, const Member* member);

void write_properties(json::Writer& out, const Object& object, Names providers) {
  out.key("properties").begin_object();
  for (const Member& member : object.members) {
    if (!member.shown) continue;
    out.key(member.name);
    write_structure(out, member.type, providers, &member);
  }
  out.end_object();
}

void write_structure(json::Writer& out, const Type& type, Names providers, const Member* member) {
  out.begin_object().member("type", word(type.kind));
  if (type.kind == Kind::enumeration) {
    out.key("options").begin_array();
    for (const std::string_view option : type.names_provider ? providers : type.options) out.string(option);
    out.end_array();
  }
  if (is_numeric(type)) {
    if (type.minimum != kNoMinimum) out.member("minimum", type.minimum);
    if (type.maximum != kNoMaximum) out.member("maximum", type.maximum);
  }
  if (type.items != nullptr) {
    out.key(type.kind == Kind::array ? "items" : "values");
    write_structure(out, *type.items, providers, nullptr);
  }
  if (type.object != nullptr) write_properties(out, *type.object, providers);
  if (type.alternative != nullptr) {
    out.key("or");
    write_structure(out, *type.alternative, providers, nullptr);
  }
  if (member != nullptr && !member->when.empty()) {
    out.key("when").begin_object().member("type", member->when).end_object();
  }
  if (member != nullptr && shown_as_optional(*member)) out.member("optional", true);
  out.end_object();
}

void append_bounds(std::string& text, const Type& type) {
  if (type.minimum != kNoMinimum && type.maximum != kNoMaximum && type.maximum != kTokensMax) {
    append_integer(text, type.minimum);
    text.append(" to ");
    append_integer(text, type.maximum);
  } else if (type.minimum != kNoMinimum) {
    text.append("at least ");
    append_integer(text, type.minimum);
  }
}

// " (optional, 0 to 2)": what stands behind a member's name.
std::string remarks(const Member& member) {
  std::vector<std::string> notes;
  if (!member.when.empty()) notes.push_back(std::string("with type ").append(member.when));
  if (shown_as_optional(member)) notes.emplace_back("optional");
  if (is_numeric(member.type)) {
    std::string bounds;
    append_bounds(bounds, member.type);
    if (!bounds.empty()) notes.push_back(std::move(bounds));
  }
  std::string text;
  for (const std::string& note : notes) text.append(text.empty() ? " (" : ", ").append(note);
  return text.empty() ? text : text.append(")");
}

void append_members(std::string& text, const Object& object, Names providers, std::size_t indent);

// The type in words; an object's members follow on lines of their own, in `inner`.
void append_type(std::string& text, const Type& type, Names providers, const Object*& inner) {
  if (type.kind == Kind::array && type.items->object != nullptr) {
    text.append("array of");
    inner = type.items->object;
  } else if (type.kind == Kind::array) {
    text.append("array of ");
    append_type(text, *type.items, providers, inner);
  } else if (type.object != nullptr) {
    text.append("object of");
    inner = type.object;
  } else if (type.kind == Kind::object && type.items != nullptr) {
    text.append("object of names to ");
    append_type(text, *type.items, providers, inner);
  } else if (type.kind == Kind::enumeration) {
    text.append("enum: ");
    bool first = true;
    for (const std::string_view option : type.names_provider ? providers : type.options) {
      if (!std::exchange(first, false)) text.append(" | ");
      text.append(option);
    }
  } else {
    text.append(word(type.kind));
  }
  if (type.alternative != nullptr) {
    text.append(", or ");
    append_type(text, *type.alternative, providers, inner);
  }
}

void append_members(std::string& text, const Object& object, Names providers, std::size_t indent) {
  for (const Member& member : object.members) {
    if (!member.shown) continue;
    text.append(indent, ' ').append(member.name).append(remarks(member)).append(": ");
    const Object* inner = nullptr;
    append_type(text, member.type, providers, inner);
    if (inner != nullptr) text.push_back(':');
    text.push_back('\n');
    if (inner != nullptr) append_members(text, *inner, providers, indent + 2);
  }
}

// A request that works as it stands, once the key is there: the original's, where there is an OpenAI.
std::pair<std::string_view, std::string_view> example_model(Names providers) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 3> kExamples{
      {{"openai", "gpt-4-turbo"}, {"anthropic", "claude-haiku-4-5"}, {"mistral", "mistral-small-latest"}}};
  for (const auto& example : kExamples) {
    if (std::ranges::find(providers, example.first) != providers.end()) return example;
  }
  return {providers.empty() ? std::string_view("openai") : providers.front(), "your-model"};
}

}  // namespace

std::string schema_description(const std::vector<std::string_view>& provider_names) {
  std::string text;
  append_members(text, kRequest, provider_names, 0);
  text.pop_back();  // the last line's end
  return text;
}

void write_expected_schema(json::Writer& out, const std::vector<std::string_view>& provider_names) {
  const auto [provider, model] = example_model(provider_names);
  out.begin_object().key("structure");
  write_structure(out, kRequestType, provider_names, nullptr);
  out.member("description", schema_description(provider_names));
  out.key("example").begin_object().member("provider", provider).member("model", model);
  out.key("messages").begin_array();
  out.begin_object().member("role", "user").member("content", "Hello").end_object();
  out.end_array().end_object().end_object();
}

}  // namespace ai_proxy::dialects::native
