#include "base/nearest.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/ascii.h"

namespace ai_proxy {
namespace {

constexpr std::size_t kWordMax = 128;
constexpr std::size_t kComparedMax = 1000;  // a hint may not cost more than a request

// Levenshtein's distance with case ignored. Requires: both within kWordMax.
std::size_t distance(std::string_view a, std::string_view b) {
  std::array<std::size_t, kWordMax + 1> row;
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t change = diagonal + (ascii_lower(a[i - 1]) == ascii_lower(b[j - 1]) ? 0 : 1);
      diagonal = std::exchange(row[j], std::min({row[j] + 1, row[j - 1] + 1, change}));
    }
  }
  return row[b.size()];
}

}  // namespace

std::vector<std::string_view> nearest(std::string_view word, std::span<const std::string_view> candidates,
                                      std::size_t count) {
  std::vector<std::pair<std::size_t, std::string_view>> found;
  if (word.empty() || word.size() > kWordMax) return {};
  const std::size_t far = std::max<std::size_t>(1, word.size() / 3);
  std::size_t left = kComparedMax;
  for (const std::string_view candidate : candidates) {
    if (candidate.size() > kWordMax || candidate.size() + far < word.size() ||
        candidate.size() > word.size() + far) {
      continue;
    }
    if (left-- == 0) break;
    const std::size_t steps = distance(word, candidate);
    if (steps <= far) found.emplace_back(steps, candidate);
  }
  // By distance, then by name, so that the answer does not depend on the order of the candidates.
  std::ranges::sort(found);
  std::vector<std::string_view> words;
  for (const auto& [steps, candidate] : found) {
    if (words.size() == count) break;
    words.push_back(candidate);
  }
  return words;
}

std::string did_you_mean(std::string_view word, std::span<const std::string_view> candidates) {
  const auto words = nearest(word, candidates, 1);
  if (words.empty()) return {};
  return std::string(" Did you mean \"").append(words.front()).append("\"?");
}

}  // namespace ai_proxy
