// Checks values against the schema's tree (schema.h) and hands an object's members out by name, in one pass
// over the text. Wording of type faults: zod's, as the original gateway had it.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "chat/warnings.h"
#include "dialects/native/faults.h"
#include "dialects/native/schema.h"

namespace ai_proxy::dialects::native {

// What a check needs to know, and where it reports.
struct Checks {
  std::span<const std::string_view> provider_names;
  Faults& faults;
  chat::Warnings& warnings;

  // "messages[0].naem: …"; dropped when there are enough.
  void warn(const Path& path, std::string_view sentence) const;
};

// Is this value as `type` says? Reports what is wrong. Looks into arrays of scalars and objects with free
// names; what stands in arrays of objects and in objects with known members is read by whoever reads those.
bool check(const json::Value& value, const Type& type, const Path& path, Checks& checks);

// Checks an object's members and puts each good one at its place in `values` (the members' order). Absent
// are: what is not there, what is null, what is wrong. False: it was no object, or a member was wrong or
// missing.
bool read_members(const json::Value& value, const Object& object, const Path& path, Checks& checks,
                  std::span<json::Value> values);

// A member's name as a template argument, so that a typing error does not compile.
template <std::size_t N>
struct MemberName {
  char text[N];
  consteval MemberName(const char (&name)[N]) { std::copy_n(name, N, text); }  // implicit: get<"role">()
  constexpr std::string_view view() const { return {text, N - 1}; }
};

// An object's members as values.
template <const Object& kObject>
class Fields {
  static_assert(kObject.members.size() <= 64, "read_members counts them in 64 bits");

 public:
  bool read(const json::Value& value, const Path& path, Checks& checks) {
    return read_members(value, kObject, path, checks, values_);
  }

  template <MemberName kName>
  json::Value get() const {
    constexpr std::size_t kPlace = place_of(kName.view());
    static_assert(kPlace < kObject.members.size(), "the schema has no such member");
    return values_[kPlace];
  }

 private:
  static constexpr std::size_t place_of(std::string_view name) {
    std::size_t place = 0;
    while (place < kObject.members.size() && kObject.members[place].name != name) ++place;
    return place;
  }

  std::array<json::Value, kObject.members.size()> values_;
};

}  // namespace ai_proxy::dialects::native
