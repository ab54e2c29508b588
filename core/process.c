#include "process.h"

#include <errno.h>
#include <link.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <linux/close_range.h>
#include <uv.h>

enum { GRACE_US = 2000000, PASSED = 7 };

static const char *const passed[PASSED] = {"PATH", "HOME", "USER", "LANG", "LC_ALL", "TZ",
                                           "TMPDIR"};

typedef struct process {
  nv_op op; /* first */
  uv_process_t child;
  uv_pipe_t in, out;
  uv_write_t write;
  nv_timer timer;
  nv_buf input, output;
  int open_handles;
  int code, signal;
  bool running, timed_out;
  char chunk[1024];
} process;

static void free_process(nv_op *op) {
  process *p = (process *)op;
  nv_buf_clear(&p->input);
  nv_buf_clear(&p->output);
  free(p);
}

/* Its whole session: what it started counts as it. */
static void send_signal(process *p, int number) {
  if (p->running) (void)kill(-p->child.pid, number);
}

static void cancel(nv_op *op) { send_signal((process *)op, SIGKILL); }

static const nv_op_class process_class = {"process.run", cancel, free_process};

static void on_closed(uv_handle_t *h) {
  process *p = h->data;
  if (--p->open_handles > 0) return;
  nv_timer_stop(p->op.loop, &p->timer);
  nv_op_finish(&p->op, p->op.err.code);
}

static void close_handle(uv_handle_t *h) {
  if (!uv_is_closing(h)) uv_close(h, on_closed);
}

static void stop_listening(void *arg) {
  process *p = arg;
  close_handle((uv_handle_t *)&p->out);
}

static void on_exit_of(uv_process_t *child, int64_t code, int number) {
  process *p = child->data;
  send_signal(p, SIGKILL); /* what it left behind */
  p->running = false;
  p->code = (int)code;
  p->signal = number;
  close_handle((uv_handle_t *)&p->child);
  close_handle((uv_handle_t *)&p->in);
  /* its last words are in the pipe, which may have got into other hands */
  if (nv_timer_start(p->op.loop, &p->timer, GRACE_US, stop_listening, p) != NV_OK)
    stop_listening(p);
}

static void give_chunk(uv_handle_t *h, size_t wanted, uv_buf_t *b) {
  process *p = h->data;
  (void)wanted;
  *b = uv_buf_init(p->chunk, sizeof p->chunk);
}

static void on_output(uv_stream_t *s, ssize_t n, const uv_buf_t *b) {
  process *p = s->data;
  if (n < 0) {
    close_handle((uv_handle_t *)s);
  } else if (n > 0) { /* beyond the limit it is read and forgotten */
    size_t room = p->output.max - p->output.n;
    (void)nv_buf_add(&p->output, b->base, (size_t)n < room ? (size_t)n : room);
  }
}

static void on_written(uv_write_t *w, int status) {
  (void)status; /* a program may end without reading */
  process *p = w->data;
  close_handle((uv_handle_t *)&p->in);
}

static void kill_it(void *arg) { send_signal(arg, SIGKILL); }

static void out_of_time(void *arg) {
  process *p = arg;
  p->timed_out = true;
  send_signal(p, SIGTERM);
  if (nv_timer_start(p->op.loop, &p->timer, GRACE_US, kill_it, p) != NV_OK) kill_it(p);
}

static int spawn(process *p, uv_loop_t *loop, const nv_process_args *args) {
  char *environment[PASSED + 1], text[PASSED][1024];
  int n = 0;
  for (int i = 0; i < PASSED; i++) {
    const char *value = getenv(passed[i]);
    if (!value || strlen(value) + 16 > sizeof text[n]) continue;
    strcat(strcat(strcpy(text[n], passed[i]), "="), value);
    environment[n] = text[n];
    n++;
  }
  environment[n] = NULL;
  /* libmicrohttpd has some that would stay open in the program, and the port taken */
  (void)close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
  uv_stdio_container_t stdio[3] = {
      {.flags = UV_CREATE_PIPE | UV_READABLE_PIPE, .data.stream = (uv_stream_t *)&p->in},
      {.flags = UV_IGNORE},
      {.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE, .data.stream = (uv_stream_t *)&p->out}};
  uv_process_options_t o = {.exit_cb = on_exit_of,
                            .file = args->argv[0],
                            .args = (char **)(uintptr_t)args->argv,
                            .env = environment,
                            .flags = UV_PROCESS_DETACHED,
                            .stdio_count = 3,
                            .stdio = stdio};
  return uv_spawn(loop, &p->child, &o);
}

int nv_process_start(nv_loop *loop, const nv_process_args *args, nv_op **out, nv_error *err) {
  uv_loop_t *uv = (uv_loop_t *)nv_loop_uv(loop);
  *out = NULL;
  if (!uv) return nv_fail(err, NV_EINVALID, "process", "a simulated world starts no programs");
  process *p = calloc(1, sizeof *p);
  if (!p) return nv_fail(err, NV_ENOMEM, "process", "out of memory");
  nv_buf_init(&p->input, args->input.n + 1);
  nv_buf_init(&p->output, NV_PROCESS_OUTPUT);
  if (nv_buf_add(&p->input, args->input.p, args->input.n) != NV_OK) {
    free(p);
    return nv_fail(err, NV_ENOMEM, "process", "out of memory");
  }
  nv_op_init(&p->op, loop, &process_class);
  uv_pipe_init(uv, &p->in, 0);
  uv_pipe_init(uv, &p->out, 0);
  p->in.data = p->out.data = p->child.data = p->write.data = p;
  p->open_handles = 3;
  int rc = spawn(p, uv, args);
  p->running = rc == 0;
  if (rc == 0) rc = nv_timer_start(loop, &p->timer, args->timeout_ms * 1000, out_of_time, p);
  if (rc == 0) {
    uv_buf_t b = uv_buf_init(p->input.p, (unsigned)args->input.n);
    if (uv_write(&p->write, (uv_stream_t *)&p->in, &b, 1, on_written) != 0)
      close_handle((uv_handle_t *)&p->in);
    uv_read_start((uv_stream_t *)&p->out, give_chunk, on_output);
    *out = &p->op;
    return NV_OK;
  }
  int code = rc == UV_ENOENT ? NV_ENOTFOUND : NV_EIO;
  nv_fail(err, code, "process", "cannot start %s: %s", args->argv[0],
          p->running ? "out of memory" : uv_strerror(rc));
  p->op.err = (nv_error){.code = code}; /* nobody hears of it: the op is let go */
  if (p->running) send_signal(p, SIGKILL); /* its end closes the rest */
  else close_handle((uv_handle_t *)&p->child);
  close_handle((uv_handle_t *)&p->in);
  close_handle((uv_handle_t *)&p->out);
  nv_op_release(&p->op);
  return code;
}

nv_process_result nv_process_result_of(const nv_op *op) {
  const process *p = (const process *)op;
  return (nv_process_result){p->code, p->signal, p->timed_out,
                             {p->output.p ? p->output.p : "", p->output.n}};
}

/* ---- ourselves ---- */

/* Segments that nobody can write are as they are in their file. */
static int drop_clean(struct dl_phdr_info *info, size_t size, void *arg) {
  (void)size;
  uintptr_t page = *(const uintptr_t *)arg;
  for (int i = 0; i < info->dlpi_phnum; i++) {
    const ElfW(Phdr) *h = &info->dlpi_phdr[i];
    if (h->p_type != PT_LOAD || (h->p_flags & PF_W)) continue;
    uintptr_t from = (info->dlpi_addr + h->p_vaddr) & ~(page - 1);
    uintptr_t to = (info->dlpi_addr + h->p_vaddr + h->p_filesz) & ~(page - 1);
    if (to > from) (void)madvise((void *)from, to - from, MADV_DONTNEED);
  }
  return 0;
}

void nv_process_trim(void) {
  uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
  dl_iterate_phdr(drop_clean, &page);
}
