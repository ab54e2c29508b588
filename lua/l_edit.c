/* edit - a line from a person: editing, history and completion over libedit, and plain
 * lines where standard input is no terminal.
 *
 *     e = edit.open{ prompt=, history=, complete= }
 *         history   file to read and, at the end, to write; nil: of this session only
 *         complete  function(line, cursor) -> { words }, start: what may stand from
 *                   `start` (from 1) to the cursor; must not wait
 *     e:line() -> text | nil         without its line break; nil at the end of input
 *     e:pending(ms) -> boolean       is there input, at most so much later
 *     e:close()                      writes the history
 *
 * Trusted states only. Blocks the loop while it waits: whoever reads lines from a person
 * runs nothing else. Texts are UTF-8 whatever the locale of the environment; the locale
 * is this thread's only while libedit runs.
 */
#include <errno.h>
#include <histedit.h>
#include <locale.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "nvl.h"
#include "watchdog.h"

#define EDIT_MT "navodoo.edit"

enum { HISTORY_MAX = 1000, WORD_MAX = 512 };

typedef struct editor {
  EditLine *el; /* NULL: input is no terminal */
  History *history;
  locale_t locale;
  char *prompt, *file;
  lua_State *L;  /* who waits in line(); NULL otherwise */
  int complete;  /* reference to the function */
} editor;

static editor *here(lua_State *L) { return luaL_checkudata(L, 1, EDIT_MT); }

static char *prompt_of(EditLine *el) {
  editor *e;
  el_get(el, EL_CLIENTDATA, &e);
  return e->prompt;
}

/* ---- completion ---- */

/* Under pcall: (function, line, cursor) -> words, start. */
static bool ask_words(editor *e, const LineInfo *li) {
  lua_State *L = e->L;
  lua_rawgeti(L, LUA_REGISTRYINDEX, e->complete);
  lua_pushlstring(L, li->buffer, (size_t)(li->lastchar - li->buffer));
  lua_pushinteger(L, li->cursor - li->buffer);
  return lua_pcall(L, 2, 2, 0) == LUA_OK && lua_istable(L, -2) && lua_isinteger(L, -1);
}

/* What all words begin with, in `common`; answers how many words there are. */
static lua_Integer common_part(lua_State *L, int idx, char common[WORD_MAX]) {
  lua_Integer n = luaL_len(L, idx);
  for (lua_Integer i = 1; i <= n; i++) {
    lua_rawgeti(L, idx, i);
    const char *word = lua_tostring(L, -1);
    if (i == 1) {
      snprintf(common, WORD_MAX, "%s", word ? word : "");
    } else if (word) {
      size_t k = 0;
      while (common[k] && common[k] == word[k]) k++;
      while (k > 0 && ((unsigned char)word[k] & 0xC0) == 0x80) k--; /* no half letter */
      common[k] = 0;
    }
    lua_pop(L, 1);
  }
  return n;
}

static unsigned char on_tab(EditLine *el, int ch) {
  (void)ch;
  editor *e;
  el_get(el, EL_CLIENTDATA, &e);
  const LineInfo *li = el_line(el);
  lua_State *L = e->L;
  int top = lua_gettop(L);
  unsigned char result = CC_ERROR;
  char common[WORD_MAX] = "";
  if (!ask_words(e, li)) goto done;
  size_t start = (size_t)lua_tointeger(L, -1) - 1, cursor = (size_t)(li->cursor - li->buffer);
  lua_Integer n = common_part(L, lua_gettop(L) - 1, common);
  if (n == 0 || start > cursor) goto done;
  if (strlen(common) > cursor - start) {
    const char *rest = common + (cursor - start);
    char text[WORD_MAX + 1];
    snprintf(text, sizeof text, "%s%s", rest, n == 1 && rest[strlen(rest) - 1] != '/' ? " " : "");
    result = el_insertstr(el, text) == 0 ? CC_REFRESH : CC_ERROR;
  } else if (n == 1) {
    result = el_insertstr(el, " ") == 0 ? CC_REFRESH : CC_ERROR;
  } else {
    putchar('\n');
    for (lua_Integer i = 1; i <= n && i <= 60; i++) {
      lua_rawgeti(L, -2, i);
      printf("%s%s", i > 1 ? "  " : "", lua_tostring(L, -1) ? lua_tostring(L, -1) : "");
      lua_pop(L, 1);
    }
    printf("%s\n", n > 60 ? "  ..." : "");
    fflush(stdout);
    result = CC_REDISPLAY;
  }
done:
  lua_settop(L, top);
  return result;
}

/* Ctrl-C empties the line. */
static unsigned char on_interrupt(EditLine *el, int ch) {
  (void)ch;
  const LineInfo *li = el_line(el);
  int before = (int)(li->cursor - li->buffer), all = (int)(li->lastchar - li->buffer);
  el_cursor(el, all - before);
  el_deletestr(el, all);
  return CC_REDISPLAY;
}

/* ---- opening and closing ---- */

static void release(editor *e) {
  HistEvent ev;
  if (e->history && e->file && history(e->history, &ev, H_SAVE, e->file) >= 0)
    chmod(e->file, 0600); /* what was typed may name customers */
  if (e->el) el_end(e->el);
  if (e->history) history_end(e->history);
  if (e->locale) freelocale(e->locale);
  free(e->prompt);
  free(e->file);
  e->el = NULL;
  e->history = NULL;
  e->locale = 0;
  e->prompt = e->file = NULL;
}

static int edit_close(lua_State *L) {
  release(here(L));
  return 0;
}

static bool open_terminal(editor *e) {
  HistEvent ev;
  e->locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", 0);
  if (!e->locale) return false;
  locale_t before = uselocale(e->locale);
  e->el = el_init("navodoo", stdin, stdout, stderr);
  e->history = history_init();
  if (e->el && e->history) {
    history(e->history, &ev, H_SETSIZE, HISTORY_MAX);
    history(e->history, &ev, H_SETUNIQUE, 1);
    if (e->file) history(e->history, &ev, H_LOAD, e->file);
    el_set(e->el, EL_CLIENTDATA, e);
    el_set(e->el, EL_PROMPT, prompt_of);
    el_set(e->el, EL_EDITOR, "emacs");
    el_set(e->el, EL_HIST, history, e->history);
    el_set(e->el, EL_ADDFN, "navodoo-complete", "completes a word", on_tab);
    el_set(e->el, EL_BIND, "^I", "navodoo-complete", NULL);
    el_set(e->el, EL_ADDFN, "navodoo-clear", "empties the line", on_interrupt);
    el_set(e->el, EL_SETTY, "-d", "-isig", NULL);
    el_set(e->el, EL_BIND, "^C", "navodoo-clear", NULL);
    el_set(e->el, EL_BIND, "^R", "em-inc-search-prev", NULL);
  }
  uselocale(before);
  return e->el && e->history;
}

static char *copied(lua_State *L, const char *text) {
  char *copy = text ? strdup(text) : NULL;
  if (text && !copy) luaL_error(L, "out of memory");
  return copy;
}

static int l_open(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  editor *e = lua_newuserdatauv(L, sizeof *e, 0);
  *e = (editor){.complete = LUA_NOREF};
  luaL_setmetatable(L, EDIT_MT);
  e->prompt = copied(L, nvl_opt_string(L, 1, "prompt", "> ", NULL));
  e->file = copied(L, nvl_opt_string(L, 1, "history", NULL, NULL));
  lua_getfield(L, 1, "complete");
  luaL_checktype(L, -1, LUA_TFUNCTION);
  e->complete = luaL_ref(L, LUA_REGISTRYINDEX);
  if (isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) && !open_terminal(e))
    return luaL_error(L, "the terminal cannot be used");
  return 1;
}

/* ---- reading ---- */

/* A line of any length from what is no terminal. */
static int plain_line(lua_State *L) {
  char *line = NULL;
  size_t room = 0;
  nvl_watchdog_rest(true);
  ssize_t n = getline(&line, &room, stdin);
  nvl_watchdog_rest(false);
  if (n > 0 && line[n - 1] == '\n') n--;
  if (n >= 0) lua_pushlstring(L, line, (size_t)n);
  else lua_pushnil(L);
  free(line);
  return 1;
}

static int edit_line(lua_State *L) {
  editor *e = here(L);
  fflush(stdout);
  if (!e->el) return e->prompt ? plain_line(L) : luaL_error(L, "the editor is closed");
  int n = 0;
  locale_t before = uselocale(e->locale);
  e->L = L;
  nvl_watchdog_rest(true);
  const char *line = el_gets(e->el, &n);
  nvl_watchdog_rest(false);
  e->L = NULL;
  uselocale(before);
  if (!line || n <= 0) return 0;
  if (line[n - 1] == '\n') n--;
  HistEvent ev;
  if (n > 0) history(e->history, &ev, H_ENTER, line);
  lua_pushlstring(L, line, (size_t)n);
  return 1;
}

static int edit_pending(lua_State *L) {
  here(L);
  struct pollfd in = {STDIN_FILENO, POLLIN, 0};
  lua_pushboolean(L, poll(&in, 1, (int)luaL_checkinteger(L, 2)) > 0);
  return 1;
}

int luaopen_navodoo_edit(lua_State *L) {
  static const luaL_Reg methods[] = {{"line", edit_line},
                                     {"pending", edit_pending},
                                     {"close", edit_close},
                                     {NULL, NULL}};
  static const luaL_Reg functions[] = {{"open", l_open}, {NULL, NULL}};
  luaL_newmetatable(L, EDIT_MT);
  luaL_newlib(L, methods);
  lua_setfield(L, -2, "__index");
  lua_pushcfunction(L, edit_close);
  lua_setfield(L, -2, "__gc");
  luaL_newlib(L, functions);
  return 1;
}
