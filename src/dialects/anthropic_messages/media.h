// Images and documents as Anthropic's `source` objects.
#pragma once

#include <string>

#include "base/error.h"
#include "base/json_writer.h"
#include "dialects/anthropic_messages/scope.h"

namespace ai_proxy::dialects::anthropic_messages {

// Each writes the members `type` and `source` (and `title`) of a block that its caller opened. An error names
// `path`.
Result<void> write_image(json::Writer& out, const Scope& scope, const chat::ImagePart& image,
                         const std::string& path);
Result<void> write_document(json::Writer& out, const chat::DocumentPart& document, const std::string& path);

}  // namespace ai_proxy::dialects::anthropic_messages
