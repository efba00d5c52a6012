#include "config/provider_words.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "base/ascii.h"
#include "dialects/dialects.h"

namespace ai_proxy::config {
namespace {

using providers::AuthStyle;

constexpr std::array<std::string_view, 3> kCatalogs{"openai", "anthropic", "mistral"};

constexpr std::array kDialects = std::to_array<DialectWord>({
    {"openai", &dialects::kOpenAiChat, AuthStyle::bearer, &dialects::kOpenAiEmbeddings},
    {"anthropic", &dialects::kAnthropicMessages, AuthStyle::x_api_key, nullptr},
    {"mistral", &dialects::kMistralChat, AuthStyle::bearer, &dialects::kMistralEmbeddings},
});

bool is_lower(char c) {
  return c >= 'a' && c <= 'z';
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

}  // namespace

Parsed<const DialectWord*> parse_dialect(std::string_view text) {
  std::vector<std::string_view> words;
  for (const DialectWord& row : kDialects) {
    if (row.word == ascii_trim(text)) return &row;
    words.push_back(row.word);
  }
  return std::unexpected(not_one_of(text, words));
}

const DialectWord& openai_dialect() {
  return kDialects.front();
}

Parsed<AuthStyle> parse_auth(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, AuthStyle>, 4> kStyles{
      {{"bearer", AuthStyle::bearer},
       {"x-api-key", AuthStyle::x_api_key},
       {"api-key", AuthStyle::api_key},
       {"none", AuthStyle::none}}};
  std::vector<std::string_view> words;
  for (const auto& [word, style] : kStyles) {
    if (word == ascii_trim(text)) return style;
    words.push_back(word);
  }
  return std::unexpected(not_one_of(text, words));
}

Parsed<std::string> parse_catalog(std::string_view text) {
  const std::string_view word = ascii_trim(text);
  if (std::ranges::find(kCatalogs, word) != kCatalogs.end()) return std::string(word);
  return std::unexpected(not_one_of(text, kCatalogs));
}

Parsed<std::string> parse_region(std::string_view text) {
  const std::string_view word = ascii_trim(text);
  if (word == "none") return std::string();
  if (std::ranges::all_of(word, is_lower) && word.size() >= 2 && word.size() <= 16) return std::string(word);
  return std::unexpected("must be a short word such as eu or us, or none, not " + shown(text) + ".");
}

Parsed<http::Origin> parse_origin(std::string_view text) {
  auto origin = http::parse_base_url(ascii_trim(text));
  if (!origin) return std::unexpected(std::move(origin.error().message));
  return std::move(*origin);
}

Parsed<std::string> parse_version_path(std::string_view text) {
  std::string_view path = ascii_trim(text);
  while (path.ends_with('/')) path.remove_suffix(1);
  const auto may_stand = [](char c) {
    return is_lower(ascii_lower(c)) || is_digit(c) || std::string_view("/-._~%").contains(c);
  };
  const bool right = path.empty() || (path.starts_with('/') && !path.contains("//") && path.size() <= 256);
  if (right && std::ranges::all_of(path, may_stand)) return std::string(path);
  return std::unexpected("must be a path such as /v1, or \"\" for none, not " + shown(text) + ".");
}

bool is_provider_name(std::string_view name) {
  const auto inner = [](char c) { return is_lower(c) || is_digit(c) || c == '-' || c == '_' || c == '.'; };
  return !name.empty() && name.size() <= 64 && is_lower(name.front()) && std::ranges::all_of(name, inner);
}

bool is_variable_name(std::string_view name) {
  const auto inner = [](char c) { return is_lower(ascii_lower(c)) || is_digit(c) || c == '_'; };
  return !name.empty() && name.size() <= 256 && !is_digit(name.front()) && std::ranges::all_of(name, inner);
}

}  // namespace ai_proxy::config
