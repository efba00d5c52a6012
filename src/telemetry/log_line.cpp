// Building log lines by hand: an access line is written for every request, so no formatting library here.
#include "telemetry/log_line.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <new>

#include "base/ascii.h"
#include "base/secret.h"
#include "telemetry/escape.h"

namespace ai_proxy::telemetry {
namespace {

constexpr std::size_t kWordBytesMax = 128;  // ids, names, codes
constexpr std::size_t kPathBytesMax = 512;
constexpr std::size_t kValueBytesMax = 1024;  // messages and named values
constexpr std::size_t kFieldsMax = 32;
constexpr std::size_t kUsualLineBytes = 768;

constexpr std::string_view kReset = "\x1b[0m";
constexpr std::string_view kDim = "\x1b[2m";
constexpr std::string_view kGreen = "\x1b[32m";
constexpr std::string_view kYellow = "\x1b[33m";
constexpr std::string_view kRed = "\x1b[31m";
constexpr std::string_view kCyan = "\x1b[36m";

std::string_view word(Level level) {
  switch (level) {
    case Level::debug:
      return "debug";
    case Level::info:
      return "info";
    case Level::warn:
      return "warn";
    case Level::error:
    case Level::off:
      break;
  }
  return "error";
}

void append_padded(std::string& line, unsigned value, unsigned digits) {
  char text[10];
  for (unsigned i = digits; i-- > 0; value /= 10) text[i] = static_cast<char>('0' + value % 10);
  line.append(text, digits);
}

// RFC 3339 in UTC with milliseconds. The part down to the second is kept from line to line.
void append_time(std::string& line) {
  using namespace std::chrono;
  thread_local sys_seconds kept_second{seconds{-1}};
  thread_local std::string kept_text;
  const auto now = floor<milliseconds>(system_clock::now());
  const auto second = floor<seconds>(now);
  if (second != kept_second) {
    const auto day = floor<days>(second);
    const year_month_day date{day};
    const hh_mm_ss clock{second - day};
    kept_text.clear();
    append_padded(kept_text, static_cast<unsigned>(static_cast<int>(date.year())), 4);
    kept_text += '-';
    append_padded(kept_text, static_cast<unsigned>(date.month()), 2);
    kept_text += '-';
    append_padded(kept_text, static_cast<unsigned>(date.day()), 2);
    kept_text += 'T';
    append_padded(kept_text, static_cast<unsigned>(clock.hours().count()), 2);
    kept_text += ':';
    append_padded(kept_text, static_cast<unsigned>(clock.minutes().count()), 2);
    kept_text += ':';
    append_padded(kept_text, static_cast<unsigned>(clock.seconds().count()), 2);
    kept_second = second;
  }
  line += kept_text;
  line += '.';
  append_padded(line, static_cast<unsigned>((now - second).count()), 3);
  line += 'Z';
}

// A query may carry a key (?key=…): it is never logged.
std::string_view without_query(std::string_view path) {
  return path.substr(0, path.find('?'));
}

// Writes the members of a JSON line one behind the other, with one look at the room for each.
class JsonPen {
 public:
  explicit JsonPen(std::string& line) : line_(line), written_(line.size()) {}
  ~JsonPen() { line_.resize(written_); }
  JsonPen(const JsonPen&) = delete;
  JsonPen& operator=(const JsonPen&) = delete;

  void raw(std::string_view text) {
    char* const at = room(text.size());
    std::memcpy(at, text.data(), text.size());
    written_ += text.size();
  }

  // `begin` is all that stands before the value: ,"name":" and nothing is written when the value is unknown.
  void text(std::string_view begin, std::string_view value, std::size_t bytes_max) {
    if (value.empty()) return;
    if (value.size() > bytes_max || !is_plain(value)) return escaped(begin, value, bytes_max);
    char* const at = room(begin.size() + value.size() + 1);
    std::memcpy(at, begin.data(), begin.size());
    std::memcpy(at + begin.size(), value.data(), value.size());
    at[begin.size() + value.size()] = '"';
    written_ += begin.size() + value.size() + 1;
  }

  void number(std::string_view begin, std::int64_t value) {
    constexpr std::size_t kDigitsMax = 20;
    char* const at = room(begin.size() + kDigitsMax);
    std::memcpy(at, begin.data(), begin.size());
    const char* const end = std::to_chars(at + begin.size(), at + begin.size() + kDigitsMax, value).ptr;
    written_ += static_cast<std::size_t>(end - at);
  }

 private:
  char* room(std::size_t bytes) {
    if (line_.size() - written_ < bytes) line_.resize(written_ + std::max(bytes, kUsualLineBytes));
    return line_.data() + written_;
  }

  void escaped(std::string_view begin, std::string_view value, std::size_t bytes_max) {
    std::string harmless;
    append_escaped(harmless, value, bytes_max, Quoting::json);
    raw(begin);
    raw(harmless);
    raw("\"");
  }

  std::string& line_;
  std::size_t written_;  // of the line; behind it is room
};

class Paint {
 public:
  Paint(std::string& line, std::string_view colour, bool coloured) : line_(line), coloured_(coloured) {
    if (coloured_) line_ += colour;
  }
  ~Paint() {
    if (!coloured_) return;
    try {
      line_ += kReset;
    } catch (const std::bad_alloc&) {
      // The line stays coloured. The process stays.
    }
  }
  Paint(const Paint&) = delete;
  Paint& operator=(const Paint&) = delete;

 private:
  std::string& line_;
  bool coloured_;
};

void paint(std::string& line, std::string_view text, std::string_view colour, bool coloured) {
  const Paint brush(line, colour, coloured);
  line += text;
}

bool needs_quotes(std::string_view value) {
  if (value.empty()) return true;
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte <= ' ' || byte >= 0x7f || c == '"' || c == '=' || c == '\\') return true;
  }
  return false;
}

// " name=value", quoted where a reader could be misled about where the value ends.
void text_value(std::string& line, std::string_view name, std::string_view value, bool coloured) {
  line += ' ';
  {
    const Paint brush(line, kDim, coloured);
    append_escaped(line, name, kWordBytesMax, Quoting::plain);
    line += '=';
  }
  if (!needs_quotes(value)) {
    append_escaped(line, value, kValueBytesMax, Quoting::plain);
    return;
  }
  line += '"';
  append_escaped(line, value, kValueBytesMax, Quoting::json);
  line += '"';
}

// 1234567 us -> "1234.6 ms"
void append_milliseconds(std::string& line, std::int64_t us) {
  char digits[32];
  const auto value = static_cast<double>(us < 0 ? 0 : us) / 1000.0;
  const int precision = us < 10'000 ? 2 : us < 1'000'000 ? 1 : 0;
  const auto written =
      std::to_chars(digits, digits + sizeof digits, value, std::chars_format::fixed, precision);
  line.append(digits, written.ptr);
  line += " ms";
}

std::string_view status_colour(int status) {
  return status < 400 ? kGreen : status < 500 ? kYellow : kRed;
}

void text_tokens(std::string& line, const AccessRecord& record) {
  if (record.input_tokens < 0 && record.output_tokens < 0) return;
  line += ' ';
  append_integer(line, record.input_tokens < 0 ? 0 : record.input_tokens);
  line += '+';
  append_integer(line, record.output_tokens < 0 ? 0 : record.output_tokens);
  line += " tokens";
}

void text_model(std::string& line, const AccessRecord& record, bool coloured) {
  if (record.provider.empty() && record.model.empty()) return;
  line += ' ';
  const Paint brush(line, kCyan, coloured);
  append_escaped(line, record.provider, kWordBytesMax, Quoting::plain);
  if (!record.provider.empty() && !record.model.empty()) line += '/';
  append_escaped(line, record.model, kWordBytesMax, Quoting::plain);
}

}  // namespace

void append_json_message(std::string& line, Level level, std::string_view message,
                         std::initializer_list<LogField> fields) {
  line += "{\"time\":\"";
  append_time(line);
  line += "\",\"level\":\"";
  line += word(level);
  line += "\",\"message\":\"";
  append_escaped(line, redact_keys(std::string(message.substr(0, 2 * kValueBytesMax))), kValueBytesMax,
                 Quoting::json);
  line += '"';
  std::size_t count = 0;
  for (const auto& [name, value] : fields) {
    if (++count > kFieldsMax) break;
    line += ",\"";
    append_escaped(line, name, kWordBytesMax, Quoting::json);
    line += "\":\"";
    append_escaped(line, redact_keys(std::string(value.substr(0, 2 * kValueBytesMax))), kValueBytesMax,
                   Quoting::json);
    line += '"';
  }
  line += "}\n";
}

void append_text_message(std::string& line, Level level, std::string_view message,
                         std::initializer_list<LogField> fields, bool coloured) {
  {
    const Paint brush(line, kDim, coloured);
    append_time(line);
  }
  line += ' ';
  switch (level) {
    case Level::debug:
      paint(line, "DEBUG", kDim, coloured);
      break;
    case Level::info:
      paint(line, "INFO ", kGreen, coloured);
      break;
    case Level::warn:
      paint(line, "WARN ", kYellow, coloured);
      break;
    case Level::error:
    case Level::off:
      paint(line, "ERROR", kRed, coloured);
      break;
  }
  line += ' ';
  append_escaped(line, redact_keys(std::string(message.substr(0, 2 * kValueBytesMax))), kValueBytesMax,
                 Quoting::plain);
  std::size_t count = 0;
  for (const auto& [name, value] : fields) {
    if (++count > kFieldsMax) break;
    text_value(line, name, redact_keys(std::string(value.substr(0, 2 * kValueBytesMax))), coloured);
  }
  line += '\n';
}

void append_json_access(std::string& line, const AccessRecord& record) {
  line += R"({"time":")";
  append_time(line);
  JsonPen pen(line);
  pen.raw(R"(","level":"info","message":"request")");
  pen.text(R"(,"request_id":")", record.request_id, kWordBytesMax);
  pen.text(R"(,"client_address":")", record.client_address, kWordBytesMax);
  pen.text(R"(,"method":")", record.method, kWordBytesMax);
  pen.text(R"(,"path":")", without_query(record.path), kPathBytesMax);
  pen.number(R"(,"status":)", record.status);
  pen.text(R"(,"provider":")", record.provider, kWordBytesMax);
  pen.text(R"(,"model":")", record.model, kWordBytesMax);
  pen.raw(record.stream ? R"(,"stream":true)" : R"(,"stream":false)");
  pen.text(R"(,"cache":")", record.cache, kWordBytesMax);
  if (record.collapsed) pen.raw(R"(,"collapsed":true)");
  if (record.attempts > 0) pen.number(R"(,"attempts":)", record.attempts);
  if (!record.tried.empty()) pen.text(R"(,"tried":")", record.tried, kValueBytesMax);
  if (record.input_tokens >= 0) pen.number(R"(,"input_tokens":)", record.input_tokens);
  if (record.output_tokens >= 0) pen.number(R"(,"output_tokens":)", record.output_tokens);
  pen.text(R"(,"cost_usd":")", record.cost_usd, kWordBytesMax);
  pen.text(R"(,"saved_usd":")", record.saved_usd, kWordBytesMax);
  pen.text(R"(,"finish_reason":")", record.finish_reason, kWordBytesMax);
  pen.text(R"(,"error_code":")", record.error_code, kWordBytesMax);
  if (!record.error_message.empty()) {
    pen.text(R"(,"error_message":")",
             redact_keys(std::string(record.error_message.substr(0, 2 * kValueBytesMax))), kValueBytesMax);
  }
  pen.number(R"(,"latency_us":)", record.latency_us);
  pen.number(R"(,"overhead_us":)", record.overhead_us);
  if (record.first_token_us >= 0) pen.number(R"(,"first_token_us":)", record.first_token_us);
  pen.number(R"(,"response_bytes":)", static_cast<std::int64_t>(record.response_bytes));
  pen.raw("}\n");
}

void append_text_access(std::string& line, const AccessRecord& record, bool coloured) {
  {
    const Paint brush(line, kDim, coloured);
    append_time(line);
  }
  line += ' ';
  {
    const Paint brush(line, status_colour(record.status), coloured);
    append_integer(line, record.status);
  }
  line += ' ';
  append_escaped(line, record.method, kWordBytesMax, Quoting::plain);
  line += ' ';
  append_escaped(line, without_query(record.path), kPathBytesMax, Quoting::plain);
  text_model(line, record, coloured);
  line += ' ';
  append_milliseconds(line, record.latency_us);
  line += " (gateway ";
  append_milliseconds(line, record.overhead_us);
  line += ')';
  if (record.first_token_us >= 0) {
    line += " first token ";
    append_milliseconds(line, record.first_token_us);
  }
  text_tokens(line, record);
  if (!record.cost_usd.empty()) text_value(line, "cost_usd", record.cost_usd, coloured);
  if (!record.saved_usd.empty()) text_value(line, "saved_usd", record.saved_usd, coloured);
  if (record.stream) line += " stream";
  if (!record.cache.empty()) text_value(line, "cache", record.cache, coloured);
  if (record.collapsed) line += " collapsed";
  if (record.attempts > 1) text_value(line, "attempts", std::to_string(record.attempts), coloured);
  if (!record.tried.empty()) text_value(line, "tried", record.tried, coloured);
  if (!record.finish_reason.empty()) text_value(line, "finish_reason", record.finish_reason, coloured);
  if (!record.error_code.empty()) text_value(line, "error", record.error_code, coloured);
  if (!record.error_message.empty()) {
    text_value(line, "message", redact_keys(std::string(record.error_message.substr(0, 2 * kValueBytesMax))),
               coloured);
  }
  if (!record.request_id.empty()) text_value(line, "request_id", record.request_id, coloured);
  line += '\n';
}

}  // namespace ai_proxy::telemetry
