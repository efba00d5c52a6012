// What providers demand of JSON schemas beyond their being schemas. Pure text work: nothing is reordered or
// respelt. Source: Anthropic's and OpenAI's errors on structured output (recorded).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/json.h"

namespace ai_proxy::dialects {

// A schema whose objects take no members but those they name.
struct ClosedSchema {
  enum class Kind : std::uint8_t {
    as_it_was,         // `text` is empty
    closed,            // `text` has "additionalProperties":false where nothing was said
    deliberately_open  // it allows other members in so many words
  };
  Kind kind = Kind::as_it_was;
  std::string text;
};

ClosedSchema closed_schema(const json::Value& schema);

// Does OpenAI take this schema with "strict": true? Every object must be closed and require all it names, and
// some keywords are not permitted.
bool fits_openai_strict(const json::Value& schema);
// The same of its text; false for no JSON object.
bool fits_openai_strict(std::string_view schema);

}  // namespace ai_proxy::dialects
