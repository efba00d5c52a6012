// How log lines look: JSON members in a fixed order, or text for people. Pure but for the clock.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

#include "telemetry/log.h"

namespace ai_proxy::telemetry {

// Each appends one line with its line break. Values are escaped, capped, and things that look like keys
// redacted.
void append_json_message(std::string& line, Level level, std::string_view message,
                         std::initializer_list<LogField> fields);
void append_text_message(std::string& line, Level level, std::string_view message,
                         std::initializer_list<LogField> fields, bool coloured);
void append_json_access(std::string& line, const AccessRecord& record);
void append_text_access(std::string& line, const AccessRecord& record, bool coloured);

}  // namespace ai_proxy::telemetry
