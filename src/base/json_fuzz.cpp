// A JSON text. It is accepted exactly where RapidJSON's strict reader accepts it (but for our bounds), every
// value's slice is itself JSON, texts are UTF-8, and the tree written out again is the same tree.
#include "base/json.h"

#include <rapidjson/memorystream.h>
#include <rapidjson/reader.h>
#include <simdjson.h>

#include "base/fuzz_input.h"
#include "base/json_writer.h"

namespace ai_proxy::json {
namespace {

using fuzzing::require;

bool is_utf8(std::string_view text) {
  return simdjson::validate_utf8(text.data(), text.size());
}

// RapidJSON 1.1.0 takes half a surrogate pair for a character.
struct Utf8Only : rapidjson::BaseReaderHandler<rapidjson::UTF8<>, Utf8Only> {
  static bool String(const char* text, rapidjson::SizeType length, bool) { return is_utf8({text, length}); }
};

// nullopt: it has a bound of its own, on the size of numbers.
std::optional<bool> accepted_by_rapidjson(std::string_view text) {
  rapidjson::MemoryStream stream(text.data(), text.size());
  Utf8Only handler;
  rapidjson::Reader reader;
  constexpr unsigned kFlags = rapidjson::kParseIterativeFlag | rapidjson::kParseValidateEncodingFlag |
                              rapidjson::kParseNumbersAsStringsFlag;
  const rapidjson::ParseResult result = reader.Parse<kFlags>(stream, handler);
  if (result.Code() == rapidjson::kParseErrorNumberTooBig) return std::nullopt;
  return !result.IsError() && stream.Tell() == text.size();  // it takes a zero byte for the end
}

bool is_about_a_bound(const Fault& fault) {
  return fault.message.starts_with("The JSON is nested deeper") ||
         fault.message.find(" has more than ") != std::string::npos;
}

void write(Writer& out, const Value& value) {
  if (value.is_object()) {
    out.begin_object();
    for (const Value member : value) write(out.key(member.key()), member);
    out.end_object();
  } else if (value.is_array()) {
    out.begin_array();
    for (const Value element : value) write(out, element);
    out.end_array();
  } else if (const auto text = value.string()) {
    out.string(*text);
  } else {
    out.raw(value.raw());
  }
}

bool same(const Value& a, const Value& b) {
  if (a.type() != b.type() || a.key() != b.key() || a.size() != b.size() || a.string() != b.string())
    return false;
  if (a.is_number() || a.is_boolean()) return a.raw() == b.raw() && a.integer() == b.integer();
  auto other = b.begin();
  for (const Value child : a) {
    if (!same(child, *other)) return false;
    ++other;
  }
  return true;
}

void check(const Value& value, std::string_view text, int& slices_left) {
  const std::string_view raw = value.raw();
  require(!raw.empty() && raw.data() >= text.data() && raw.data() + raw.size() <= text.data() + text.size(),
          "a slice lies in the text");
  require(is_utf8(value.key()), "a key is UTF-8", raw);
  if (const auto string = value.string()) require(is_utf8(*string), "a string is UTF-8", raw);
  if (--slices_left >= 0) require(valid(raw), "a slice is JSON", raw);
  if (value.is_number()) (void)value.integer();
  std::size_t count = 0;
  for (const Value child : value) {
    check(child, raw, slices_left);
    ++count;
  }
  require(count == value.size(), "as many children as are counted", raw);
}

std::size_t duplicates(const Value& value) {
  std::size_t found = 0;
  for (const Value child : value) {
    if (value.is_object() && value[child.key()].raw().data() != child.raw().data()) ++found;
    found += duplicates(child);
  }
  return found;
}

void check_text(std::string_view text) {
  Document document;
  const auto fault = document.parse(text, kProviderLimits);
  const auto accepted = accepted_by_rapidjson(text);
  require(!fault || !accepted.value_or(false) || is_about_a_bound(*fault),
          "what RapidJSON accepts is accepted", text);
  require(fault || accepted.value_or(true), "what RapidJSON refuses is refused", text);

  std::string padded(text);
  padded.reserve(text.size() + kPadding);
  Document in_place;
  require(in_place.parse(padded, kProviderLimits).has_value() == fault.has_value(),
          "read in place or copied, the same", text);
  Document strict;
  const auto strict_fault = strict.parse(text);
  require(!fault || strict_fault, "strict bounds accept no more", text);
  if (strict_fault) {
    require(strict_fault->offset <= text.size() && strict_fault->line >= 1 && strict_fault->column >= 1 &&
                !strict_fault->message.empty(),
            "a fault has its place", text);
  } else {
    require(duplicates(strict.root()) == 0, "no key stands twice", text);
  }
  if (fault) {
    require(!document.root().present(), "a broken text has no root");
    return;
  }
  int slices_left = 64;
  check(document.root(), document.root().raw(), slices_left);
  require(same(document.root(), in_place.root()), "read in place or copied, the same", text);

  std::string again;
  Writer writer(again);
  write(writer, document.root());
  Document reread;
  require(!reread.parse(again, kProviderLimits) && same(document.root(), reread.root()),
          "a tree written out again is the same", again);
}

// A document reads a text that is much like the one before as one that has read nothing does.
void check_change(std::string_view text) {
  Document used;
  std::size_t chance = std::hash<std::string_view>()(text);
  for (int round = 0; round < 8 && !text.empty(); ++round) {
    std::string changed(text);
    const std::size_t at = chance % text.size();
    const char byte = "x\"\\0,}\xc3\n"[(chance >> 20) % 8];
    switch ((chance >> 30) % 3) {
      case 0:
        changed[at] = byte;
        break;
      case 1:
        changed.insert(at, 1 + (chance >> 40) % 20, byte);
        break;
      default:
        changed.erase(at, 1 + (chance >> 40) % 4);
    }
    Document fresh;
    (void)used.parse(text, kProviderLimits);
    const auto fault = used.parse(std::string_view(changed), kProviderLimits);
    require(fault.has_value() == fresh.parse(std::string_view(changed), kProviderLimits).has_value(),
            "read after another text, or first, the same", changed);
    if (!fault)
      require(same(used.root(), fresh.root()), "read after another text, or first, the same", changed);
    chance = chance * 6364136223846793005u + 1442695040888963407u;
  }
}

}  // namespace
}  // namespace ai_proxy::json

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ai_proxy::fuzzing::Block text(ai_proxy::fuzzing::Input(data, size).rest());
  ai_proxy::json::check_text(text.view());
  ai_proxy::json::check_change(text.view());
  return 0;
}
