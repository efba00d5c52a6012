// What must be asked for in the header before Anthropic takes it. Recorded (2026): a document by file_id is
// accepted with anthropic-beta: files-api-2025-04-14.
#include <algorithm>
#include <variant>

#include "base/ascii.h"
#include "dialects/anthropic_messages/anthropic_messages.h"

namespace ai_proxy::dialects::anthropic_messages {
namespace {

constexpr std::string_view kField = "anthropic-beta:";
constexpr std::string_view kFiles = "files-api-2025-04-14";

bool is_file(const chat::Part& part) {
  if (const auto* document = std::get_if<chat::DocumentPart>(&part.kind))
    return document->url.empty() && !document->file_id.empty();
  const auto* result = std::get_if<chat::ToolResultPart>(&part.kind);
  return result != nullptr && std::ranges::any_of(result->content, is_file);
}

bool has_file(const chat::Message& message) {
  return std::ranges::any_of(message.parts, is_file);
}

// The features in the line of this name; empty = there is none.
std::string_view configured_features(std::string_view lines) {
  while (!lines.empty()) {
    const std::size_t end = std::min(lines.find("\r\n"), lines.size());
    const std::string_view line = lines.substr(0, end);
    if (ascii_iequals(line.substr(0, kField.size()), kField)) return ascii_trim(line.substr(kField.size()));
    lines.remove_prefix(std::min(end + 2, lines.size()));
  }
  return {};
}

}  // namespace

std::string request_fields(const chat::Request& request, std::string_view configured) {
  if (std::ranges::none_of(request.messages, has_file)) return {};
  const std::string_view features = configured_features(configured);
  std::string line = std::string(kField).append(" ").append(features);
  if (features.find(kFiles) == std::string_view::npos)
    line.append(features.empty() ? "" : ",").append(kFiles);
  return line.append("\r\n");
}

}  // namespace ai_proxy::dialects::anthropic_messages
