#include "chat/tool_names.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <variant>

namespace ai_proxy::chat {
namespace {

// What every provider takes, so that a name has one alias for all of them.
constexpr std::size_t kAliasLengthMax = 64;
constexpr std::size_t kHashBytes = 4;
constexpr std::size_t kShownBytesMax = 200;

bool is_alphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool is_in_names(char c) {
  return is_alphanumeric(c) || c == '_' || c == '-';
}

bool fits(std::string_view name, std::size_t length_max) {
  return !name.empty() && name.size() <= length_max && std::ranges::all_of(name, is_in_names);
}

// The name as far as it is legal: the model reads it. One '_' for each run of other characters.
std::string legal_prefix(std::string_view name) {
  constexpr std::size_t kPrefixLengthMax = kAliasLengthMax - 1 - 2 * kHashBytes;
  std::string prefix;
  bool has_word = false;
  for (const char c : name) {
    if (prefix.size() == kPrefixLengthMax) break;
    has_word = has_word || is_alphanumeric(c);
    if (is_in_names(c)) {
      prefix.push_back(c);
    } else if (!prefix.ends_with('_')) {
      prefix.push_back('_');
    }
  }
  return has_word ? prefix : "tool";
}

// `attempt`: how many aliases of this name were taken.
std::string make_alias(std::string_view name, std::size_t attempt) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string hashed(name);
  if (attempt > 0) hashed.append(1, '\0').append(std::to_string(attempt));
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  EVP_Digest(hashed.data(), hashed.size(), digest.data(), nullptr, EVP_sha256(), nullptr);
  std::string alias = legal_prefix(name).append("_");
  for (std::size_t i = 0; i < kHashBytes; ++i) {
    alias.push_back(kDigits[digest[i] >> 4U]);
    alias.push_back(kDigits[digest[i] & 15U]);
  }
  return alias;
}

std::string_view shown(std::string_view name) {
  if (name.size() <= kShownBytesMax) return name;
  std::size_t end = kShownBytesMax;
  while (end > 0 && (static_cast<unsigned char>(name[end]) & 0xC0U) == 0x80U) --end;  // no half character
  return name.substr(0, end);
}

std::unexpected<Error> cannot_rename(std::string_view name, std::string path) {
  std::string message = "The provider takes no tool without a name.";
  if (!name.empty()) {
    message = "The provider does not take the tool name \"";
    message.append(shown(name)).append("\", and a tool of this kind cannot be renamed on its way.");
  }
  return std::unexpected(bad_request(std::move(message), std::move(path)));
}

}  // namespace

Result<void> ToolNames::apply(Request& request, std::size_t length_max) {
  if (length_max == 0) return {};
  for (std::size_t i = 0; i < request.tools.size(); ++i) {
    Tool& tool = request.tools[i];
    const bool is_function = tool.raw.empty();
    if (fits(tool.name, length_max) || (tool.name.empty() && !is_function)) continue;
    if (tool.name.empty() || !is_function)
      return cannot_rename(tool.name, "tools[" + std::to_string(i) + "].function.name");
    tool.name = alias_of(tool.name, request);
  }
  if (request.tool_choice && !request.tool_choice->name.empty() &&
      !fits(request.tool_choice->name, length_max)) {
    request.tool_choice->name = alias_of(request.tool_choice->name, request);
  }
  for (std::size_t i = 0; i < request.messages.size(); ++i) {
    for (Part& part : request.messages[i].parts) {
      auto* call = std::get_if<ToolCallPart>(&part.kind);
      if (call == nullptr || fits(call->name, length_max)) continue;
      if (call->name.empty()) return cannot_rename({}, "messages[" + std::to_string(i) + "].tool_calls");
      call->name = alias_of(call->name, request);
    }
  }
  return {};
}

std::string_view ToolNames::alias_of(std::string_view name, const Request& request) {
  if (const auto known = alias_by_name_.find(name); known != alias_by_name_.end()) return known->second;
  if (taken_.empty()) {
    for (const Tool& tool : request.tools) taken_.emplace(tool.name);
    for (const Message& message : request.messages) {
      for (const Part& part : message.parts) {
        if (const auto* call = std::get_if<ToolCallPart>(&part.kind)) taken_.emplace(call->name);
      }
    }
  }
  std::string alias = make_alias(name, 0);
  for (std::size_t attempt = 1; !taken_.insert(alias).second; ++attempt) alias = make_alias(name, attempt);
  name_by_alias_.emplace(alias, name);
  return alias_by_name_.emplace(name, std::move(alias)).first->second;
}

void ToolNames::restore(Reply& reply) const {
  for (ToolCall& call : reply.tool_calls) {
    if (const auto known = name_by_alias_.find(call.name); known != name_by_alias_.end())
      call.name = known->second;
  }
}

Delta ToolNames::restored(Delta delta) const {
  if (delta.kind != Delta::Kind::tool_call_begin) return delta;
  if (const auto known = name_by_alias_.find(delta.tool_name); known != name_by_alias_.end())
    delta.tool_name = known->second;
  return delta;
}

}  // namespace ai_proxy::chat
