// For LD_PRELOAD: no thread can be started, from the n-th on (FAILING_THREADS_FROM), or as long as a file is there
// (FAILING_THREADS_FILE). RLIMIT_NPROC would not do: it does not bind root.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

static atomic_ulong asked;

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*life)(void *), void *argument) {
  typedef int Create(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
  const char *from = getenv("FAILING_THREADS_FROM"), *file = getenv("FAILING_THREADS_FILE");
  unsigned long number = atomic_fetch_add(&asked, 1) + 1;
  if (from != NULL && number >= strtoul(from, NULL, 10)) return EAGAIN;
  if (file != NULL && access(file, F_OK) == 0) return EAGAIN;
  return ((Create *)dlsym(RTLD_NEXT, "pthread_create"))(thread, attributes, life, argument);
}
