// The fields of one HTTP head, in order, as views into the bytes of the head.
#pragma once

#include <string_view>
#include <vector>

#include "base/ascii.h"

namespace ai_proxy::http {

struct Field {
  std::string_view name;   // as sent; compare with ascii_iequals
  std::string_view value;  // without surrounding blanks
};

class Headers {
 public:
  // The first field of this name; "" when absent (find() tells the two apart).
  std::string_view get(std::string_view name) const {
    const Field* field = find(name);
    return field == nullptr ? std::string_view() : field->value;
  }
  const Field* find(std::string_view name) const {
    for (const Field& field : fields_) {
      if (ascii_iequals(field.name, name)) return &field;
    }
    return nullptr;
  }
  // Is this a field of the connection alone, by a Connection field's word (RFC 9110, 7.6.1)?
  bool is_hop_by_hop(std::string_view name) const {
    for (const Field& field : fields_) {
      if (ascii_iequals(field.name, "connection") && ascii_lists(field.value, name)) return true;
    }
    return false;
  }
  void add(std::string_view name, std::string_view value) { fields_.push_back({name, value}); }
  void clear() { fields_.clear(); }
  auto begin() const { return fields_.begin(); }
  auto end() const { return fields_.end(); }
  std::size_t size() const { return fields_.size(); }

 private:
  std::vector<Field> fields_;
};

}  // namespace ai_proxy::http
