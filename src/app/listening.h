// Where connections come from: a port of our own, or sockets that whoever started us hands over.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace ai_proxy::app {

// Threads share the port by SO_REUSEPORT, which would also let a second gateway take half of the first one's
// connections without a word. So it is first asked for alone. Throws std::runtime_error when somebody has it.
void claim_port(const std::string& host, std::uint16_t port);

// The sockets that were handed over as systemd does it (LISTEN_PID, LISTEN_FDS: descriptors from 3 on), as a
// descriptor for each thread; empty when there are none. A socket that a supervisor keeps outlives every
// process that serves it, and so does the queue of those who wait to be let in: a restart loses nobody.
// Throws std::runtime_error when what was handed over cannot be served, or (not `anonymous_allowed`) is open
// to others than this machine. Protocol source: sd_listen_fds(3). Call once.
std::vector<int> passed_sockets(unsigned threads, bool anonymous_allowed);

}  // namespace ai_proxy::app
