// What comes back from a store as a kept answer. What is accepted is written out again byte for byte; one
// changed byte, or another key, and a store's entry is none.
#include "base/fuzz_input.h"
#include "cache/cache.h"

namespace ai_proxy::cache {
namespace {

using fuzzing::require;

bool same(const Entry& a, const Entry& b) {
  return a.provider == b.provider && a.dialect == b.dialect && a.request_id == b.request_id &&
         a.body == b.body && a.events == b.events && a.expires == b.expires && a.ttl == b.ttl;
}

void check(std::string_view text) {
  const Key key;  // all zeros: what the seeds stand under
  Key other;
  other.digest[7] = 1;
  if (const auto entry = Entry::decode(text, key))
    require(entry->encode(key) == text, "an entry is written as it was read");
  const auto entry = Entry::decode_unchecked(text);
  if (!entry) return;
  require(entry->expires.time_since_epoch().count() >= 0 && entry->ttl.count() >= 0,
          "times are not negative");
  std::size_t bytes = 0;
  for (const EventMark& event : entry->events) bytes += event.bytes;
  require(entry->events.empty() || bytes == entry->body.size(), "a stream is its events");
  std::string again = entry->encode(key);
  constexpr std::size_t kChecksumEnd = 20;
  require(again.substr(kChecksumEnd) == text.substr(kChecksumEnd), "an entry is written as it was read");
  const auto checked = Entry::decode(again, key);
  require(checked && same(*checked, *entry), "what we write is an entry");
  require(!Entry::decode(again, other), "another key is noticed");
  char& changed = again[text.size() % again.size()];
  changed = static_cast<char>(changed ^ 1);
  require(!Entry::decode(again, key), "a changed byte is noticed");
}

}  // namespace
}  // namespace ai_proxy::cache

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ai_proxy::fuzzing::Block text(ai_proxy::fuzzing::Input(data, size).rest());
  ai_proxy::cache::check(text.view());
  return 0;
}
