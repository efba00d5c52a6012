// For LD_PRELOAD. One allocation in so many fails (FAILING_MALLOC_ONE_IN), for as long as FAILING_MALLOC_FILE is there: a fixed
// sequence per process, so that a run can be repeated. What is asked for again at once, after something was freed for it, fails
// too.
// Or (FAILING_MALLOC_FROM=n) every one from the n-th on.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void *(*real_malloc)(size_t);
static atomic_ulong asked;
static atomic_ulong one_in;  // 0: none fails
static unsigned long from;
static const char *begin_file;
static _Thread_local size_t refused;

__attribute__((constructor)) static void begin(void) {
  real_malloc = (void *(*)(size_t))dlsym(RTLD_NEXT, "malloc");
  begin_file = getenv("FAILING_MALLOC_FILE");
  const char *text = getenv("FAILING_MALLOC_FROM");
  if (text != NULL) from = strtoul(text, NULL, 10);
}

// The failures begin with the file, as the start has its own rules, and end with it.
static unsigned long rate(unsigned long number) {
  if (begin_file == NULL || number % 64 != 0) return atomic_load(&one_in);
  unsigned long now = 0;
  if (access(begin_file, F_OK) == 0) {
    const char *text = getenv("FAILING_MALLOC_ONE_IN");
    now = text != NULL ? strtoul(text, NULL, 10) : 100000;
  }
  atomic_store(&one_in, now);
  return now;
}

void *malloc(size_t size) {
  if (real_malloc == NULL) real_malloc = (void *(*)(size_t))dlsym(RTLD_NEXT, "malloc");
  unsigned long number = atomic_fetch_add(&asked, 1);
  if (from != 0 && number + 1 >= from) {
    errno = ENOMEM;
    return NULL;
  }
  unsigned long every = rate(number);
  int again = refused != 0 && refused == size;
  refused = 0;
  if (every != 0 && (again || (number * 2654435761ul >> 7) % every == 0)) {
    if (!again) refused = size;
    errno = ENOMEM;
    return NULL;
  }
  return real_malloc(size);
}
