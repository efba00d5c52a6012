// What is wrong with a request, place by place, and the 400 body that says so.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_writer.h"

namespace ai_proxy::dialects::native {

// Where a value stands: a chain of steps on the stack of whoever walks the request. Costs nothing until a
// fault or a warning spells it out.
struct Path {
  static constexpr std::size_t kNoIndex = static_cast<std::size_t>(-1);

  const Path* parent = nullptr;  // null: the request itself
  std::string_view name;         // member name, unless index is set
  std::size_t index = kNoIndex;  // array element

  Path member(std::string_view step) const { return {this, step, kNoIndex}; }
  Path element(std::size_t step) const { return {this, {}, step}; }
  // messages[3].role; "" for the request itself.
  std::string text() const;
};

// A caller's text as it may stand in a message: at most 80 bytes, cut between characters.
std::string excerpt(std::string_view text);

class Faults {
 public:
  static constexpr std::size_t kMax = 100;

  void add(const Path& path, std::string message);
  bool empty() const { return list_.empty(); }
  // One more than kMax was found: looking further is a waste.
  bool overflowing() const { return more_; }
  // {"messages":{"0":{"role":{"_errors":["Required"]}}}}
  void write(json::Writer& out) const;

 private:
  struct Fault {
    std::vector<std::string> steps;
    std::string message;
  };
  std::vector<Fault> list_;
  bool more_ = false;
};

// {"error":"Invalid request","details":…,"expectedSchema":…}
std::string failure_body(const Faults& faults, const std::vector<std::string_view>& provider_names);

}  // namespace ai_proxy::dialects::native
