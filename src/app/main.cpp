// The command line: what to run, and exit codes (0 good, 1 output lost, 2 wrong usage or configuration).
#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <memory>
#include <new>
#include <string>
#include <system_error>

#include "app/demo.h"
#include "app/load_settings.h"
#include "app/models_command.h"
#include "app/price_command.h"
#include "app/serve.h"
#include "app/simulate_command.h"

namespace {

using ai_proxy::app::CommandLine;

constexpr int kNotWritten = 1;
constexpr int kWrongUsage = 2;

// Prints every fault of the configuration, so that one round of mending is enough.
std::shared_ptr<const ai_proxy::config::Settings> settings_or_faults(const CommandLine& command_line) {
  auto settings = ai_proxy::app::load_settings(command_line);
  if (settings) return std::move(*settings);
  std::cerr << "ai-proxy: the configuration is not valid:\n";
  for (const std::string& fault : settings.error()) std::cerr << "  " << fault << '\n';
  return nullptr;
}

int run_serve(CommandLine& command_line, bool demo) {
  std::unique_ptr<ai_proxy::app::Demo> providers;
  if (demo) providers = ai_proxy::app::Demo::start(command_line);
  const auto settings = settings_or_faults(command_line);
  if (settings == nullptr) return kWrongUsage;
  return ai_proxy::app::serve(command_line, settings);
}

// The exit code of a command that has written to standard output, unless that could not take it (a full
// disk).
int written(int exit_code) {
  std::cout.flush();
  if (std::cout) return exit_code;
  std::cerr << "ai-proxy: standard output cannot be written.\n";
  return kNotWritten;
}

int run_check(const CommandLine& command_line) {
  const auto settings = settings_or_faults(command_line);
  if (settings == nullptr) return kWrongUsage;
  std::cout << "The configuration is valid.\n";
  for (const auto& provider : settings->routes.providers) {
    std::cout << "  " << provider.name << ": "
              << (provider.configured() ? "configured" : "no key (" + provider.key_variable + ")") << '\n';
  }
  return 0;
}

int run(int argc, char** argv) {
  CLI::App app{
      "AI Proxy: one API in front of OpenAI, Anthropic and Mistral, with exact cost on every answer."};
  app.set_version_flag("--version", "ai-proxy " AI_PROXY_VERSION);
  app.require_subcommand(0, 1);
  app.footer("Documentation: README.md, docs/. Configuration: environment, .env, or --config FILE (YAML).");

  CommandLine command_line;
  bool demo = false;
  std::string port, host;
  app.add_option("--config", command_line.config_file, "YAML configuration file")->type_name("FILE");
  app.add_option("--port", port, "Port to listen on (default 8080)");
  app.add_option("--host", host, "Address to listen on (default 127.0.0.1)");
  app.add_flag("--demo", demo, "Answer from built-in simulated providers: no API key needed");

  CLI::App* serve = app.add_subcommand("serve", "Serve (also what happens without a command)")->fallthrough();
  CLI::App* check = app.add_subcommand("check", "Check the configuration and exit")->fallthrough();
  CLI::App* models =
      app.add_subcommand("models", "List the models and prices of the catalogue")->fallthrough();
  bool models_as_json = false;
  models->add_flag("--json", models_as_json, "As JSON");
  CLI::App* price =
      app.add_subcommand("price", "Price usage objects: one JSON object per line in, one out")->fallthrough();
  bool price_as_json = false;
  price->add_flag("--json", price_as_json, "JSON lines (the only form there is)");
  CLI::App* simulate = app.add_subcommand("simulate", "Play the three providers on a loopback port");
  ai_proxy::app::SimulateOptions simulation;
  ai_proxy::app::add_simulate_options(*simulate, simulation);

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kWrongUsage;
  }
  if (!port.empty()) command_line.overrides["PORT"] = port;
  if (!host.empty()) command_line.overrides["HOST"] = host;

  if (*check) return run_check(command_line);
  if (*simulate) return ai_proxy::app::run_simulate_command(simulation);
  if (*models || *price) {
    const auto settings = settings_or_faults(command_line);
    if (settings == nullptr) return kWrongUsage;
    const auto& catalog = *settings->catalog;
    return written(*price ? ai_proxy::app::run_price_command(catalog, std::cin, std::cout, std::cerr)
                          : ai_proxy::app::run_models_command(std::cout, catalog, models_as_json));
  }
  static_cast<void>(serve);
  return run_serve(command_line, demo);
}

}  // namespace

// What stops the start ends here, in words that need no memory.
int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::bad_alloc&) {
    std::fputs("ai-proxy: there is not enough memory to start.\n", stderr);
    std::_Exit(kWrongUsage);  // threads may stand, and taking anything down may want memory
  } catch (const std::system_error& fault) {
    const bool no_thread = fault.code() == std::errc::resource_unavailable_try_again;
    std::fprintf(stderr, "ai-proxy: %s%s\n", fault.what(),
                 no_thread ? ": no more threads can be started (ulimit -u, pids.max)." : "");
  } catch (const std::exception& fault) {
    std::fprintf(stderr, "ai-proxy: %s\n", fault.what());
  }
  return kWrongUsage;
}
