#include "app/serve.h"

#include <sched.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <boost/asio/basic_signal_set.hpp>
#include <boost/asio/bind_allocator.hpp>
#include <csignal>
#include <cstdio>
#include <functional>
#include <iostream>
#include <memory>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "app/admin_listener.h"
#include "app/caretaker.h"
#include "app/crash.h"
#include "app/listening.h"
#include "app/loop.h"
#include "http/deadline.h"
#include "http/handler_memory.h"
#include "telemetry/log.h"

namespace ai_proxy::app {
namespace {

namespace asio = http::asio;
using namespace std::chrono_literals;
using telemetry::Level;
using telemetry::log;

// How long an idle connection lives on when another process has taken over the port: long enough that a
// client which uses it now and then comes once more, and is told to connect anew.
constexpr auto kHandoverIdle = 2s;
constexpr auto kQuietLookEvery = 20ms;
constexpr auto kCancelTime = 1s;    // for those who are told that the drain time is over
constexpr auto kLookEvery = 250ms;  // at the files
// A thread that has not taken over a configuration by then has found no memory for it.
constexpr auto kReloadTime = 5s;

unsigned cpus_we_may_use() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) != 0) return 1;
  return static_cast<unsigned>(std::max(1, CPU_COUNT(&set)));
}

// Every connection needs a descriptor on each side: take what the system grants, and stay below half of it.
std::size_t connection_limit(std::size_t wanted) {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return wanted;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  getrlimit(RLIMIT_NOFILE, &limit);
  return std::min<std::size_t>(wanted, static_cast<std::size_t>(limit.rlim_cur) * 45 / 100);
}

telemetry::LogOptions log_options(const config::LogSettings& settings) {
  telemetry::LogOptions options;
  const bool terminal = isatty(STDERR_FILENO) == 1 && isatty(STDOUT_FILENO) == 1;
  const bool text = settings.format == config::LogFormat::text ||
                    (settings.format == config::LogFormat::automatic && terminal);
  options.format = text ? telemetry::Format::text : telemetry::Format::json;
  constexpr std::pair<std::string_view, Level> kLevels[] = {{"debug", Level::debug},
                                                            {"info", Level::info},
                                                            {"warn", Level::warn},
                                                            {"error", Level::error},
                                                            {"off", Level::off}};
  for (const auto& [word, level] : kLevels) {
    if (settings.level == word) options.level = level;
  }
  options.access = settings.access;
  options.file = settings.file;
  return options;
}

// The main thread: watches signals and files, and conducts the loops.
class Conductor {
 public:
  Conductor(const CommandLine& command_line, std::shared_ptr<const config::Settings> settings)
      : command_line_(command_line),
        settings_(std::move(settings)),
        caretaker_(control_, process_,
                   {.measure_delay =
                        [this] {
                          for (const auto& loop : loops_) loop->measure_delay();
                        },
                    .shed =
                        [this](std::size_t bytes) {
                          for (const auto& loop : loops_) loop->shed(bytes / loops_.size() + 1);
                        }}),
        admin_(control_, process_,
               [this]() -> const routing::HealthPolicy& { return settings_->routing.health; }),
        signals_(control_) {}

  // Throws std::runtime_error with a message for a person when it cannot start.
  void start() {
    if (settings_->cache.memory_bytes > 0) {
      process_.memory = std::make_shared<cache::MemoryCache>(settings_->cache.memory_bytes);
    }
    const unsigned threads = settings_->threads > 0 ? settings_->threads : cpus_we_may_use();
    auto limited = std::make_shared<config::Settings>(*settings_);
    limited->server.connections_max = connection_limit(settings_->server.connections_max);
    number_series(*limited);
    settings_ = std::move(limited);
    for (unsigned i = 0; i < threads; ++i) loops_.push_back(std::make_unique<Loop>(process_, settings_));
    const std::uint16_t port = listen(threads);
    // Before a request is served: what cannot be watched does not begin.
    admin_.start(settings_->admin, handed_over_);
    for (const auto& loop : loops_) loop->start();
    watch_signals();
    caretaker_.start(*settings_);
    files_ = changed_files_ = fingerprint_of_files(command_line_, *settings_);
    next_look_.arm(kLookEvery);
    const std::string host =
        settings_->host.find(':') != std::string::npos ? "[" + settings_->host + "]" : settings_->host;
    const std::string url = "http://" + host + ":" + std::to_string(port);
    log(Level::info, "listening",
        {{"url", url}, {"threads", std::to_string(threads)}, {"version", AI_PROXY_VERSION}});
    name_providers_without_key();
    log_warnings();
  }

  void run() {
    while (!control_.stopped()) {
      try {
        control_.run();
      } catch (const std::bad_alloc&) {
        // What was begun is tried again when its time comes again.
      }
    }
  }

 private:
  std::uint16_t listen(unsigned threads) {
    std::uint16_t port = settings_->port;
    const auto use = [&port](const Result<std::uint16_t>& bound) {
      if (!bound) throw std::runtime_error(bound.error().message);
      port = *bound;  // port 0: the others join the first one's
    };
    const std::vector<int> passed = passed_sockets(threads, settings_->allow_anonymous);
    handed_over_ = !passed.empty();
    for (std::size_t i = 0; i < passed.size(); ++i) use(loops_[i % loops_.size()]->listen_on(passed[i]));
    if (handed_over_) return port;
    if (port != 0 && threads > 1) claim_port(settings_->host, port);
    for (const auto& loop : loops_) use(loop->listen(settings_->host, port, threads > 1));
    return port;
  }

  // Where the requests of each model are counted; numbers are given once and for the life of the process.
  void number_series(config::Settings& settings) {
    settings.routes.series = routing::Series(settings.routes, *settings.catalog,
                                             [this](std::string_view provider, std::string_view model) {
                                               return process_.counts.names.number_of(provider, model);
                                             });
  }

  void name_providers_without_key() {
    for (const providers::Provider& provider : settings_->routes.providers) {
      if (provider.configured()) continue;
      log(Level::warn, "no key: requests to this provider are answered with 503",
          {{"provider", provider.name}, {"variable", provider.key_variable}});
    }
  }

  void log_warnings() const {
    for (const std::string& warning : settings_->warnings) log(Level::warn, warning);
  }

  void watch_signals() {
    for (const int signal : {SIGTERM, SIGINT, SIGHUP}) signals_.add(signal);
    wait_for_signal();
  }

  // Waits anew first, and needs no memory for it: what follows may fail for want of it.
  void wait_for_signal() {
    const http::HandlerAllocator<char> memory(signal_memory_);
    signals_.async_wait(asio::bind_allocator(memory, [this](const http::error_code& fault, int signal) {
      if (fault) return;
      wait_for_signal();
      if (signal == SIGHUP) {
        reload("SIGHUP");
      } else if (process_.leaving) {
        finish();
      } else {
        leave();
      }
    }));
  }

  // A file that is being written changes from look to look: it is read once it has come to rest.
  void look_at_files() {
    if (process_.leaving) return;
    next_look_.arm(kLookEvery);
    if (handed_out_ && http::Clock::now() - *handed_out_ > kReloadTime) {
      log(Level::error, "not every thread has taken the new configuration over: it is told once more");
      hand_out("told once more");
    }
    const auto now = fingerprint_of_files(command_line_, *settings_);
    if (now != files_ && now == changed_files_) reload("file changed");
    changed_files_ = now;
  }

  void reload(std::string_view cause) {
    files_ = 0;  // where memory gives out on the way, the watch tries again
    const auto files = fingerprint_of_files(command_line_, *settings_);
    caretaker_.free_descriptors();
    auto settings = load_settings(command_line_);
    if (!settings) {
      files_ = files;
      process_.counts.reloads_failed.add();
      process_.reload_refused = true;
      for (const std::string& fault : settings.error())
        log(Level::error, "configuration refused", {{"fault", fault}});
      log(Level::error, "the old configuration stays", {{"cause", cause}});
      return;
    }
    auto fresh = std::make_shared<config::Settings>(**settings);
    if (fresh->host != settings_->host || fresh->port != settings_->port ||
        fresh->threads != settings_->threads || fresh->cache.memory_bytes != settings_->cache.memory_bytes ||
        fresh->ca_file != settings_->ca_file || fresh->admin != settings_->admin) {
      log(Level::warn,
          "host, port, threads, the admin listener, cache memory and the CA file change only with a restart",
          {{"cause", cause}});
    }
    fresh->cache.memory_bytes = settings_->cache.memory_bytes;
    fresh->ca_file = settings_->ca_file;
    fresh->server.connections_max = connection_limit(fresh->server.connections_max);
    number_series(*fresh);
    settings_ = std::move(fresh);
    files_ = files;
    refused_before_ = process_.counts.reloads_failed.value();
    hand_out(cause);
  }

  void hand_out(std::string_view cause) {
    handed_out_ = http::Clock::now();
    if (!telemetry::start_log(log_options(settings_->log)))
      log(Level::error, "the log cannot be opened: the one before goes on", {{"file", settings_->log.file}});
    caretaker_.use(*settings_);
    // Said when every thread has it: who has read the line, or /readyz, meets nothing but the new
    // configuration.
    const auto have_it = when_all_have(
        [this, refused_before = refused_before_, fresh = settings_, cause = std::string(cause)] {
          process_.counts.reloads.add();
          if (process_.counts.reloads_failed.value() == refused_before) process_.reload_refused = false;
          if (settings_ == fresh) handed_out_.reset();
          log(Level::info, "configuration reloaded", {{"cause", cause}});
          log_warnings();
        });
    for (const auto& loop : loops_) loop->use(settings_, have_it);
  }

  // For each loop to call once: the last call has `done` run on this thread.
  std::function<void()> when_all_have(std::function<void()> done) {
    return [this, left = std::make_shared<std::atomic<std::size_t>>(loops_.size()), done = std::move(done)] {
      if (--*left == 0) asio::post(control_, done);
    };
  }

  // Leaving has three steps. First the lame duck, where there is one: /readyz says no, and everything is
  // still served, with the advice to connect anew. Then no new work: it is refused with words, and the port
  // closes where a lame duck gave others the time to notice; without one it stays open, as /readyz must be
  // able to say no. What runs may finish within the drain time; then it is told, then it is cut. Who serves a
  // socket that was handed over refuses nobody: its successor lets the others in.
  // Each step arms the next one first: what it does itself may fail for want of memory.
  void leave() {
    process_.leaving = true;
    const auto lame_duck = handed_over_ ? 0ms : settings_->lame_duck.value_or(0ms);
    next_step_.arm(lame_duck);
    for (const auto& loop : loops_) loop->drain(handed_over_ ? kHandoverIdle : http::kDrainIdle);
    if (handed_over_) close_port();
    if (lame_duck == 0ms) return;
    log(Level::info, "leaving: still serving, /readyz says no",
        {{"lame_duck_ms", std::to_string(lame_duck.count())}});
  }

  void drain() {
    process_.draining = !handed_over_;
    drain_end_ = http::Clock::now() + settings_->drain_time;
    next_step_.arm(kQuietLookEvery);
    if (settings_->lame_duck) close_port();
    log(Level::info, "draining",
        {{"requests_running", std::to_string(process_.counters.requests_running.load())}});
  }

  void close_port() {
    if (port_closed_) return;
    const auto have_closed_it = when_all_have([this] { port_closed_ = true; });
    for (const auto& loop : loops_) loop->stop_accepting(have_closed_it);
  }

  // Quiet: no connection is left, and none can come. Those on which nothing happens end by themselves
  // (http::kDrainIdle).
  void look_for_quiet() {
    const bool none = process_.counters.connections.load() == 0;
    const bool late = http::Clock::now() >= *drain_end_;
    if ((none && port_closed_) || (late && cancelled_)) return finish();
    next_step_.arm(kQuietLookEvery);
    if (late) drain_end_ = http::Clock::now() + kCancelTime;
    cancelled_ |= late;
    if (none || late || handed_over_) close_port();  // who waited in its queue is heard before the end
    if (!late) return;
    for (const auto& loop : loops_) loop->cancel_all();
  }

  void finish() {
    struct End {
      ~End() { control.stop(); }
      asio::io_context& control;
    } const end{control_};
    for (const auto& loop : loops_) loop->stop();
    log(Level::info, "stopped");
  }

  const CommandLine& command_line_;
  std::shared_ptr<const config::Settings> settings_;
  gateway::Process process_;
  asio::io_context control_{1};
  std::vector<std::unique_ptr<Loop>> loops_;
  Caretaker caretaker_;
  AdminListener admin_;
  asio::basic_signal_set<http::Executor> signals_;
  const std::shared_ptr<http::HandlerMemory> signal_memory_ = std::make_shared<http::HandlerMemory>();
  http::Deadlines deadlines_{control_};
  http::Deadline next_look_{deadlines_, [this] { look_at_files(); }};
  http::Deadline next_step_{deadlines_, [this] { drain_end_ ? look_for_quiet() : drain(); }};
  std::optional<http::Clock::time_point> drain_end_;   // once draining
  bool cancelled_ = false;                             // its time is over
  std::uint64_t files_ = 0;                            // that the settings were read from
  std::uint64_t refused_before_ = 0;                   // reloads, when `settings_` were read
  std::uint64_t changed_files_ = 0;                    // at the last look
  std::optional<http::Clock::time_point> handed_out_;  // not every thread has `settings_` yet
  bool port_closed_ = false;                           // on every thread
  bool handed_over_ = false;                           // our sockets are others' too
  const CrashStack crash_stack_;                       // the main thread's
};

// What was logged before the end is written, whatever the end is.
struct LogEnd {
  ~LogEnd() {
    try {
      telemetry::stop_log();
    } catch (const std::bad_alloc&) {
      // Then it is not.
    }
  }
};

}  // namespace

int serve(const CommandLine& command_line, std::shared_ptr<const config::Settings> settings) {
  ::umask(077);  // what we write is for nobody else
  prepare_for_crash(settings->core_dumps);
  if (!telemetry::start_log(log_options(settings->log))) {
    const std::string& file = settings->log.file;
    std::cerr << "ai-proxy: the log " << (file.empty() ? "to standard output and standard error" : file)
              << " cannot be opened.\n";
    return 2;
  }
  // A client that goes away must not end the process.
  std::signal(SIGPIPE, SIG_IGN);
  return_memory_early();
  const LogEnd log_end;
  auto conductor = std::make_unique<Conductor>(command_line, std::move(settings));
  try {
    conductor->start();
  } catch (const std::bad_alloc&) {
    // Taking the loops down would want memory too: asio posts what it destroys.
    [[maybe_unused]] const Conductor* const left = conductor.release();
    throw;
  }
  conductor->run();
  return 0;
}

}  // namespace ai_proxy::app
