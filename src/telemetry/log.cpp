// The process's log: one queue and writer thread, created at the first start_log() and kept for the life of
// the process, so that a reload or the end never races with a thread that is writing a line.
#include "telemetry/log.h"

#include <fcntl.h>
#include <signal.h>

#include <atomic>
#include <bit>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "telemetry/line_writer.h"
#include "telemetry/log_line.h"

namespace ai_proxy::telemetry {
namespace {

// A line buffer that once grew large is given back.
constexpr std::size_t kLineBytesKept = 8 * 1024;

// What a thread must know to write a line; small enough to be read in one piece.
struct alignas(8) Settings {
  bool running = false;
  Format format = Format::text;
  Level level = Level::info;
  bool access = true;
  bool coloured_messages = false;
  bool coloured_access = false;
  std::uint16_t unused = 0;
};
static_assert(std::atomic<Settings>::is_always_lock_free);
constinit std::atomic<Settings> current_settings{Settings{}};

struct Log {
  std::mutex mutex;  // held by start_log and stop_log only
  LineWriter writer{[] {
    telemetry::log(Level::warn, "log lines were dropped: their reader is too slow",
                   {{"lines_in_all", std::to_string(dropped_lines())}});
  }};

  Log() {
    std::thread([this] {
      // Signals are for the main thread; a reader that went away must not kill us (SIGPIPE).
      sigset_t all;
      sigfillset(&all);
      pthread_sigmask(SIG_BLOCK, &all, nullptr);
      writer.run();
    }).detach();
  }
};

// Never destroyed: its thread may outlive main's end by a moment.
Log& process_log() {
  static Log* const log = new Log;
  return *log;
}
constinit std::atomic<bool> log_exists{false};

bool coloured(const std::shared_ptr<Output>& output, bool file) {
  if (file || output == nullptr || !output->terminal()) return false;
  const char* const no_color = std::getenv("NO_COLOR");
  return no_color == nullptr || *no_color == '\0';
}

// Nothing is written to what was closed from the beginning; what is open must be had.
bool missing(const std::shared_ptr<Output>& output, int descriptor) {
  return output == nullptr && ::fcntl(descriptor, F_GETFD) >= 0;
}

std::string& line_buffer() {
  thread_local std::string line;
  if (line.capacity() > kLineBytesKept) line = {};
  line.clear();
  return line;
}

}  // namespace

bool start_log(const LogOptions& options) {
  Outputs outputs;
  if (options.file.empty()) {
    outputs.messages = Output::standard(2);
    outputs.access = Output::standard(1);
    if (missing(outputs.messages, 2) || missing(outputs.access, 1)) return false;
  } else {
    outputs.messages = Output::file(options.file);
    if (outputs.messages == nullptr) return false;
    outputs.access = outputs.messages;
  }
  Settings settings;
  settings.running = true;
  settings.format = options.format;
  settings.level = options.level;
  settings.access = options.access && options.level != Level::off;
  settings.coloured_messages = coloured(outputs.messages, !options.file.empty());
  settings.coloured_access = coloured(outputs.access, !options.file.empty());

  Log& log = process_log();
  const std::lock_guard lock(log.mutex);
  log.writer.set_outputs(std::move(outputs));
  log_exists.store(true);
  current_settings.store(settings);
  return true;
}

void stop_log(std::chrono::milliseconds patience) {
  if (!log_exists.load()) return;
  Log& log = process_log();
  const std::lock_guard lock(log.mutex);
  current_settings.store(Settings{});
  log.writer.flush(patience);
  log.writer.set_outputs({});
}

void log(Level level, std::string_view message, std::initializer_list<LogField> fields) {
  const Settings settings = current_settings.load(std::memory_order_acquire);
  if (!settings.running || level < settings.level || level == Level::off) return;
  std::string& line = line_buffer();
  if (settings.format == Format::json) {
    append_json_message(line, level, message, fields);
  } else {
    append_text_message(line, level, message, fields, settings.coloured_messages);
  }
  process_log().writer.push(LineKind::message, line);
}

void log_access(const AccessRecord& record) {
  const Settings settings = current_settings.load(std::memory_order_acquire);
  if (!settings.running || !settings.access) return;
  std::string& line = line_buffer();
  if (settings.format == Format::json) {
    append_json_access(line, record);
  } else {
    append_text_access(line, record, settings.coloured_access);
  }
  process_log().writer.push(LineKind::access, line);
}

std::uint64_t dropped_lines() {
  if (!log_exists.load()) return 0;
  return process_log().writer.dropped();
}

}  // namespace ai_proxy::telemetry
