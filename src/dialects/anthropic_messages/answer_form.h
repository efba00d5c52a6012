// The form an answer shall have: promised by the model where it can, asked for in words where it cannot.
#pragma once

#include <string>

#include "base/error.h"
#include "dialects/anthropic_messages/scope.h"

namespace ai_proxy::dialects::anthropic_messages {

struct AnswerForm {
  std::string schema;       // for output_config.format; empty = none
  std::string instruction;  // for the system text; empty = none
};

// What the request's response_format asks for. An error: it has no schema.
Result<AnswerForm> answer_form(const Scope& scope);

}  // namespace ai_proxy::dialects::anthropic_messages
