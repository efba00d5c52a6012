// Inside the handler only what is safe there: write(2), backtrace (which allocates at its first call only:
// that is made beforehand), backtrace_symbols_fd. A handler that is stuck all the same is ended by SIGALRM.
#include "app/crash.h"

#include <execinfo.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstring>
#include <string_view>

namespace ai_proxy::app {
namespace {

constexpr std::size_t kStackBytes = 64 * 1024;
constexpr int kFramesMax = 64;
constexpr unsigned kSecondsMax = 5;

void say(std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(STDERR_FILENO, text.data(), text.size());
    if (written <= 0) return;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

const char* name_of(int signal) {
  switch (signal) {
    case SIGSEGV:
      return "SIGSEGV";
    case SIGBUS:
      return "SIGBUS";
    case SIGFPE:
      return "SIGFPE";
    case SIGILL:
      return "SIGILL";
    default:
      return "SIGABRT";
  }
}

// Entered once: SA_RESETHAND has put the default back, so that raising it again ends the process.
extern "C" void on_crash(int signal) {
  ::alarm(kSecondsMax);  // should standard error be a full pipe
  say("\nai-proxy " AI_PROXY_VERSION " crashed: ");
  say(name_of(signal));
  say(". Where it was (addr2line -Cfe ai-proxy ADDRESS names the lines):\n");
  std::array<void*, kFramesMax> frames;
  const int count = ::backtrace(frames.data(), kFramesMax);
  ::backtrace_symbols_fd(frames.data(), count, STDERR_FILENO);
  ::raise(signal);
}

}  // namespace

void prepare_for_crash([[maybe_unused]] bool core_dumps) {
#ifndef AI_PROXY_SANITIZED
  std::array<void*, 1> frame;
  static_cast<void>(::backtrace(frame.data(), 1));
  struct sigaction action{};
  action.sa_handler = on_crash;
  action.sa_flags = static_cast<int>(SA_RESETHAND | SA_ONSTACK);
  ::sigemptyset(&action.sa_mask);
  for (const int signal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT}) ::sigaction(signal, &action, nullptr);
  if (!core_dumps) ::prctl(PR_SET_DUMPABLE, 0);
#endif
}

CrashStack::CrashStack() {
#ifndef AI_PROXY_SANITIZED
  void* const memory =
      ::mmap(nullptr, kStackBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
  if (memory == MAP_FAILED) return;
  memory_ = memory;
  stack_t stack{};
  stack.ss_sp = memory;
  stack.ss_size = kStackBytes;
  ::sigaltstack(&stack, nullptr);
#endif
}

CrashStack::~CrashStack() {
  if (memory_ == nullptr) return;
  stack_t off{};
  off.ss_flags = SS_DISABLE;
  ::sigaltstack(&off, nullptr);
  ::munmap(memory_, kStackBytes);
}

}  // namespace ai_proxy::app
