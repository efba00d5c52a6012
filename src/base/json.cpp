// See json.h. simdjson's first stage checks encoding and strings, and says where tokens begin; the grammar is
// read here, straight into the tree. RapidJSON's reader tells where a broken text breaks.
#include "base/json.h"

#include <rapidjson/error/en.h>
#include <rapidjson/memorystream.h>
#include <rapidjson/reader.h>
#include <simdjson.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>
#include <span>
#include <unordered_set>
#include <utility>

#include "base/ascii.h"
#include "base/json_scalar.h"

namespace ai_proxy::json {

static_assert(kPadding >= simdjson::SIMDJSON_PADDING);

namespace {

// A guess at how many nodes a text will need; growing does the rest.
constexpr std::size_t kBytesPerNode = 16;
constexpr std::size_t kNodesMin = 8;
constexpr std::size_t kNodesReserved = 1024;

constexpr bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

std::string_view trim_end(std::string_view text) {
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
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

// Where the tokens of a text begin: brackets, colons, commas, the quotes that open strings, and the first
// character of every other scalar. One per thread: it keeps its memory.
class Tokens {
 public:
  // False: the text is not UTF-8, or a string in it is not closed or holds a control character.
  bool read(std::string_view text) {
    if ((!stage_ || text.size() > capacity_) && !grow(text.size())) return false;
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(text.data());
    return stage_->stage1(bytes, text.size(), simdjson::stage1_mode::regular) == simdjson::SUCCESS;
  }
  std::span<const std::uint32_t> all() const {
    return {stage_->structural_indexes.get(), stage_->n_structural_indexes};
  }
  void forget() {
    stage_.reset();
    capacity_ = 0;
  }
  std::size_t capacity() const { return capacity_; }

 private:
  bool grow(std::size_t bytes) {
    constexpr std::size_t kLeast = 4096;
    constexpr std::size_t kDepth = 1;  // of simdjson's second stage, which is not used
    forget();
    const std::size_t wanted = std::max(std::bit_ceil(bytes), kLeast);
    if (simdjson::get_active_implementation()->create_dom_parser_implementation(wanted, kDepth, stage_))
      return false;
    capacity_ = wanted;
    return true;
  }

  std::unique_ptr<simdjson::internal::dom_parser_implementation> stage_;
  std::size_t capacity_ = 0;
};

}  // namespace

// Walks the tokens once and appends one node per value.
class Builder {
 public:
  Builder(Document& document, std::span<const std::uint32_t> tokens, std::string_view source,
          const Limits& limits)
      : document_(document), tokens_(tokens), source_(source), limits_(limits) {}

  // False: the text is broken, or take_fault() says which bound it breaks.
  bool build() { return value(1) && at_ == tokens_.size(); }

  std::optional<Fault> take_fault() { return std::move(fault_); }

 private:
  // What the next token begins with; NUL at the end.
  char peek() const { return at_ < tokens_.size() ? source_[tokens_[at_]] : '\0'; }

  // The scalar whose token has just been taken: to the next token, without the blanks before that.
  std::string_view scalar_from(std::uint32_t begin) const {
    const std::size_t end = at_ < tokens_.size() ? tokens_[at_] : source_.size();
    return trim_end(source_.substr(begin, end - begin));
  }

  bool value(std::uint32_t depth) {
    const char first = peek();
    if (first == '\0') return false;
    const std::uint32_t begin = tokens_[at_++];
    switch (first) {
      case '{':
        return object(push(begin, Type::object), depth);
      case '[':
        return array(push(begin, Type::array), depth);
      case '"':
        return string(push(begin, Type::string));
      default:
        return literal(push(begin, Type::null));
    }
  }

  bool string(std::uint32_t index) {
    const std::string_view token = close_scalar(index);
    if (token.size() < 2 || token.back() != '"') return false;
    if (std::memchr(token.data(), '\\', token.size()) == nullptr) return true;
    std::optional<std::string> text = unescape(token.substr(1, token.size() - 2));
    if (!text) return false;
    Node& node = document_.nodes_[index];
    node.escaped = true;
    node.detail = keep_unescaped(std::move(*text));
    return true;
  }

  bool literal(std::uint32_t index) {
    const std::string_view token = close_scalar(index);
    Node& node = document_.nodes_[index];
    if (token == "null") return true;
    if (token == "true" || token == "false") {
      node.type = Type::boolean;
      node.truth = token == "true";
      return true;
    }
    node.type = Type::number;
    if (!is_number_text(token)) return false;
    if (token.size() <= limits_.number_length_max) return true;
    return refuse(index,
                  "This number has more than " + std::to_string(limits_.number_length_max) + " characters.");
  }

  bool array(std::uint32_t index, std::uint32_t depth) {
    if (depth > limits_.depth_max) return refuse_depth(index);
    if (peek() == ']') return close_container(index, 0);
    for (std::uint32_t count = 1; value(depth + 1); ++count) {
      if (peek() == ']') return close_container(index, count);
      if (peek() != ',') return false;
      ++at_;
    }
    return false;
  }

  bool object(std::uint32_t index, std::uint32_t depth) {
    if (depth > limits_.depth_max) return refuse_depth(index);
    if (peek() == '}') return close_container(index, 0);
    std::optional<Names> seen;
    for (std::uint32_t count = 1;; ++count) {
      const auto child = static_cast<std::uint32_t>(document_.nodes_.size());
      if (!key() || peek() != ':') return false;
      ++at_;
      if (!value(depth + 1)) return false;
      if (count > limits_.keys_per_object_max) {
        return refuse(
            index, "This object has more than " + std::to_string(limits_.keys_per_object_max) + " members.");
      }
      if (limits_.refuse_duplicate_keys && !first_of_its_name(index, child, count, seen)) {
        return refuse(child, "The member \"" + std::string(key_of(child)) + "\" stands twice in one object.");
      }
      if (peek() == '}') return close_container(index, count);
      if (peek() != ',') return false;
      ++at_;
    }
  }

  // The name of the member that comes next: for push().
  bool key() {
    if (peek() != '"') return false;
    const std::uint32_t begin = tokens_[at_++];
    const std::string_view token = scalar_from(begin);
    if (token.size() < 2 || token.back() != '"') return false;
    const std::string_view name = token.substr(1, token.size() - 2);
    key_.key_begin = begin + 1;
    key_.key_length = static_cast<std::uint32_t>(name.size());
    key_.key_escaped = name.find('\\') != std::string_view::npos;
    if (!key_.key_escaped) return true;
    std::optional<std::string> text = unescape(name);
    if (!text) return false;
    key_.key_begin = keep_unescaped(std::move(*text));
    return true;
  }

  using Names = std::unordered_set<std::string_view>;

  // Few members: compare with the earlier ones; many: keep a set, so that time stays linear.
  bool first_of_its_name(std::uint32_t object, std::uint32_t child, std::uint32_t count,
                         std::optional<Names>& seen) {
    constexpr std::uint32_t kFew = 16;
    const std::string_view name = key_of(child);
    if (count > kFew) {
      if (!seen) {
        seen.emplace();
        for (std::uint32_t i = object + 1; i < child; i = document_.nodes_[i].next) seen->insert(key_of(i));
      }
      return seen->insert(name).second;
    }
    const Node* nodes = document_.nodes_.data();
    for (std::uint32_t i = object + 1; i < child; i = nodes[i].next) {
      const bool may_match = nodes[i].key_escaped || nodes[i].key_length == name.size();
      if (may_match && key_of(i) == name) return false;
    }
    return true;
  }

  std::uint32_t push(std::uint32_t begin, Type type) {
    Node node = std::exchange(key_, Node());
    node.type = type;
    node.raw_begin = begin;
    document_.nodes_.push_back(node);
    return static_cast<std::uint32_t>(document_.nodes_.size() - 1);
  }

  // Its text.
  std::string_view close_scalar(std::uint32_t index) {
    Node& node = document_.nodes_[index];
    const std::string_view text = scalar_from(node.raw_begin);
    node.raw_length = static_cast<std::uint32_t>(text.size());
    node.next = index + 1;
    return text;
  }

  // Takes the closing bracket.
  bool close_container(std::uint32_t index, std::uint32_t count) {
    Node& node = document_.nodes_[index];
    node.raw_length = tokens_[at_++] + 1 - node.raw_begin;
    node.next = static_cast<std::uint32_t>(document_.nodes_.size());
    node.detail = count;
    return true;
  }

  std::uint32_t keep_unescaped(std::string text) {
    document_.unescaped_.push_back(std::make_unique<const std::string>(std::move(text)));
    return static_cast<std::uint32_t>(document_.unescaped_.size() - 1);
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
  std::span<const std::uint32_t> tokens_;
  std::size_t at_ = 0;  // the next token
  std::string_view source_;
  const Limits& limits_;
  std::optional<Fault> fault_;
  Node key_;  // the key members of the node that is pushed next
};

std::optional<Fault> Document::parse(const std::string& text, const Limits& limits) {
  if (text.capacity() - text.size() >= kPadding) return parse_padded(text, limits);
  return parse(std::string_view(text), limits);
}

std::optional<Fault> Document::parse(std::string_view text, const Limits& limits) {
  copy_.reserve(text.size() + kPadding);
  copy_.assign(text);
  return parse_padded(copy_, limits);
}

std::optional<Fault> Document::parse_padded(std::string_view text, const Limits& limits) {
  nodes_.clear();
  nodes_.reserve(std::clamp<std::size_t>(text.size() / kBytesPerNode, kNodesMin, kNodesReserved));
  unescaped_.clear();
  source_ = text;
  // Only used between here and the end of this function.
  thread_local Tokens tokens;
  constexpr std::size_t kKeptBytes = 1 << 20;
  std::optional<Fault> fault;
  if (!tokens.read(text)) {
    fault = locate(text, "This is not valid JSON.");
  } else {
    Builder builder(*this, tokens.all(), text, limits);
    if (!builder.build()) {
      fault = builder.take_fault();
      if (!fault) fault = locate(text, "This is not valid JSON.");
    }
  }
  if (tokens.capacity() > kKeptBytes) tokens.forget();
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
  const Node* nodes = document_->nodes_.data();
  const char* source = document_->source_.data();
  // Lengths first, then first letters: most members are told apart by them, without a comparison of texts.
  const auto may_match = [&](const Node& member) {
    return member.key_escaped ||
           (member.key_length == name.size() && (name.empty() || source[member.key_begin] == name.front()));
  };
  const std::uint32_t end = nodes[index_].next;
  for (std::uint32_t i = index_ + 1; i < end; i = nodes[i].next) {
    if (may_match(nodes[i]) && Value(document_, i).key() == name) return {document_, i};
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
