// What was adapted or could not be passed on, told to the caller in plain sentences. Bounded and without
// duplicates.
#pragma once

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace ai_proxy::chat {

class Warnings {
 public:
  static constexpr std::size_t kMax = 32;

  // `sentence` names the member and what became of it: "seed: Anthropic has no such parameter; it was left
  // out."
  void add(std::string sentence) {
    if (list_.size() < kMax && std::ranges::find(list_, sentence) == list_.end())
      list_.push_back(std::move(sentence));
  }
  void keep_first(std::size_t count) {
    if (count < list_.size()) list_.resize(count);
  }
  const std::vector<std::string>& list() const { return list_; }
  bool empty() const { return list_.empty(); }

 private:
  std::vector<std::string> list_;
};

}  // namespace ai_proxy::chat
