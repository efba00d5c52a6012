// Writing JSON into a std::string: RapidJSON's writer (which escapes correctly) behind the few verbs we use.
// Raw slices are spliced as they are. Member order is the order of the calls.
//
//   json::Writer out(text);
//   out.begin_object().member("model", model).key("tools").raw(slice).end_object();
#pragma once

#include <rapidjson/writer.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace ai_proxy::json {

// RapidJSON's output stream concept over a std::string it appends to.
class StringStream {
 public:
  using Ch = char;
  explicit StringStream(std::string& text) : text_(&text) {}
  void Put(char c) { text_->push_back(c); }
  void Flush() {}

 private:
  std::string* text_;
};

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
