// Faults of a request in Anthropic's own words: "messages.0.content: Field required". Only the first one is
// told, as Anthropic does; whoever reads on after it does no harm.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "base/json.h"

namespace ai_proxy::dialects::anthropic_messages {

inline constexpr std::string_view kRequired = "Field required";
inline constexpr std::string_view kWrongShape = "Input does not match the expected shape.";
inline constexpr std::string_view kNotAnObject = "Input should be a valid dictionary";

// Where in the request. Costs nothing until it is spelt. A path refers to its parent, which must outlive it.
class Path {
 public:
  Path() = default;
  Path(const Path& parent, std::string_view member) : parent_(&parent), name_(member) {}
  Path(const Path& parent, std::size_t index) : parent_(&parent), index_(index), kind_(Kind::index) {}
  // Anthropic names the kind of a block behind its index (messages.1.content.0.tool_use.id); we do not.
  static Path tagged(const Path& parent, std::string_view kind) {
    Path path(parent, kind);
    path.kind_ = Kind::tag;
    return path;
  }

  std::string wire() const;  // messages.1.content.0.tool_use.id; empty for the root
  std::string ours() const;  // messages[1].content[0].id

 private:
  enum class Kind : std::uint8_t { member, index, tag };

  const Path* parent_ = nullptr;  // the root has none
  std::string_view name_;
  std::size_t index_ = 0;
  Kind kind_ = Kind::member;
};

class Faults {
 public:
  bool any() const { return first_.has_value(); }
  Error take() { return std::move(*first_); }

  // `what` is Anthropic's sentence behind the path.
  void add(const Path& path, std::string_view what);
  // A whole sentence, where Anthropic's does not begin with a path.
  void add_sentence(const Path& path, std::string sentence);

  // Members of an object. Null counts as absent where a member is optional. Empty or nullopt after a fault.
  std::string_view required_string(const json::Value& object, std::string_view name, const Path& path);
  std::string_view optional_string(const json::Value& object, std::string_view name, const Path& path);
  // Raw JSON.
  std::string_view required_object(const json::Value& object, std::string_view name, const Path& path);
  std::optional<bool> boolean(const json::Value& object, std::string_view name, const Path& path);
  std::optional<std::int64_t> integer(const json::Value& value, const Path& path);

 private:
  std::optional<Error> first_;
};

// Raw JSON of a value that says something; empty when absent or null.
inline std::string_view said(const json::Value& value) {
  return value.has_value() ? value.raw() : std::string_view{};
}

}  // namespace ai_proxy::dialects::anthropic_messages
