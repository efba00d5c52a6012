// Log lines: JSON for machines, coloured text on a terminal. Never blocks a request: lines go through a
// bounded queue to one writer thread; when it is full the oldest are dropped and counted. No prompt text, no
// secret.
#pragma once

#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace ai_proxy::telemetry {

enum class Level : std::uint8_t { debug, info, warn, error, off };
enum class Format : std::uint8_t { json, text };

struct LogOptions {
  Format format = Format::text;
  Level level = Level::info;
  bool access = true;  // write access lines
  std::string file;    // empty: messages to stderr, access lines to stdout
};

// Starts (or, on reload, replaces) the log of the process; a file is opened anew (log rotation). False: what
// it is to go to cannot be opened; the old log stays. Before the first start, nothing is written.
bool start_log(const LogOptions& options);
// Writes what is queued, at most for `patience`, and stops.
void stop_log(std::chrono::milliseconds patience = std::chrono::seconds(1));

// One message with named values: log(Level::warn, "redis is away", {{"host", host}}). Control characters,
// line breaks and escapes in values are made harmless.
using LogField = std::pair<std::string_view, std::string_view>;
void log(Level level, std::string_view message, std::initializer_list<LogField> fields = {});

// One request's line.
struct AccessRecord {
  std::string_view request_id;
  std::string_view client_address;
  std::string_view method;
  std::string_view path;      // a query is left out: it may carry a key
  int status = 0;             // 499: the client went away
  std::string_view provider;  // empty: none was chosen
  std::string_view model;
  bool stream = false;
  std::string_view cache;  // HIT, MISS, BYPASS, DISABLED or empty
  bool collapsed = false;  // the answer was fetched by another request
  int attempts = 0;
  std::string_view tried;          // the failed ones, in words; empty: none
  std::int64_t input_tokens = -1;  // -1: unknown
  std::int64_t output_tokens = -1;
  std::string_view cost_usd;   // empty: unknown
  std::string_view saved_usd;  // on a hit; empty: none
  std::string_view finish_reason;
  std::string_view error_code;     // empty: none
  std::string_view error_message;  // safe to show
  std::int64_t latency_us = 0;
  std::int64_t overhead_us = 0;      // spent in the gateway itself
  std::int64_t first_token_us = -1;  // -1: not a stream, or none came
  std::size_t response_bytes = 0;
};
void log_access(const AccessRecord& record);

// Lines dropped because the queue was full, its reader too slow, the disk full or the output gone. Never goes
// down.
std::uint64_t dropped_lines();

}  // namespace ai_proxy::telemetry
