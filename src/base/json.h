// Reading JSON: text in, a checked tree of slices out. simdjson does the reading; this adds what a gateway
// must know on top: bounds on depth and size, duplicate keys, the exact source text of every value, line and
// column of a fault. Strict RFC 8259. Numbers keep their spelling until asked for.
//
//   json::Document document;
//   if (auto fault = document.parse(text)) …            // fault->message, line, column
//   json::Value root = document.root();
//   root["messages"][0]["role"].string()                // absent values chain: no exceptions
//
// A Value and every view taken from it live as long as its Document and the text it was parsed from, and
// until the next parse(). A Document may be reused: it keeps its memory. One thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ai_proxy::json {

enum class Type : std::uint8_t { absent, null, boolean, number, string, array, object };

struct Limits {
  std::uint32_t depth_max = 128;  // nesting of arrays and objects
  std::uint32_t keys_per_object_max = 10'000;
  std::uint32_t number_length_max = 64;  // characters of one number
  bool refuse_duplicate_keys = true;     // at every level; "a" and "\u0061" are the same key

  bool operator==(const Limits&) const = default;
};

// For what providers send: as strict in syntax, but generous in size and silent about duplicate keys.
inline constexpr Limits kProviderLimits{.depth_max = 512,
                                        .keys_per_object_max = 1'000'000,
                                        .number_length_max = 4096,
                                        .refuse_duplicate_keys = false};

struct Fault {
  std::string message;     // "Missing a comma or } after an object member."
  std::size_t offset = 0;  // bytes from the start
  std::size_t line = 1;    // from 1
  std::size_t column = 1;  // from 1, in bytes
  std::string path;        // for duplicate keys and bounds: messages[0].role; else empty
};

// One value of the tree, in text order. 28 bytes, because a body may hold millions.
struct Node {
  Type type = Type::absent;
  bool escaped : 1 = false;      // string: `detail` is an index into the unescaped texts
  bool key_escaped : 1 = false;  // member: `key_begin` is an index into the unescaped texts
  bool truth : 1 = false;        // boolean
  std::uint16_t key_tag = 0;     // member: tag_of() its name
  std::uint32_t raw_begin = 0;   // source text of the value, quotes and brackets included
  std::uint32_t raw_length = 0;
  std::uint32_t span = 0;    // nodes of this value's subtree, itself included: the next value stands behind
  std::uint32_t detail = 0;  // array, object: number of children
  std::uint32_t key_begin = 0;
  std::uint32_t key_length = 0;
};

// Tells most names apart by one comparison.
constexpr std::uint16_t tag_of(std::string_view name) {
  if (name.empty()) return 0;
  const std::size_t first = static_cast<unsigned char>(name.front());
  const std::size_t last = static_cast<unsigned char>(name.back());
  return static_cast<std::uint16_t>(first ^ last << 8 ^ name.size() * 0x0511);
}

class Document;

class Value {
 public:
  Value() = default;

  Type type() const;
  bool present() const { return node_ != nullptr; }       // stands in the text, even as null
  bool has_value() const { return type() > Type::null; }  // present and not null
  bool is_object() const { return type() == Type::object; }
  bool is_array() const { return type() == Type::array; }
  bool is_string() const { return type() == Type::string; }
  bool is_number() const { return type() == Type::number; }
  bool is_boolean() const { return type() == Type::boolean; }
  bool is_null() const { return type() == Type::null; }

  // The exact source text of this value ("1.0", "{\"z\":1}"); empty when absent.
  std::string_view raw() const;
  // The name under which an object holds this value, unescaped; empty otherwise.
  std::string_view key() const;

  // Each gives nullopt when the value is of another type or out of range.
  std::optional<std::string_view> string() const;
  std::optional<bool> boolean() const;
  std::optional<std::int64_t> integer() const;  // 12, 12.0 and 1.2e1 are integers; 12.5 and 1e30 are not
  std::optional<double> number() const;

  std::string_view string_or(std::string_view otherwise) const { return string().value_or(otherwise); }
  std::int64_t integer_or(std::int64_t otherwise) const { return integer().value_or(otherwise); }
  bool boolean_or(bool otherwise) const { return boolean().value_or(otherwise); }

  // Member of an object, element of an array; absent (never an exception) when there is none.
  Value operator[](std::string_view name) const { return find(name, tag_of(name)); }
  Value operator[](std::size_t index) const;
  std::size_t size() const;  // members or elements; 0 for scalars
  bool empty() const { return size() == 0; }

  // Iterates over elements or members, in the order of the text. Nothing for scalars.
  class Iterator;
  Iterator begin() const;
  Iterator end() const;

 private:
  friend class Document;
  friend class Iterator;
  Value(const Document* document, const Node* node) : document_(document), node_(node) {}
  Value find(std::string_view name, std::uint16_t tag) const;

  const Document* document_ = nullptr;
  const Node* node_ = nullptr;  // null: absent
};

class Value::Iterator {
 public:
  using value_type = Value;
  using difference_type = std::ptrdiff_t;
  Iterator() = default;
  Value operator*() const { return Value(document_, node_); }
  Iterator& operator++() {
    node_ += node_->span;
    return *this;
  }
  Iterator operator++(int) {
    Iterator old = *this;
    ++*this;
    return old;
  }
  bool operator==(const Iterator& other) const { return node_ == other.node_; }

 private:
  friend class Value;
  Iterator(const Document* document, const Node* node) : document_(document), node_(node) {}
  const Document* document_ = nullptr;
  const Node* node_ = nullptr;
};

class Document {
 public:
  Document() = default;
  // Values point at their document, so it stays where it is.
  Document(const Document&) = delete;
  Document& operator=(const Document&) = delete;

  // nullopt = good. `text` must outlive the document's use and be shorter than 4 GiB. A std::string with
  // kPadding spare capacity is read in place; any other text is copied once for reading.
  std::optional<Fault> parse(const std::string& text, const Limits& limits = {});
  std::optional<Fault> parse(std::string_view text, const Limits& limits = {});
  std::optional<Fault> parse(const char* text, const Limits& limits = {}) {
    return parse(std::string_view(text), limits);
  }

  Value root() const;

 private:
  friend class Value;
  friend class Builder;
  std::optional<Fault> parse_padded(std::string_view text, const Limits& limits);
  // Reads a text that differs from the one before in a few strings only. False, and nothing has changed: it
  // is another one (json_reread.cpp).
  bool reread(std::string_view text);

  std::string_view text_of(std::uint32_t begin, std::uint32_t length) const {
    return {source_.data() + begin, length};
  }
  std::string_view key_of(const Node& member) const {
    if (member.key_escaped) return *unescaped_[member.key_begin];
    return text_of(member.key_begin, member.key_length);
  }

  std::vector<Node> nodes_;
  Limits limits_;       // that the text kept to
  bool whole_ = false;  // the tree is that of source_: not when memory ran out while it was made
  std::string_view source_;
  std::string copy_;  // when the caller's text had no padding
  // Texts that stand escaped in the source. Each has its own place: views of them are given out.
  std::vector<std::unique_ptr<const std::string>> unescaped_;
};

// Walking the tree is what rendering and reading mostly do: these are inline.

inline Type Value::type() const {
  return node_ == nullptr ? Type::absent : node_->type;
}

inline std::string_view Value::raw() const {
  if (node_ == nullptr) return {};
  return document_->text_of(node_->raw_begin, node_->raw_length);
}

inline std::string_view Value::key() const {
  if (node_ == nullptr) return {};
  return document_->key_of(*node_);
}

inline std::optional<std::string_view> Value::string() const {
  if (!is_string()) return std::nullopt;
  if (node_->escaped) return *document_->unescaped_[node_->detail];
  return document_->text_of(node_->raw_begin + 1, node_->raw_length - 2);
}

inline std::optional<bool> Value::boolean() const {
  if (!is_boolean()) return std::nullopt;
  return node_->truth;
}

inline std::size_t Value::size() const {
  return is_array() || is_object() ? node_->detail : 0;
}

inline Value::Iterator Value::begin() const {
  return size() == 0 ? Iterator() : Iterator(document_, node_ + 1);
}
inline Value::Iterator Value::end() const {
  return size() == 0 ? Iterator() : Iterator(document_, node_ + node_->span);
}

inline Value Document::root() const {
  return nodes_.empty() ? Value() : Value(this, nodes_.data());
}

// Spare capacity behind a text that lets it be read without a copy.
inline constexpr std::size_t kPadding = 64;

// Is this text one complete JSON value? For tool arguments and the like.
bool valid(std::string_view text);

}  // namespace ai_proxy::json
