#include "watch.h"

#include <stdlib.h>
#include <string.h>
#include <uv.h>

enum { QUIET_US = 200000, LONGEST_US = 2000000, RETRY_US = 1000000 };

struct nv_watch {
  nv_loop *loop;
  nv_watch_fn fn;
  void *arg;
  char *folder;
  bool has_event;   /* `event` is open */
  int64_t since_us; /* first event not told yet, 0 when there is none */
  nv_timer timer;
  uv_fs_event_t event;
};

static void on_quiet(void *arg);

static void wait_for(nv_watch *w, int64_t us) {
  /* Without memory for a timer the change is told at the next event. */
  (void)nv_timer_start(w->loop, &w->timer, us, on_quiet, w);
}

static void on_event(uv_fs_event_t *event, const char *file, int events, int status) {
  nv_watch *w = event->data;
  (void)file, (void)events, (void)status; /* a failure is a reason to look, too */
  int64_t now = nv_env_monotonic_us(nv_loop_env(w->loop));
  if (!w->since_us) w->since_us = now;
  int64_t left = w->since_us + LONGEST_US - now;
  wait_for(w, left < QUIET_US ? left : QUIET_US);
}

/* The kernel watches an inode: starting anew finds a folder that was replaced. */
static int arm(nv_watch *w) {
  uv_fs_event_stop(&w->event);
  return uv_fs_event_start(&w->event, on_event, w->folder, 0);
}

static void on_quiet(void *arg) {
  nv_watch *w = arg;
  if (arm(w) != 0) { /* gone for now; since_us stays, so its return is told */
    wait_for(w, RETRY_US);
    return;
  }
  w->since_us = 0;
  w->fn(w->folder, w->arg); /* may close, and so end, the watch */
}

static void free_watch(nv_watch *w) {
  free(w->folder);
  free(w);
}

static void on_closed(uv_handle_t *h) { free_watch(h->data); }

int nv_watch_open(nv_loop *loop, const char *folder, nv_watch_fn fn, void *arg,
                  nv_watch **out, nv_error *err) {
  *out = NULL;
  nv_watch *w = calloc(1, sizeof *w);
  if (!w || !(w->folder = strdup(folder))) {
    free(w);
    return nv_fail(err, NV_ENOMEM, "watch", "out of memory");
  }
  w->loop = loop;
  w->fn = fn;
  w->arg = arg;
  if (nv_loop_uv(loop)) {
    int rc = uv_fs_event_init(nv_loop_uv(loop), &w->event);
    if (rc == 0) {
      w->has_event = true;
      w->event.data = w;
      rc = arm(w);
    }
    if (rc != 0) {
      nv_watch_close(w);
      return nv_fail(err, rc == UV_ENOENT ? NV_ENOTFOUND : NV_EIO, "watch",
                     "cannot watch %s: %s", folder, uv_strerror(rc));
    }
  }
  *out = w;
  return NV_OK;
}

void nv_watch_close(nv_watch *w) {
  if (!w) return;
  nv_timer_stop(w->loop, &w->timer);
  if (w->has_event) uv_close((uv_handle_t *)&w->event, on_closed);
  else free_watch(w);
}
