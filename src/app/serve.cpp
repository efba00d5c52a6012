#include "app/serve.h"

#include <sched.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <csignal>
#include <cstdio>
#include <iostream>
#include <new>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "app/admin_listener.h"
#include "app/caretaker.h"
#include "app/crash.h"
#include "app/listening.h"
#include "app/loop.h"
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
        signals_(control_),
        file_timer_(control_),
        drain_timer_(control_) {}

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
    watch_files();
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

  // Waits anew first, here as below: what follows may fail for want of memory.
  void wait_for_signal() {
    signals_.async_wait([this](const http::error_code& fault, int signal) {
      if (fault) return;
      wait_for_signal();
      if (signal == SIGHUP) {
        files_ = fingerprint_of_files(command_line_, *settings_);  // the watch need not read them again
        reload("SIGHUP");
      } else if (process_.leaving) {
        finish();
      } else {
        leave();
      }
    });
  }

  // A file that is being written changes from look to look: it is read once it has come to rest.
  void watch_files() {
    file_timer_.expires_after(250ms);
    file_timer_.async_wait([this](const http::error_code& fault) {
      if (fault || process_.leaving) return;
      watch_files();
      const auto now = fingerprint_of_files(command_line_, *settings_);
      if (now != files_ && now == changed_files_) {
        files_ = now;
        reload("file changed");
      }
      changed_files_ = now;
    });
  }

  void reload(std::string_view cause) {
    caretaker_.free_descriptors();
    auto settings = load_settings(command_line_);
    process_.reload_refused = !settings;
    (settings ? process_.counts.reloads : process_.counts.reloads_failed).add();
    if (!settings) {
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
    if (!telemetry::start_log(log_options(settings_->log)))
      log(Level::error, "the log file cannot be opened", {{"file", settings_->log.file}});
    caretaker_.use(*settings_);
    // Said when every thread has it: who has read the line meets nothing but the new configuration.
    const auto still_old = std::make_shared<std::atomic<std::size_t>>(loops_.size());
    for (const auto& loop : loops_) {
      loop->use(settings_, [this, still_old, cause = std::string(cause)] {
        if (--*still_old > 0) return;
        asio::post(control_, [this, cause] {
          log(Level::info, "configuration reloaded", {{"cause", cause}});
          log_warnings();
        });
      });
    }
  }

  // Leaving has three steps. First the lame duck, where there is one: /readyz says no, and everything is
  // still served, with the advice to connect anew. Then no new work: it is refused with words, and the port
  // closes where a lame duck gave others the time to notice; without one it stays open, as /readyz must be
  // able to say no. What runs may finish within the drain time; then it is told, then it is cut. Who serves a
  // socket that was handed over refuses nobody: its successor lets the others in.
  void leave() {
    process_.leaving = true;
    for (const auto& loop : loops_) loop->drain(handed_over_ ? kHandoverIdle : http::kDrainIdle);
    if (handed_over_) close_port();
    const auto lame_duck = handed_over_ ? 0ms : settings_->lame_duck.value_or(0ms);
    if (lame_duck == 0ms) return drain();
    log(Level::info, "leaving: still serving, /readyz says no",
        {{"lame_duck_ms", std::to_string(lame_duck.count())}});
    drain_timer_.expires_after(lame_duck);
    drain_timer_.async_wait([this](const http::error_code& fault) {
      if (!fault) drain();
    });
  }

  void drain() {
    process_.draining = !handed_over_;
    if (settings_->lame_duck) close_port();
    log(Level::info, "draining",
        {{"requests_running", std::to_string(process_.counters.requests_running.load())}});
    deadline_ = http::Clock::now() + settings_->drain_time;
    wait_until_quiet(false);
  }

  void close_port() {
    port_closed_ = true;
    for (const auto& loop : loops_) loop->stop_accepting();
  }

  // Quiet: no connection is left, and none can come. Those on which nothing happens end by themselves
  // (http::kDrainIdle).
  void wait_until_quiet(bool cancelled) {
    drain_timer_.expires_after(20ms);
    drain_timer_.async_wait([this, cancelled](const http::error_code& fault) {
      if (fault) return;
      const bool none = process_.counters.connections.load() == 0;
      const bool late = http::Clock::now() >= deadline_;
      if ((none && port_closed_) || (late && cancelled)) return finish();
      wait_until_quiet(cancelled || late);
      if (none) close_port();  // who waited in its queue is heard before the end
      if (late) {
        for (const auto& loop : loops_) loop->stop_accepting_and_cancel();
        deadline_ = http::Clock::now() + 1s;
      }
    });
  }

  void finish() {
    for (const auto& loop : loops_) loop->stop();
    log(Level::info, "stopped");
    control_.stop();
  }

  const CommandLine& command_line_;
  std::shared_ptr<const config::Settings> settings_;
  gateway::Process process_;
  std::vector<std::unique_ptr<Loop>> loops_;
  asio::io_context control_{1};
  Caretaker caretaker_;
  AdminListener admin_;
  asio::signal_set signals_;
  asio::steady_timer file_timer_;
  asio::steady_timer drain_timer_;
  http::Clock::time_point deadline_;
  std::uint64_t files_ = 0;          // that the settings were read from
  std::uint64_t changed_files_ = 0;  // at the last look
  bool port_closed_ = false;
  bool handed_over_ = false;      // our sockets are others' too
  const CrashStack crash_stack_;  // the main thread's
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
    std::cerr << "ai-proxy: the log file " << settings->log.file << " cannot be opened.\n";
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
