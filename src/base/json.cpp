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
#include <unordered_set>
#include <utility>

#include "base/ascii.h"
#include "base/json_scalar.h"

namespace ai_proxy::json {

static_assert(kPadding >= simdjson::SIMDJSON_PADDING);

namespace {

// Room for so many nodes to begin with; growing does the rest.
constexpr std::size_t kNodesAtFirst = 1024;

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
    if (stage_->stage1(bytes, text.size(), simdjson::stage1_mode::regular) != simdjson::SUCCESS) return false;
    stage_->structural_indexes[count()] = static_cast<std::uint32_t>(text.size());
    return true;
  }
  // Behind the last one stands the end of the text.
  const std::uint32_t* begin() const { return stage_->structural_indexes.get(); }
  std::size_t count() const { return stage_->n_structural_indexes; }
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
  // The text ends with a NUL, which the token behind the last one points at.
  Builder(Document& document, const Tokens& tokens, std::string_view source, const Limits& limits)
      : document_(document),
        token_(tokens.begin()),
        tokens_end_(tokens.begin() + tokens.count()),
        source_(source),
        limits_(limits) {
    document_.nodes_.resize(std::min(tokens.count() / 2 + 1, kNodesAtFirst));
    nodes_ = document_.nodes_.data();
    next_escape_ = find_escape(0);
  }

  // False: the text is broken, or take_fault() says which bound it breaks.
  bool build() {
    next_node();
    if (!value(1)) return false;
    document_.nodes_.resize(count_);
    return token_ == tokens_end_;
  }

  std::optional<Fault> take_fault() { return std::move(fault_); }

 private:
  // What the next token begins with; NUL at the end.
  char peek() const { return source_.data()[*token_]; }

  // The scalar whose token has just been taken: to the next token, without the blanks before that.
  std::string_view scalar_from(std::uint32_t begin) const {
    return trim_end({source_.data() + begin, *token_ - begin});
  }

  // Into the next node, which has the name already if it is a member's.
  bool value(std::uint32_t depth) {
    Node& node = nodes_[count_];
    node.raw_begin = *token_;
    switch (peek()) {
      case '{':
        node.type = Type::object;
        return object(open(), depth);
      case '[':
        node.type = Type::array;
        return array(open(), depth);
      case '"':
        ++token_;
        return string(node);
      case '\0':
        return false;
      default:
        ++token_;
        return literal(node);
    }
  }

  bool string(Node& node) {
    const std::string_view token = scalar_from(node.raw_begin);
    if (token.size() < 2 || token.back() != '"') return false;
    node.type = Type::string;
    if (has_escape(node.raw_begin, token.size())) {
      std::optional<std::string> text = unescape(token.substr(1, token.size() - 2));
      if (!text) return false;
      node.escaped = true;
      node.detail = keep_unescaped(std::move(*text));
    }
    close_scalar(node, token);
    return true;
  }

  bool literal(Node& node) {
    const std::string_view token = scalar_from(node.raw_begin);
    if (token == "null") {
      node.type = Type::null;
    } else if (token == "true" || token == "false") {
      node.type = Type::boolean;
      node.truth = token == "true";
    } else {
      node.type = Type::number;
      if (!is_number_text(token)) return false;
    }
    close_scalar(node, token);
    if (token.size() <= limits_.number_length_max) return true;
    return refuse(count_ - 1,
                  "This number has more than " + std::to_string(limits_.number_length_max) + " characters.");
  }

  bool array(std::uint32_t index, std::uint32_t depth) {
    if (depth > limits_.depth_max) return refuse_depth(index);
    if (peek() == ']') return close(index, 0);
    for (std::uint32_t count = 1;; ++count) {
      next_node();
      if (!value(depth + 1)) return false;
      if (peek() == ']') return close(index, count);
      if (peek() != ',') return false;
      ++token_;
    }
  }

  bool object(std::uint32_t index, std::uint32_t depth) {
    if (depth > limits_.depth_max) return refuse_depth(index);
    if (peek() == '}') return close(index, 0);
    std::optional<Names> seen;
    for (std::uint32_t count = 1;; ++count) {
      const std::uint32_t child = count_;
      if (!key(next_node()) || peek() != ':') return false;
      ++token_;
      if (!value(depth + 1)) return false;
      if (count > limits_.keys_per_object_max) {
        return refuse(
            index, "This object has more than " + std::to_string(limits_.keys_per_object_max) + " members.");
      }
      if (limits_.refuse_duplicate_keys && !first_of_its_name(index, child, count, seen)) {
        return refuse(child, "The member \"" + std::string(key_of(child)) + "\" stands twice in one object.");
      }
      if (peek() == '}') return close(index, count);
      if (peek() != ',') return false;
      ++token_;
    }
  }

  // The name of the member that comes next.
  bool key(Node& member) {
    if (peek() != '"') return false;
    const std::uint32_t begin = *token_++;
    const std::string_view token = scalar_from(begin);
    if (token.size() < 2 || token.back() != '"') return false;
    std::string_view name = token.substr(1, token.size() - 2);
    member.key_begin = begin + 1;
    member.key_length = static_cast<std::uint32_t>(name.size());
    if (has_escape(begin, token.size())) {
      std::optional<std::string> text = unescape(name);
      if (!text) return false;
      member.key_escaped = true;
      member.key_begin = keep_unescaped(std::move(*text));
      name = document_.key_of(member);
    }
    member.key_tag = tag_of(name);
    return true;
  }

  using Names = std::unordered_set<std::string_view>;

  // Few members: compare with the earlier ones; many: keep a set, so that time stays linear.
  bool first_of_its_name(std::uint32_t object, std::uint32_t child, std::uint32_t count,
                         std::optional<Names>& seen) {
    constexpr std::uint32_t kFew = 16;
    if (count > kFew) {
      if (!seen) {
        seen.emplace();
        for (std::uint32_t i = object + 1; i < child; i += nodes_[i].span) seen->insert(key_of(i));
      }
      return seen->insert(key_of(child)).second;
    }
    const std::uint16_t tag = nodes_[child].key_tag;
    for (std::uint32_t i = object + 1; i < child; i += nodes_[i].span) {
      if (nodes_[i].key_tag == tag && key_of(i) == key_of(child)) return false;
    }
    return true;
  }

  // Is there a backslash in this token? To be asked in the order of the text.
  bool has_escape(std::size_t begin, std::size_t size) {
    if (next_escape_ < begin) next_escape_ = find_escape(begin);
    return next_escape_ < begin + size;
  }
  std::size_t find_escape(std::size_t from) const {
    return std::min(source_.find('\\', from), source_.size());
  }

  // The one that is filled next, empty. It counts once its value begins or is there.
  Node& next_node() {
    if (count_ == document_.nodes_.size()) {
      document_.nodes_.resize(2 * count_);
      nodes_ = document_.nodes_.data();
    }
    return nodes_[count_] = Node();
  }

  void close_scalar(Node& node, std::string_view token) {
    node.raw_length = static_cast<std::uint32_t>(token.size());
    node.span = 1;
    ++count_;
  }

  // Takes the opening bracket; which node it is. While a container is open its span is 0.
  std::uint32_t open() {
    ++token_;
    return count_++;
  }

  // Takes the closing bracket.
  bool close(std::uint32_t index, std::uint32_t count) {
    Node& node = nodes_[index];
    node.raw_length = *token_++ + 1 - node.raw_begin;
    node.span = count_ - index;
    node.detail = count;
    return true;
  }

  std::uint32_t keep_unescaped(std::string text) {
    document_.unescaped_.push_back(std::make_unique<const std::string>(std::move(text)));
    return static_cast<std::uint32_t>(document_.unescaped_.size() - 1);
  }

  std::string_view key_of(std::uint32_t index) const { return document_.key_of(nodes_[index]); }

  bool refuse_depth(std::uint32_t index) {
    return refuse(index, "The JSON is nested deeper than " + std::to_string(limits_.depth_max) + " levels.");
  }

  bool refuse(std::uint32_t index, std::string message) {
    fault_ = Fault{
        .message = std::move(message), .offset = nodes_[index].raw_begin, .line = 1, .column = 1, .path = {}};
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
      // Everything behind an open container is inside it.
      while (child < target && nodes_[child].span != 0 && child + nodes_[child].span <= target) {
        child += nodes_[child].span;
        ++position;
      }
      if (nodes_[container].type == Type::array) {
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
  const std::uint32_t* token_;  // the next one
  const std::uint32_t* tokens_end_;
  std::string_view source_;
  const Limits& limits_;
  Node* nodes_ = nullptr;  // of the document, which has room for more than count_
  std::uint32_t count_ = 0;
  std::size_t next_escape_ = 0;  // of the backslashes not yet passed
  std::optional<Fault> fault_;
};

std::optional<Fault> Document::parse(const std::string& text, const Limits& limits) {
  if (text.capacity() - text.size() >= kPadding) return parse_padded(text, limits);
  return parse(std::string_view(text), limits);
}

std::optional<Fault> Document::parse(std::string_view text, const Limits& limits) {
  if (limits == limits_ && reread(text)) return std::nullopt;
  copy_.reserve(text.size() + kPadding);
  copy_.assign(text);
  return parse_padded(copy_, limits);
}

std::optional<Fault> Document::parse_padded(std::string_view text, const Limits& limits) {
  unescaped_.clear();
  source_ = text;
  limits_ = limits;
  whole_ = false;
  // Only used between here and the end of this function.
  thread_local Tokens tokens;
  constexpr std::size_t kKeptBytes = 1 << 20;
  std::optional<Fault> fault;
  if (!tokens.read(text)) {
    fault = locate(text, "This is not valid JSON.");
  } else {
    Builder builder(*this, tokens, text, limits);
    if (!builder.build()) {
      fault = builder.take_fault();
      if (!fault) fault = locate(text, "This is not valid JSON.");
    }
  }
  if (tokens.capacity() > kKeptBytes) tokens.forget();
  if (fault) nodes_.clear();
  whole_ = !fault;
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

Value Value::find(std::string_view name, std::uint16_t tag) const {
  if (!is_object()) return {};
  const Node* const end = node_ + node_->span;
  for (const Node* member = node_ + 1; member < end; member += member->span) {
    if (member->key_tag == tag && document_->key_of(*member) == name) return {document_, member};
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
