// How an answer is kept: "APC4", a checksum over the key and the rest, expiry, TTL, four texts each with its
// length in front, and the number of a stream's events with length and time of each. What comes back from a
// store is not trusted: anything unexpected makes it no entry at all.
#include <algorithm>
#include <array>
#include <cstring>

#include "cache/cache.h"
#include "cache/sha256.h"

namespace ai_proxy::cache {
namespace {

constexpr std::string_view kMagic = "APC4";
constexpr std::size_t kChecksumBytes = 16;  // the start of a SHA-256: against damage, not against forgery
constexpr std::size_t kBegin = kMagic.size() + kChecksumBytes;
constexpr std::size_t kNameBytesMax = 256;

void append_number(std::string& text, std::uint64_t value, unsigned bytes) {
  for (unsigned i = 0; i < bytes; ++i) text += static_cast<char>((value >> (8 * i)) & 0xFF);
}

void append_text(std::string& text, std::string_view part) {
  append_number(text, part.size(), 4);
  text += part;
}

// An entry that stands under another key is as good as damaged.
std::array<char, kChecksumBytes> checksum(const Key& key, std::string_view text) {
  Sha256 hash;
  hash.add({reinterpret_cast<const char*>(key.digest.data()), key.digest.size()});
  hash.add(text);
  const auto digest = hash.finish();
  std::array<char, kChecksumBytes> start{};
  std::memcpy(start.data(), digest.data(), start.size());
  return start;
}

class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  std::optional<std::uint64_t> number(unsigned bytes) {
    if (rest_.size() < bytes) return std::nullopt;
    std::uint64_t value = 0;
    for (unsigned i = 0; i < bytes; ++i) {
      value |= static_cast<std::uint64_t>(static_cast<unsigned char>(rest_[i])) << (8 * i);
    }
    rest_.remove_prefix(bytes);
    return value;
  }
  std::optional<std::string> text() {
    const auto length = number(4);
    if (!length || *length > rest_.size()) return std::nullopt;
    std::string value(rest_.substr(0, *length));
    rest_.remove_prefix(*length);
    return value;
  }
  // Of a stream of so many bytes: events that are none too many and none too few, in the order of time.
  std::optional<std::vector<EventMark>> events(std::size_t bytes) {
    const auto count = number(4);
    if (!count || *count > rest_.size() / 8) return std::nullopt;
    std::vector<EventMark> marks;
    marks.reserve(*count);
    std::uint32_t last = 0;
    for (std::uint64_t i = 0; i < *count; ++i) {
      const EventMark mark{static_cast<std::uint32_t>(*number(4)), static_cast<std::uint32_t>(*number(4))};
      if (mark.bytes == 0 || mark.bytes > bytes || mark.milliseconds < last) return std::nullopt;
      bytes -= mark.bytes;
      last = mark.milliseconds;
      marks.push_back(mark);
    }
    if (*count > 0 && bytes > 0) return std::nullopt;
    return marks;
  }
  bool at_end() const { return rest_.empty(); }

 private:
  std::string_view rest_;
};

// These go into header fields and logs.
bool is_name(std::string_view text) {
  return text.size() <= kNameBytesMax &&
         std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7F; });
}

}  // namespace

std::string Entry::encode(const Key& key) const {
  std::string text;
  text.reserve(kBegin + 36 + 8 * events.size() + provider.size() + dialect.size() + request_id.size() +
               body.size());
  text += kMagic;
  text.append(kChecksumBytes, '\0');
  append_number(text, static_cast<std::uint64_t>(expires.time_since_epoch().count()), 8);
  append_number(text, static_cast<std::uint64_t>(ttl.count()), 8);
  append_text(text, provider);
  append_text(text, dialect);
  append_text(text, request_id);
  append_text(text, body);
  append_number(text, events.size(), 4);
  for (const EventMark& event : events) {
    append_number(text, event.bytes, 4);
    append_number(text, event.milliseconds, 4);
  }
  const auto sum = checksum(key, std::string_view(text).substr(kBegin));
  text.replace(kMagic.size(), sum.size(), sum.data(), sum.size());
  return text;
}

std::optional<Entry> Entry::decode(std::string_view text, const Key& key) {
  if (!text.starts_with(kMagic) || text.size() < kBegin) return std::nullopt;
  const auto sum = checksum(key, text.substr(kBegin));
  if (text.substr(kMagic.size(), kChecksumBytes) != std::string_view(sum.data(), sum.size()))
    return std::nullopt;
  return decode_unchecked(text);
}

std::optional<Entry> Entry::decode_unchecked(std::string_view text) {
  if (!text.starts_with(kMagic) || text.size() < kBegin) return std::nullopt;
  Reader reader(text.substr(kBegin));
  const auto expires_ms = reader.number(8);
  const auto ttl_seconds = reader.number(8);
  auto provider = reader.text();
  auto dialect = reader.text();
  auto request_id = reader.text();
  auto body = reader.text();
  if (!expires_ms || !ttl_seconds || !provider || !dialect || !request_id || !body) return std::nullopt;
  auto events = reader.events(body->size());
  if (!events || !reader.at_end()) return std::nullopt;
  constexpr std::uint64_t kMillisecondsMax = 1ull << 52;
  if (*expires_ms > kMillisecondsMax || *ttl_seconds > kMillisecondsMax / 1000) return std::nullopt;
  if (provider->empty() || dialect->empty() || body->empty()) return std::nullopt;
  if (!is_name(*provider) || !is_name(*dialect) || !is_name(*request_id)) return std::nullopt;

  Entry entry;
  entry.provider = std::move(*provider);
  entry.dialect = std::move(*dialect);
  entry.request_id = std::move(*request_id);
  entry.body = std::move(*body);
  entry.events = std::move(*events);
  entry.expires += std::chrono::milliseconds(*expires_ms);
  entry.ttl = std::chrono::seconds(*ttl_seconds);
  return entry;
}

std::size_t Entry::bytes() const {
  return sizeof(Entry) + provider.size() + dialect.size() + request_id.size() + body.size() +
         (known ? known->model.size() : 0) + events.size() * sizeof(EventMark);
}

}  // namespace ai_proxy::cache
