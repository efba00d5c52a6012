// "Did you mean …?": the candidates that a mistyped word probably meant.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ai_proxy {

// At most `count` candidates within an edit distance that suits the word's length, nearest first; case is
// ignored. Bounded: words over 128 characters have no neighbours.
std::vector<std::string_view> nearest(std::string_view word, std::span<const std::string_view> candidates,
                                      std::size_t count = 3);

// " Did you mean \"openai\"?" (leading blank), or "" when nothing is near.
std::string did_you_mean(std::string_view word, std::span<const std::string_view> candidates);

}  // namespace ai_proxy
