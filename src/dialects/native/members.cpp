// read_members(): an object's members against the schema, and the warnings about strangers (validate.h).
#include <cstdint>
#include <string>

#include "base/nearest.h"
#include "dialects/native/validate.h"

namespace ai_proxy::dialects::native {
namespace {

bool miss(const Path& path, const Member& member, Checks& checks) {
  checks.faults.add(path.member(member.name), "Required");
  return false;
}

void warn_unknown(const json::Value& member, const Object& object, const Path& path, const Checks& checks) {
  // A null says nothing, so nothing is lost; and nobody reads a thirty-third warning.
  if (member.is_null() || checks.warnings.list().size() >= chat::Warnings::kMax) return;
  std::vector<std::string_view> names;
  for (const Member& known : object.members) {
    if (known.shown) names.push_back(known.name);
  }
  checks.warn(path, "unknown member, ignored." + did_you_mean(member.key(), names));
}

// The member's index; members.size() when there is none. Most names differ in length or first letter, so few
// calls look at more.
std::size_t place_of(const Object& object, std::string_view name) {
  std::size_t i = 0;
  for (; i < object.members.size(); ++i) {
    const std::string_view known = object.members[i].name;
    if (known.size() == name.size() && known.front() == name.front() && known == name) break;
  }
  return i;
}

// After the members have been read: those that go with another `type`, or are missing with this one.
bool check_by_type(const Object& object, const Path& path, Checks& checks, std::span<json::Value> values,
                   std::uint64_t seen) {
  const std::string_view type = values.front().string_or({});
  bool good = true;
  for (std::size_t i = 0; i < object.members.size(); ++i) {
    const Member& member = object.members[i];
    if (member.when.empty()) continue;
    const bool present = (seen >> i & 1) != 0;
    if (member.when == type && member.need == Need::required && !present) {
      good = miss(path, member, checks);
    } else if (member.when != type && present && !type.empty()) {
      checks.warn(path.member(member.name),
                  std::string("does not go with type ").append(type).append(", ignored."));
    }
  }
  return good;
}

}  // namespace

void Checks::warn(const Path& path, std::string_view sentence) const {
  if (warnings.list().size() >= chat::Warnings::kMax) return;
  warnings.add(path.text().append(": ").append(sentence));
}

bool read_members(const json::Value& value, const Object& object, const Path& path, Checks& checks,
                  std::span<json::Value> values) {
  static constexpr Type kAnyObject{.kind = Kind::object};
  if (!value.is_object()) return check(value, kAnyObject, path, checks);
  bool good = true;
  std::uint64_t seen = 0;  // one bit per member: stands there, right or wrong
  for (const json::Value child : value) {
    const std::string_view key = child.key();
    const std::size_t i = place_of(object, key);
    if (i == object.members.size()) {
      warn_unknown(child, object, path.member(key), checks);
      continue;
    }
    const Member& member = object.members[i];
    const bool may_miss = member.need == Need::optional || !member.when.empty();
    if (child.is_null() && may_miss && !member.type.nullable) continue;
    seen |= std::uint64_t{1} << i;
    if (check(child, member.type, path.member(key), checks)) {
      values[i] = child;
    } else {
      good = false;
    }
  }
  for (std::size_t i = 0; i < object.members.size(); ++i) {
    const Member& member = object.members[i];
    if (member.need == Need::required && member.when.empty() && (seen >> i & 1) == 0) {
      good = miss(path, member, checks);
    }
  }
  if (object.by_type()) good &= check_by_type(object, path, checks, values, seen);
  return good;
}

}  // namespace ai_proxy::dialects::native
