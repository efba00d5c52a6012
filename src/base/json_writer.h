// Writing JSON into a std::string: RapidJSON's writer (which escapes correctly) behind the few verbs we use.
// Raw slices are spliced as they are. Member order is the order of the calls. RapidJSON goes character by
// character; the specialisations below (its own way to be made faster) append runs at once.
//
//   json::Writer out(text);
//   out.begin_object().member("model", model).key("tools").raw(slice).end_object();
#pragma once

#include <rapidjson/writer.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "base/eight_bytes.h"

namespace ai_proxy::json {

// RapidJSON's output stream concept over a std::string it appends to.
class StringStream {
 public:
  using Ch = char;
  explicit StringStream(std::string& text) : text_(&text) {}
  void Put(char c) { text_->push_back(c); }
  void Append(std::string_view text) { text_->append(text); }
  void Flush() {}

 private:
  std::string* text_;
};

// How many bytes at the start of `text` stand for themselves inside a JSON string: up to the first control
// character, quotation mark or backslash. Eight bytes at a time (S. Anderson, "Bit Twiddling Hacks").
inline std::size_t unescaped_length(std::string_view text) {
  std::size_t i = 0;
  for (; i + sizeof(std::uint64_t) <= text.size(); i += sizeof(std::uint64_t)) {
    const std::uint64_t word = eight_bytes(text.data() + i);
    const std::uint64_t controls = (word - repeated(' ')) & ~word & kTopBits;
    if ((controls | zero_bytes(word ^ repeated('"')) | zero_bytes(word ^ repeated('\\'))) != 0) break;
  }
  while (i < text.size() && static_cast<unsigned char>(text[i]) >= ' ' && text[i] != '"' && text[i] != '\\')
    ++i;
  return i;
}

}  // namespace ai_proxy::json

template <>
inline bool rapidjson::Writer<ai_proxy::json::StringStream>::ScanWriteUnescapedString(
    GenericStringStream<UTF8<>>& text, std::size_t length) {
  const std::string_view rest(text.src_, length - text.Tell());
  const std::size_t run = ai_proxy::json::unescaped_length(rest);
  os_->Append(rest.substr(0, run));
  text.src_ += run;
  return run < rest.size();
}

template <>
inline bool rapidjson::Writer<ai_proxy::json::StringStream>::WriteRawValue(const char* text,
                                                                           std::size_t length) {
  os_->Append({text, length});
  return true;
}

namespace ai_proxy::json {

class Writer {
 public:
  // Appends to `text`, which must outlive the writer.
  explicit Writer(std::string& text) : stream_(text), writer_(stream_) {}

  Writer& begin_object() {
    writer_.StartObject();
    return *this;
  }
  Writer& end_object() {
    writer_.EndObject();
    return *this;
  }
  Writer& begin_array() {
    writer_.StartArray();
    return *this;
  }
  Writer& end_array() {
    writer_.EndArray();
    return *this;
  }
  Writer& key(std::string_view name) {
    writer_.Key(name.data(), length(name));
    return *this;
  }
  // Requires: `text` is valid UTF-8 (what json::Document hands out is).
  Writer& string(std::string_view text) {
    writer_.String(text.data(), length(text));
    return *this;
  }
  Writer& integer(std::int64_t value) {
    writer_.Int64(value);
    return *this;
  }
  Writer& boolean(bool value) {
    writer_.Bool(value);
    return *this;
  }
  Writer& null() {
    writer_.Null();
    return *this;
  }
  // Requires: `text` is one complete JSON value.
  Writer& raw(std::string_view text) {
    writer_.RawValue(text.data(), text.size(), rapidjson::kStringType);
    return *this;
  }

  Writer& member(std::string_view name, std::string_view text) { return key(name).string(text); }
  Writer& member(std::string_view name, const char* text) { return key(name).string(text); }
  Writer& member(std::string_view name, const std::string& text) { return key(name).string(text); }
  Writer& member(std::string_view name, std::int64_t value) { return key(name).integer(value); }
  Writer& member(std::string_view name, int value) { return key(name).integer(value); }
  Writer& member(std::string_view name, bool value) { return key(name).boolean(value); }
  Writer& raw_member(std::string_view name, std::string_view text) { return key(name).raw(text); }

 private:
  static rapidjson::SizeType length(std::string_view text) {
    return static_cast<rapidjson::SizeType>(text.size());
  }

  StringStream stream_;
  rapidjson::Writer<StringStream> writer_;
};

}  // namespace ai_proxy::json
