// What a crash leaves behind: the names of the functions it happened in, and nothing that a request held.
#pragma once

namespace ai_proxy::app {

// From now on SIGSEGV, SIGBUS, SIGFPE, SIGILL and SIGABRT write the signal, the version and the stack to
// standard error (addresses only: no variable is shown) and then end the process as they always do, so that
// whoever supervises it sees the signal. Without `core_dumps` no core is written and nobody of the same user
// may look into the process: its memory holds keys and prompts. In a sanitized build nothing is installed:
// the sanitizer's own report says more.
void prepare_for_crash(bool core_dumps);

// Every thread that may run out of its stack calls this once; it stands until the thread ends.
class CrashStack {
 public:
  CrashStack();
  ~CrashStack();
  CrashStack(const CrashStack&) = delete;
  CrashStack& operator=(const CrashStack&) = delete;

 private:
  void* memory_ = nullptr;
};

}  // namespace ai_proxy::app
