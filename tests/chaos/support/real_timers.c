// Loaded before libfaketime, whose own timerfd_settime takes every absolute time for one of the wall clock: "at once" on the
// monotonic clock then means in some weeks, or never.
#define _GNU_SOURCE
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

int timerfd_settime(int timer, int flags, const struct itimerspec* next, struct itimerspec* before) {
  return (int)syscall(SYS_timerfd_settime, timer, flags, next, before);
}
