// The server process: threads, signals, reload, drain.
#pragma once

#include <memory>

#include "app/load_settings.h"
#include "config/settings.h"

namespace ai_proxy::app {

// Runs until a signal ends it. SIGTERM and SIGINT drain, a second one ends at once; SIGHUP and a change of
// the configuration's files reload. Returns the exit code: 0 after a stop, 2 when its log
// cannot be opened. Throws std::exception, with a message for a person, when it cannot start otherwise;
// after std::bad_alloc its threads may still stand.
int serve(const CommandLine& command_line, std::shared_ptr<const config::Settings> settings);

}  // namespace ai_proxy::app
