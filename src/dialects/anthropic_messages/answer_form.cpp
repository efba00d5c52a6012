// See answer_form.h. Recorded: "output_config.format.schema: For 'object' type, 'additionalProperties' must
// be explicitly set to false".
#include "dialects/anthropic_messages/answer_form.h"

#include <string_view>
#include <utility>

#include "base/json.h"
#include "dialects/json_schema.h"

namespace ai_proxy::dialects::anthropic_messages {
namespace {

AnswerForm in_words(std::string_view schema) {
  std::string text = "Answer with JSON that matches this JSON schema and nothing else, no code fence:\n";
  return {.schema = {}, .instruction = text.append(schema)};
}

}  // namespace

Result<AnswerForm> answer_form(const Scope& scope) {
  const auto& format = scope.request.response_format;
  if (!format || format->kind == chat::ResponseFormatKind::text) return AnswerForm{};
  if (format->kind == chat::ResponseFormatKind::json_object) {
    scope.adapt("response_format",
                "Anthropic has no json_object; the model was told in the system text to answer in JSON");
    return AnswerForm{
        .schema = {},
        .instruction = "Answer with one JSON object and nothing else: no explanation, no code fence."};
  }
  if (!scope.traits.json_schema) {
    scope.adapt("response_format",
                "this model does not promise schemas; it was told the schema in the system text");
    return in_words(format->schema);
  }
  json::Document document;
  if (!says_something(format->schema) || document.parse(format->schema, json::kProviderLimits)) {
    return std::unexpected(
        bad_request("The response format has no schema.", "response_format.json_schema.schema"));
  }
  ClosedSchema closed = closed_schema(document.root());
  switch (closed.kind) {
    case ClosedSchema::Kind::as_it_was:
      break;
    case ClosedSchema::Kind::closed:
      scope.adapt(
          "response_format.json_schema.schema",
          "Anthropic takes only objects with \"additionalProperties\":false; it was added where nothing "
          "was said of it");
      return AnswerForm{.schema = std::move(closed.text), .instruction = {}};
    case ClosedSchema::Kind::deliberately_open:
      scope.adapt("response_format.json_schema.schema",
                  "Anthropic promises no objects with other properties than those named; the model was told "
                  "the schema in the system text");
      return in_words(format->schema);
  }
  return AnswerForm{.schema = std::string(format->schema), .instruction = {}};
}

}  // namespace ai_proxy::dialects::anthropic_messages
