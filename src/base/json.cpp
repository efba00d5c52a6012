// See json.h. simdjson's on-demand parser finds the tokens; every scalar is checked here against RFC 8259,
// because on-demand checks only what is asked for. RapidJSON's reader tells where a broken text breaks.
#include "base/json.h"

#include <rapidjson/error/en.h>
#include <rapidjson/memorystream.h>
#include <rapidjson/reader.h>
#include <simdjson.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <unordered_set>

#include "base/ascii.h"

namespace ai_proxy::json {

static_assert(kPadding >= simdjson::SIMDJSON_PADDING);

namespace {

namespace ondemand = simdjson::ondemand;

// A guess at how many nodes a text will need; growing does the rest.
constexpr std::size_t kBytesPerNode = 16;
constexpr std::size_t kNodesMin = 8;
constexpr std::size_t kNodesReserved = 1024;

constexpr bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}
constexpr bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

std::string_view trim_end(std::string_view text) {
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

// RFC 8259 section 6: [-] int [frac] [exp], all of the text.
bool is_number_text(std::string_view text) {
  std::size_t i = 0;
  const auto digits = [&] {
    const std::size_t start = i;
    while (i < text.size() && is_digit(text[i])) ++i;
    return i > start;
  };
  if (i < text.size() && text[i] == '-') ++i;
  if (i < text.size() && text[i] == '0') {
    ++i;
  } else if (!digits()) {
    return false;
  }
  if (i < text.size() && text[i] == '.') {
    ++i;
    if (!digits()) return false;
  }
  if (i < text.size() && (text[i] == 'e' || text[i] == 'E')) {
    ++i;
    if (i < text.size() && (text[i] == '+' || text[i] == '-')) ++i;
    if (!digits()) return false;
  }
  return i == text.size();
}

void set_line_and_column(Fault& fault, std::string_view text) {
  const std::string_view before = text.substr(0, std::min(fault.offset, text.size()));
  fault.line = 1 + static_cast<std::size_t>(std::ranges::count(before, '\n'));
  const std::size_t line_start = before.rfind('\n');
  fault.column = 1 + before.size() - (line_start == std::string_view::npos ? 0 : line_start + 1);
}

// Where and why a text that simdjson refused is broken, by a second, slower reader.
Fault locate(std::string_view text, std::string_view otherwise) {
  Fault fault;
  rapidjson::MemoryStream stream(text.data(), text.size());
  rapidjson::BaseReaderHandler<> handler;
  rapidjson::Reader reader;
  constexpr unsigned kFlags = rapidjson::kParseIterativeFlag | rapidjson::kParseValidateEncodingFlag |
                              rapidjson::kParseNumbersAsStringsFlag;
  const auto result = reader.Parse<kFlags>(stream, handler);
  if (result.IsError()) {
    fault.message = rapidjson::GetParseError_En(result.Code());
    fault.offset = result.Offset();
  } else {
    fault.message = otherwise;
  }
  set_line_and_column(fault, text);
  return fault;
}

struct KeyHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
};

}  // namespace

// Walks the tokens once and appends one node per value.
class Builder {
 public:
  Builder(Document& document, ondemand::document& tokens, std::string_view source, const Limits& limits)
      : document_(document), tokens_(tokens), source_(source), limits_(limits) {}

  // False: the text is broken, or fault() says which bound it breaks.
  bool build() {
    bool scalar = false;
    if (tokens_.is_scalar().get(scalar)) return false;
    if (scalar) return root_scalar();
    ondemand::value value;
    if (tokens_.get_value().get(value)) return false;
    return add(value, 1) && at_end();
  }

  std::optional<Fault> take_fault() { return std::move(fault_); }

 private:
  // Has the last token been read?
  bool at_end() { return tokens_.current_location().error() == simdjson::OUT_OF_BOUNDS; }

  bool root_scalar() {
    std::string_view token;
    if (tokens_.raw_json_token().get(token)) return false;
    token = trim_end(token);
    if (token.data() + token.size() != trim_end(source_).data() + trim_end(source_).size()) return false;
    const std::uint32_t index = push(token);
    if (token.starts_with('"')) {
      std::string_view text;
      if (token.find('\\') != std::string_view::npos) {
        if (tokens_.get_string().get(text)) return false;
        keep_unescaped(index, text);
      }
      document_.nodes_[index].type = Type::string;
      close(index);
      return token.size() >= 2 && token.ends_with('"');
    }
    return literal(index, token);
  }

  bool add(ondemand::value value, std::uint32_t depth) {
    const std::string_view token = trim_end(value.raw_json_token());
    if (token.empty()) return false;
    switch (token.front()) {
      case '{':
        return object(value, push(token), depth);
      case '[':
        return array(value, push(token), depth);
      case '"':
        return string(value, push(token), token);
      default:
        return literal(push(token), token);
    }
  }

  bool string(ondemand::value& value, std::uint32_t index, std::string_view token) {
    if (token.size() < 2 || !token.ends_with('"')) return false;
    if (std::memchr(token.data(), '\\', token.size()) != nullptr) {
      std::string_view text;
      if (value.get_string().get(text)) return false;
      keep_unescaped(index, text);
    } else if (value.get_raw_json_string().error()) {
      // It is taken, not only looked at: simdjson skips what was not taken, and skips a string with a colon
      // behind it as if it were a key, with the value that follows.
      return false;
    }
    document_.nodes_[index].type = Type::string;
    close(index);
    return true;
  }

  bool literal(std::uint32_t index, std::string_view token) {
    Node& node = document_.nodes_[index];
    close(index);
    if (token == "null") {
      node.type = Type::null;
    } else if (token == "true" || token == "false") {
      node.type = Type::boolean;
      node.truth = token == "true";
    } else if (is_number_text(token)) {
      node.type = Type::number;
      if (token.size() > limits_.number_length_max) {
        return refuse(
            index, "This number has more than " + std::to_string(limits_.number_length_max) + " characters.");
      }
    } else {
      return false;
    }
    return true;
  }

  bool array(ondemand::value& value, std::uint32_t index, std::uint32_t depth) {
    document_.nodes_[index].type = Type::array;
    if (depth > limits_.depth_max) return refuse_depth(index);
    ondemand::array elements;
    if (value.get_array().get(elements)) return false;
    std::uint32_t count = 0;
    for (auto element : elements) {
      ondemand::value child;
      if (std::move(element).get(child) || !add(child, depth + 1)) return false;
      ++count;
    }
    return close_container(index, count, ']');
  }

  bool object(ondemand::value& value, std::uint32_t index, std::uint32_t depth) {
    document_.nodes_[index].type = Type::object;
    if (depth > limits_.depth_max) return refuse_depth(index);
    ondemand::object members;
    if (value.get_object().get(members)) return false;
    std::uint32_t count = 0;
    std::unordered_set<std::string_view, KeyHash> seen;
    for (auto member : members) {
      ondemand::field field;
      if (std::move(member).get(field)) return false;
      const auto child = static_cast<std::uint32_t>(document_.nodes_.size());
      const char* key = field.key().raw();
      pending_key_begin_ = static_cast<std::uint32_t>(key - source_.data());
      std::size_t key_length = 0;
      while (key[key_length] != '"' && key[key_length] != '\\') ++key_length;
      pending_key_length_ = static_cast<std::uint32_t>(key_length);
      pending_key_escaped_ = key[key_length] == '\\';
      if (pending_key_escaped_) {
        std::string_view text;
        if (field.unescaped_key().get(text)) return false;
        pending_key_begin_ = static_cast<std::uint32_t>(document_.unescaped_.size());
        document_.unescaped_.push_back(std::make_unique<const std::string>(text));
      }
      if (!add(field.value(), depth + 1)) return false;
      if (++count > limits_.keys_per_object_max) {
        return refuse(
            index, "This object has more than " + std::to_string(limits_.keys_per_object_max) + " members.");
      }
      if (limits_.refuse_duplicate_keys && !first_of_its_name(index, child, count, seen)) {
        return refuse(child, "The member \"" + std::string(key_of(child)) + "\" stands twice in one object.");
      }
    }
    return close_container(index, count, '}');
  }

  // Few members: compare with the earlier ones; many: keep a set, so that time stays linear.
  bool first_of_its_name(std::uint32_t object, std::uint32_t child, std::uint32_t count,
                         std::unordered_set<std::string_view, KeyHash>& seen) {
    constexpr std::uint32_t kFew = 16;
    const std::string_view name = key_of(child);
    if (count > kFew) {
      if (seen.empty()) {
        for (std::uint32_t i = object + 1; i < child; i = document_.nodes_[i].next) seen.insert(key_of(i));
      }
      return seen.insert(name).second;
    }
    for (std::uint32_t i = object + 1; i < child; i = document_.nodes_[i].next) {
      if (key_of(i) == name) return false;
    }
    return true;
  }

  std::uint32_t push(std::string_view token) {
    Node node;
    node.raw_begin = static_cast<std::uint32_t>(token.data() - source_.data());
    node.raw_length = static_cast<std::uint32_t>(token.size());
    node.key_begin = pending_key_begin_;
    node.key_length = pending_key_length_;
    node.key_escaped = pending_key_escaped_;
    pending_key_begin_ = pending_key_length_ = 0;
    pending_key_escaped_ = false;
    document_.nodes_.push_back(node);
    return static_cast<std::uint32_t>(document_.nodes_.size() - 1);
  }

  void close(std::uint32_t index) {
    document_.nodes_[index].next = static_cast<std::uint32_t>(document_.nodes_.size());
  }

  bool close_container(std::uint32_t index, std::uint32_t count, char bracket) {
    close(index);
    Node& node = document_.nodes_[index];
    node.detail = count;
    // The next token, or the end of the text, stands behind our closing bracket and blanks.
    std::string_view text = source_.substr(node.raw_begin);
    const char* next = nullptr;
    if (!tokens_.current_location().get(next)) {
      text = text.substr(0, static_cast<std::size_t>(next - text.data()));
    }
    text = trim_end(text);
    node.raw_length = static_cast<std::uint32_t>(text.size());
    return text.ends_with(bracket);
  }

  void keep_unescaped(std::uint32_t index, std::string_view text) {
    Node& node = document_.nodes_[index];
    node.escaped = true;
    node.detail = static_cast<std::uint32_t>(document_.unescaped_.size());
    document_.unescaped_.push_back(std::make_unique<const std::string>(text));
  }

  std::string_view key_of(std::uint32_t index) const {
    const Node& node = document_.nodes_[index];
    if (node.key_escaped) return *document_.unescaped_[node.key_begin];
    return document_.text_of(node.key_begin, node.key_length);
  }

  bool refuse_depth(std::uint32_t index) {
    return refuse(index, "The JSON is nested deeper than " + std::to_string(limits_.depth_max) + " levels.");
  }

  bool refuse(std::uint32_t index, std::string message) {
    fault_ = Fault{.message = std::move(message),
                   .offset = document_.nodes_[index].raw_begin,
                   .line = 1,
                   .column = 1,
                   .path = {}};
    set_line_and_column(*fault_, source_);
    fault_->path = path_to(index);
    return false;
  }

  // messages[0].role: the open containers on the way to this node. Only for faults, so it may walk.
  std::string path_to(std::uint32_t target) const {
    std::string path;
    std::uint32_t container = 0;
    while (container != target && container < target) {
      std::uint32_t child = container + 1;
      std::size_t position = 0;
      // An open container has next == 0, and everything behind it is inside it.
      while (child < target && document_.nodes_[child].next != 0 && document_.nodes_[child].next <= target) {
        child = document_.nodes_[child].next;
        ++position;
      }
      if (document_.nodes_[container].type == Type::array) {
        path.append("[").append(std::to_string(position)).append("]");
      } else {
        if (!path.empty()) path.push_back('.');
        path.append(key_of(child));
      }
      container = child;
    }
    return path;
  }

  Document& document_;
  ondemand::document& tokens_;
  std::string_view source_;
  const Limits& limits_;
  std::optional<Fault> fault_;
  std::uint32_t pending_key_begin_ = 0;
  std::uint32_t pending_key_length_ = 0;
  bool pending_key_escaped_ = false;
};

std::optional<Fault> Document::parse(const std::string& text, const Limits& limits) {
  if (text.capacity() - text.size() >= kPadding) return parse_padded(text, text.capacity(), limits);
  return parse(std::string_view(text), limits);
}

std::optional<Fault> Document::parse(std::string_view text, const Limits& limits) {
  copy_.reserve(text.size() + kPadding);
  copy_.assign(text);
  return parse_padded(copy_, copy_.capacity(), limits);
}

std::optional<Fault> Document::parse_padded(std::string_view text, std::size_t capacity,
                                            const Limits& limits) {
  nodes_.clear();
  nodes_.reserve(std::clamp<std::size_t>(text.size() / kBytesPerNode, kNodesMin, kNodesReserved));
  unescaped_.clear();
  source_ = text;
  // One reader per thread: it is only used between here and the end of this function, and keeps its memory.
  thread_local ondemand::parser reader;
  constexpr std::size_t kKeptBytes = 1 << 20;
  ondemand::document tokens;
  std::optional<Fault> fault;
  if (reader.iterate(text.data(), text.size(), capacity).get(tokens)) {
    fault = locate(text, "This is not valid JSON.");
  } else {
    Builder builder(*this, tokens, text, limits);
    if (!builder.build()) {
      fault = builder.take_fault();
      if (!fault) fault = locate(text, "This is not valid JSON.");
    }
  }
  if (reader.capacity() > kKeptBytes) reader = ondemand::parser();
  if (fault) nodes_.clear();
  return fault;
}

std::optional<std::int64_t> Value::integer() const {
  if (!is_number()) return std::nullopt;
  if (const auto plain = parse_integer<std::int64_t>(raw())) return plain;
  const auto value = number();
  // Beyond 2^53 a double does not know the integer any more.
  if (!value || std::trunc(*value) != *value || std::abs(*value) > 9007199254740992.0) return std::nullopt;
  return static_cast<std::int64_t>(*value);
}

std::optional<double> Value::number() const {
  if (!is_number()) return std::nullopt;
  const std::string_view text = raw();
  double value = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (fault != std::errc{} || end != text.data() + text.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

Value Value::operator[](std::string_view name) const {
  if (!is_object()) return {};
  const std::uint32_t end = node().next;
  for (std::uint32_t i = index_ + 1; i < end;) {
    const Node& member = document_->nodes_[i];
    // Lengths first: most members are told apart by them, without a look at the text.
    const bool may_match = member.key_escaped || member.key_length == name.size();
    if (may_match && Value(document_, i).key() == name) return {document_, i};
    i = member.next;
  }
  return {};
}

Value Value::operator[](std::size_t index) const {
  if (!is_array() || index >= size()) return {};
  Iterator element = begin();
  for (; index > 0; --index) ++element;
  return *element;
}

bool valid(std::string_view text) {
  Document document;
  Limits limits = kProviderLimits;
  return !document.parse(text, limits);
}

}  // namespace ai_proxy::json
