/* LD_PRELOAD: the count of seconds since the machine started runs AHEAD seconds ahead; the time of
 * day is left alone. (libfaketime gives the time of day for both.) */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>

int clock_gettime(clockid_t clock, struct timespec* now) {
  static int (*real)(clockid_t, struct timespec*);
  if (!real) real = (int (*)(clockid_t, struct timespec*))dlsym(RTLD_NEXT, "clock_gettime");
  const int status = real(clock, now);
  const char* ahead = getenv("AHEAD");
  if (status == 0 && ahead && clock == CLOCK_BOOTTIME) now->tv_sec += atol(ahead);
  return status;
}
