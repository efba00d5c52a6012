// See door_faults.h. Wording: recorded 400s, and what the API's checks (pydantic's) are known to say.
#include "dialects/anthropic_messages/door_faults.h"

#include "base/ascii.h"

namespace ai_proxy::dialects::anthropic_messages {

std::string Path::wire() const {
  if (parent_ == nullptr) return {};
  std::string text = parent_->wire();
  if (!text.empty()) text.push_back('.');
  if (kind_ == Kind::index) {
    append_integer(text, index_);
  } else {
    text.append(name_);
  }
  return text;
}

std::string Path::ours() const {
  if (parent_ == nullptr) return {};
  std::string text = parent_->ours();
  if (kind_ == Kind::index) {
    text.push_back('[');
    append_integer(text, index_);
    text.push_back(']');
  } else if (kind_ == Kind::member) {
    text.append(text.empty() ? "" : ".").append(name_);
  }
  return text;
}

void Faults::add(const Path& path, std::string_view what) {
  if (any()) return;
  std::string sentence = path.wire();
  if (!sentence.empty()) sentence.append(": ");
  add_sentence(path, sentence.append(what));
}

void Faults::add_sentence(const Path& path, std::string sentence) {
  if (!any()) first_ = bad_request(std::move(sentence), path.ours());
}

std::string_view Faults::required_string(const json::Value& object, std::string_view name, const Path& path) {
  const json::Value value = object[name];
  if (const auto text = value.string()) return *text;
  add(Path(path, name), value.present() ? "Input should be a valid string" : kRequired);
  return {};
}

std::string_view Faults::optional_string(const json::Value& object, std::string_view name, const Path& path) {
  return object[name].has_value() ? required_string(object, name, path) : std::string_view{};
}

std::string_view Faults::required_object(const json::Value& object, std::string_view name, const Path& path) {
  const json::Value value = object[name];
  if (value.is_object()) return value.raw();
  add(Path(path, name), value.present() ? kNotAnObject : kRequired);
  return {};
}

std::optional<bool> Faults::boolean(const json::Value& object, std::string_view name, const Path& path) {
  const json::Value value = object[name];
  if (!value.has_value()) return std::nullopt;
  if (!value.is_boolean()) add(Path(path, name), "Input should be a valid boolean");
  return value.boolean();
}

std::optional<std::int64_t> Faults::integer(const json::Value& value, const Path& path) {
  if (!value.integer()) add(path, "Input should be a valid integer");
  return value.integer();
}

}  // namespace ai_proxy::dialects::anthropic_messages
