/* navodoo: the executable. Wires the core to Lua, hears signals, and hands the
 * command line to the stdlib (cli/main.lua). */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <uv.h>

#include "host.h"
#include "watchdog.h"

static bool ignores_hangup;

/* A first signal asks to stop, a second one ends the process at once. */
static void on_signal(uv_signal_t *s, int number) {
  nvl_host *h = s->data;
  if (nvl_event_signal(h, "stop")) return;
  signal(number, SIG_DFL);
  raise(number);
}

/* SIGHUP: who runs flows looks at their files again; for any other command it is the
 * end, unless it was started to outlive its terminal (nohup). */
static void on_hangup(uv_signal_t *s, int number) {
  nvl_host *h = s->data;
  if (nvl_event_known(h, "reload")) {
    nvl_event_signal(h, "reload");
  } else if (!ignores_hangup) {
    signal(number, SIG_DFL);
    raise(number);
  }
}

static void hear(uv_loop_t *loop, uv_signal_t *s, nvl_host *h, int number, uv_signal_cb fn) {
  uv_signal_init(loop, s);
  s->data = h;
  uv_signal_start(s, fn, number);
  uv_unref((uv_handle_t *)s);
}

/* Passwords are in this process's memory, and copies of them in libcurl's, GSSAPI's and
 * the environment's, which nobody here can wipe. So the whole process leaves no core
 * dump, and others of its user can neither trace it nor read its memory. root can. */
static void keep_memory_private(void) {
  const char *wanted = getenv("NAVODOO_DUMPABLE");
  if (!wanted || strcmp(wanted, "1") != 0) prctl(PR_SET_DUMPABLE, 0);
}

int main(int argc, char **argv) {
  nv_env env;
  nvl_host host;
  nv_error err;
  uv_signal_t interrupt, terminate, hangup;
  keep_memory_private();
  /* One thread reads pages as fast as they come, and each keeps memory of its own. */
  setenv("UV_THREADPOOL_SIZE", "1", 0);
  nv_env_init(&env);
  signal(SIGPIPE, SIG_IGN);
  if (nvl_host_open(&host, &env, &err) != NV_OK) {
    fprintf(stderr, "navodoo: %s\n", err.text);
    return 70;
  }
  uv_loop_t *loop = (uv_loop_t *)nv_loop_uv(host.loop);
  struct sigaction before;
  ignores_hangup = sigaction(SIGHUP, NULL, &before) == 0 && before.sa_handler == SIG_IGN;
  hear(loop, &interrupt, &host, SIGINT, on_signal);
  hear(loop, &terminate, &host, SIGTERM, on_signal);
  hear(loop, &hangup, &host, SIGHUP, on_hangup);
  nvl_watchdog *dog = nvl_watchdog_start();
  int rc = nvl_host_run(&host, "cli.main", argc - 1, argv + 1);
  nvl_watchdog_stop(dog);
  uv_close((uv_handle_t *)&interrupt, NULL);
  uv_close((uv_handle_t *)&terminate, NULL);
  uv_close((uv_handle_t *)&hangup, NULL);
  nvl_host_close(&host);
  return rc;
}
