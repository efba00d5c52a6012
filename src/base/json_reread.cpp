// The events of a stream are one text over and over, but for a string or two: such a text keeps the tree of
// the one before, in which only places move. It is checked as far as it is new, and compared for the rest;
// whatever is not that simple is read from the start.
#include <simdjson.h>

#include <algorithm>
#include <array>
#include <span>

#include "base/eight_bytes.h"
#include "base/json.h"
#include "base/json_writer.h"

namespace ai_proxy::json {
namespace {

// Strings that may have changed; with more, reading anew costs no more.
constexpr std::size_t kChangesMax = 4;

// A string value that has become another one. Places are those of the old text; the difference may be
// negative, as unsigned numbers have it.
struct Change {
  std::uint32_t end = 0;
  std::uint32_t growth = 0;
};

// How many bytes are the same at the start of both.
std::size_t common_length(std::string_view one, std::string_view other) {
  const std::size_t size = std::min(one.size(), other.size());
  std::size_t i = 0;
  for (; i + sizeof(std::uint64_t) <= size; i += sizeof(std::uint64_t)) {
    if (eight_bytes(one.data() + i) != eight_bytes(other.data() + i)) break;
  }
  while (i < size && one[i] == other[i]) ++i;
  return i;
}

bool is_ascii(std::string_view text) {
  unsigned char all = 0;
  for (const char c : text) all |= static_cast<unsigned char>(c);
  return all < 0x80;
}

// The length of the string whose content begins here, if it stands for itself; npos: it does not.
std::size_t plain_length(std::string_view text) {
  const std::size_t length = unescaped_length(text);
  if (length == text.size() || text[length] != '"') return std::string_view::npos;
  const std::string_view content = text.substr(0, length);
  const bool good = is_ascii(content) || simdjson::validate_utf8(content.data(), content.size());
  return good ? length : std::string_view::npos;
}

}  // namespace

bool Document::reread(std::string_view text) {
  if (!whole_ || nodes_.empty() || !unescaped_.empty() || source_.data() != copy_.data()) return false;
  std::array<Change, kChangesMax> changes;
  std::size_t count = 0;
  std::size_t node = 0;
  std::size_t old_at = 0;  // up to here, and to `at`, both are told apart
  std::size_t at = 0;
  while (true) {
    const std::size_t same = common_length(source_.substr(old_at), text.substr(at));
    old_at += same;
    at += same;
    if (old_at == source_.size() && at == text.size()) break;
    while (node < nodes_.size() &&
           (nodes_[node].type != Type::string || nodes_[node].raw_begin + nodes_[node].raw_length <= old_at))
      ++node;
    if (node == nodes_.size() || nodes_[node].raw_begin >= old_at || count == kChangesMax) return false;
    const Node& string = nodes_[node];
    at -= old_at - string.raw_begin - 1;
    const std::size_t length = plain_length(text.substr(at));
    if (length == std::string_view::npos) return false;
    at += length + 1;
    old_at = string.raw_begin + string.raw_length;
    changes[count++] = {static_cast<std::uint32_t>(old_at),
                        static_cast<std::uint32_t>(length + 2) - string.raw_length};
    ++node;
  }
  whole_ = false;
  copy_.assign(text);
  source_ = copy_;
  for (Node& moved : nodes_) {
    const std::uint32_t key = moved.key_begin;
    const std::uint32_t begin = moved.raw_begin;
    const std::uint32_t end = begin + moved.raw_length;
    for (const Change& change : std::span(changes).first(count)) {
      if (change.end <= key) moved.key_begin += change.growth;
      if (change.end <= begin) {
        moved.raw_begin += change.growth;
      } else if (change.end <= end) {
        moved.raw_length += change.growth;
      }
    }
  }
  whole_ = true;
  return true;
}

}  // namespace ai_proxy::json
