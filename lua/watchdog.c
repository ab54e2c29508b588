#include "watchdog.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LOOK_MS = 100, NAME_MS = 500, INTERRUPT_MS = 5000 };

struct nvl_watchdog {
  pthread_t thread, loop_thread;
  clockid_t loop_clock; /* counts the processor time of the loop's thread */
  atomic_bool stop;
};

/* One loop per process; `turn` is odd while Lua runs. */
static atomic_uint turn;
static _Atomic(const char *) running;
static _Atomic(lua_State *) running_co; /* read by the signal handler */

static void watch_now(nvl_watched what, bool nested) {
  atomic_store_explicit(&running, what.name, memory_order_relaxed);
  atomic_store_explicit(&running_co, what.co, memory_order_relaxed);
  atomic_fetch_add_explicit(&turn, nested ? 2 : 1, memory_order_release);
}

nvl_watched nvl_watchdog_enter(const char *name, lua_State *co) {
  nvl_watched before = {atomic_load_explicit(&running, memory_order_relaxed),
                        atomic_load_explicit(&running_co, memory_order_relaxed)};
  watch_now((nvl_watched){name, co}, before.co);
  return before;
}

void nvl_watchdog_leave(nvl_watched before) { watch_now(before, before.co); }

void nvl_watchdog_rest(bool resting) {
  (void)resting; /* an even turn: no Lua runs */
  atomic_fetch_add_explicit(&turn, 1, memory_order_release);
}

static void on_interrupt(int number) {
  (void)number;
  lua_State *co = atomic_load_explicit(&running_co, memory_order_relaxed);
  if (co) nvl_guard_interrupt(co);
}

static int64_t worked_ms(const nvl_watchdog *dog) {
  struct timespec t = {0};
  clock_gettime(dog->loop_clock, &t);
  return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void *watch(void *arg) {
  nvl_watchdog *dog = arg;
  unsigned seen = 0;
  int held_ms = 0;
  int64_t interrupt_at = 0;
  struct timespec pause = {0, LOOK_MS * 1000000L};
  while (!atomic_load(&dog->stop)) {
    nanosleep(&pause, NULL);
    unsigned now = atomic_load_explicit(&turn, memory_order_acquire);
    if (now != seen || now % 2 == 0) {
      seen = now;
      held_ms = 0;
      interrupt_at = worked_ms(dog) + INTERRUPT_MS;
      continue;
    }
    held_ms += LOOK_MS;
    if (worked_ms(dog) >= interrupt_at) {
      interrupt_at += INTERRUPT_MS;
      pthread_kill(dog->loop_thread, SIGUSR2);
    }
    if (held_ms != NAME_MS) continue;
    char line[160], name[64] = "";
    const char *p = atomic_load_explicit(&running, memory_order_relaxed);
    if (p) snprintf(name, sizeof name, "%s", p);
    int n = snprintf(line, sizeof line,
                     "navodoo: loop held for %d ms by flow %s\n", held_ms, name);
    if (n > 0 && write(STDERR_FILENO, line, (size_t)n) < 0) continue;
  }
  return NULL;
}

nvl_watchdog *nvl_watchdog_start(void) {
  nvl_watchdog *dog = calloc(1, sizeof *dog);
  struct sigaction action = {.sa_handler = on_interrupt, .sa_flags = SA_RESTART};
  sigaction(SIGUSR2, &action, NULL);
  if (dog) dog->loop_thread = pthread_self();
  if (dog && pthread_getcpuclockid(dog->loop_thread, &dog->loop_clock) != 0) {
    free(dog);
    return NULL;
  }
  if (dog && pthread_create(&dog->thread, NULL, watch, dog) != 0) {
    free(dog);
    dog = NULL;
  }
  return dog;
}

void nvl_watchdog_stop(nvl_watchdog *dog) {
  if (!dog) return;
  atomic_store(&dog->stop, true);
  pthread_join(dog->thread, NULL);
  free(dog);
}
