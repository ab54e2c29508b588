/* Whatever the reader accepts is UTF-8, and comes back equal from what the writer
 * makes of it; whatever it refuses has a place inside the text. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "text.h"

#define TEXT_MAX (1 << 22)

static void demand(bool ok) {
  if (!ok) abort();
}

static void add_text(nv_buf *b, const nv_json_reader *r, bool key, bool first) {
  char *plain = malloc(r->text.n + 1);
  demand(plain != NULL);
  nv_str s = {plain, r->text.n};
  if (r->escaped)
    s.n = nv_json_unescape(r->text, plain);
  else
    memcpy(plain, r->text.p, r->text.n);
  demand(s.n <= r->text.n);
  demand((key ? nv_json_add_key(b, first, s) : nv_json_add_string(b, s)) == NV_OK);
  free(plain);
}

/* Writes what `text` says in the shortest form; false when it is refused. */
static bool rewrite(nv_str text, nv_buf *out) {
  nv_json_reader r;
  nv_json_open(&r, text, NV_JSON_DEPTH);
  nv_json_event event, before = NV_JSON_END;
  while ((event = nv_json_next(&r)) > NV_JSON_END) {
    bool first = before == NV_JSON_ARRAY_BEGIN || before == NV_JSON_OBJECT_BEGIN;
    bool closing = event == NV_JSON_ARRAY_END || event == NV_JSON_OBJECT_END;
    if (event == NV_JSON_KEY)
      add_text(out, &r, true, first);
    else if (before != NV_JSON_END && before != NV_JSON_KEY && !first && !closing)
      nv_buf_addc(out, ',');
    switch (event) {
      case NV_JSON_NULL:
        nv_buf_addz(out, "null");
        break;
      case NV_JSON_FALSE:
        nv_buf_addz(out, "false");
        break;
      case NV_JSON_TRUE:
        nv_buf_addz(out, "true");
        break;
      case NV_JSON_NUMBER:
        nv_buf_add(out, r.text.p, r.text.n);
        break;
      case NV_JSON_STRING:
        add_text(out, &r, false, false);
        break;
      case NV_JSON_ARRAY_BEGIN:
        nv_buf_addc(out, '[');
        break;
      case NV_JSON_ARRAY_END:
        nv_buf_addc(out, ']');
        break;
      case NV_JSON_OBJECT_END:
        nv_buf_addz(out, first ? "{}" : "}");
        break;
      default:
        break; /* the brace that opens belongs to the first key */
    }
    before = event;
  }
  if (event == NV_JSON_END) return true;
  size_t line, column;
  demand(r.why != NULL && r.at <= text.n);
  nv_json_locate(&r, r.at, &line, &column);
  demand(line >= 1 && column >= 1 && line + column <= text.n + 2);
  return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  nv_str text = {(const char *)data, size};
  nv_buf once, twice;
  nv_buf_init(&once, TEXT_MAX);
  nv_buf_init(&twice, TEXT_MAX);
  if (rewrite(text, &once)) {
    demand(nv_text_valid(text));
    demand(rewrite((nv_str){once.p, once.n}, &twice));
    demand(once.n == twice.n && memcmp(once.p, twice.p, once.n) == 0);
  }
  nv_buf_clear(&once);
  nv_buf_clear(&twice);
  return 0;
}
