/* The wall clock of one process, moved by as many seconds as the file in CLOCK_FILE holds; for LD_PRELOAD. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

int clock_gettime(clockid_t which, struct timespec *now) {
    static int (*real)(clockid_t, struct timespec *);
    static volatile long *ahead;
    if (!real) {
        int file = open(getenv("CLOCK_FILE"), O_RDONLY);
        ahead = mmap(0, sizeof(long), PROT_READ, MAP_SHARED, file, 0);
        real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    }
    int failed = real(which, now);
    if (!failed && which == CLOCK_REALTIME) now->tv_sec += *ahead;
    return failed;
}
