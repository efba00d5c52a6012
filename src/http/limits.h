// Every bound and every time of the HTTP server and client, in one place. The defaults are those of
// docs/configuration.md; each may be set in the configuration file.
#pragma once

#include <chrono>
#include <cstddef>

namespace ai_proxy::http {

using std::chrono::milliseconds;
using std::chrono::seconds;

struct ServerLimits {
  std::size_t connections_max = 8192;             // all threads together; see kConnectionsBeyondMax
  std::size_t connections_per_client_max = 1024;  // one address; beyond it reset. 0: no limit
  std::size_t requests_max = 4096;                // running, all threads together: 503. 0: no limit
  std::size_t head_bytes_max = 32 * 1024;         // 431
  std::size_t target_bytes_max = 8 * 1024;        // 414
  std::size_t fields_max = 100;                   // 431
  std::size_t body_bytes_max = 10 * 1024 * 1024;  // 413, from Content-Length alone where it says so
  std::size_t chunk_overhead_bytes = 16 * 1024;   // framing and extensions beyond 1x payload: 400
  milliseconds head_time = seconds(10);           // 408, for the whole head
  milliseconds body_time = seconds(60);           // 408
  std::size_t body_bytes_per_second_min = 1024;   // 408, counted after 5 s
  milliseconds idle_time = seconds(75);           // keep-alive; closed without a word
  std::size_t requests_per_connection_max = 10'000;
  milliseconds connection_age_max = std::chrono::hours(1);
  milliseconds write_stall_time = seconds(30);  // a client that takes no byte: close
  milliseconds linger_time = seconds(2);        // reading on after an error, so that the answer arrives
  milliseconds loop_delay_max = seconds(1);     // an event loop that is later with its work: 503. 0: no limit
  // A client that ends its sending (FIN) has gone away. true: it may still be reading, and gets its answer.
  bool allow_half_close = false;
};

// So many connections more than connections_max are taken, not to be served but to be told so: health checks
// are answered, everything else gets 503. The kernel's queue holds the others.
inline constexpr std::size_t kConnectionsBeyondMax = 64;
// The unsent bytes of an answer that the kernel keeps for a slow reader; then reading from the provider
// stops.
inline constexpr int kUnsentBytesMax = 256 * 1024;

struct ClientLimits {
  milliseconds connect_time = seconds(3);  // DNS, TCP and TLS together
  milliseconds first_byte_time = seconds(120);
  milliseconds first_event_time = seconds(300);  // of a stream whose head has come
  milliseconds silence_time = seconds(60);       // between bytes
  milliseconds total_time = seconds(600);
  std::size_t head_bytes_max = 64 * 1024;
  std::size_t fields_max = 256;
  std::size_t body_bytes_max = 32 * 1024 * 1024;  // a non-streaming answer
  std::size_t interim_answers_max = 16;           // 1xx
  std::size_t pool_per_origin_max = 256;          // open connections per origin and thread
  std::size_t pool_queue_max = 256;               // requests that wait for one of them
  milliseconds pool_wait_time = seconds(1);
  milliseconds pool_idle_time = seconds(60);
  milliseconds pool_age_max = std::chrono::minutes(10);
  std::size_t pool_uses_max = 1000;
};

}  // namespace ai_proxy::http
