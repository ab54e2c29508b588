/* crypto - see crypto.h. */
#include "crypto.h"

#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <pthread.h>
#include <string.h>

static int failed(nv_error *err, int code) {
  return nv_fail(err, code, "crypto", "%s", nv_code_text(code));
}

/* For calls that refuse NULL even when there is nothing to read. */
static const unsigned char *bytes_of(nv_str s) {
  return (const unsigned char *)(s.p ? s.p : "");
}

/* EVP_sha256() is looked up by name in every digest, which costs as much as hashing a
 * small record; what is fetched once is found for good. */
static EVP_MD *sha256;
static pthread_once_t fetched = PTHREAD_ONCE_INIT;

static void fetch(void) { sha256 = EVP_MD_fetch(NULL, "SHA256", NULL); }

int nv_sha256(nv_str data, unsigned char out[NV_SHA256_BYTES], nv_error *err) {
  pthread_once(&fetched, fetch);
  if (!sha256 || !EVP_Digest(bytes_of(data), data.n, out, NULL, sha256, NULL))
    return failed(err, NV_ENOMEM);
  return NV_OK;
}

int nv_hmac_sha256(nv_str key, nv_str data, unsigned char out[NV_SHA256_BYTES],
                   nv_error *err) {
  if (key.n > INT_MAX) return failed(err, NV_ETOOLARGE);
  if (!HMAC(EVP_sha256(), bytes_of(key), (int)key.n, bytes_of(data), data.n, out,
            NULL))
    return failed(err, NV_ENOMEM);
  return NV_OK;
}

int nv_base64_add(nv_buf *out, nv_str data, nv_error *err) {
  if (data.n > INT_MAX / 2)
    return failed(err, NV_ETOOLARGE); /* OpenSSL counts in int */
  int rc = nv_buf_reserve(out, (data.n + 2) / 3 * 4);
  if (rc != NV_OK) return failed(err, rc);
  int k = EVP_EncodeBlock((unsigned char *)out->p + out->n, bytes_of(data),
                          (int)data.n);
  out->n += (size_t)k;
  return NV_OK;
}

/* 0 .. 63, or -1. */
static int base64_value(unsigned char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* OpenSSL's decoder forgives white space and stray bits; nothing here does. */
static bool is_base64(const unsigned char *p, size_t n, size_t *padding) {
  *padding = 0;
  if (n % 4 != 0) return false;
  while (*padding < 2 && *padding < n && p[n - 1 - *padding] == '=') ++*padding;
  size_t digits = n - *padding;
  for (size_t i = 0; i < digits; i++)
    if (base64_value(p[i]) < 0) return false;
  int unused = *padding == 2 ? 0x0f : *padding == 1 ? 0x03 : 0;
  return digits == 0 || (base64_value(p[digits - 1]) & unused) == 0;
}

int nv_unbase64_add(nv_buf *out, nv_str text, nv_error *err) {
  size_t padding;
  if (text.n > INT_MAX / 2) return failed(err, NV_ETOOLARGE);
  if (!is_base64(bytes_of(text), text.n, &padding))
    return nv_fail(err, NV_ESYNTAX, "crypto", "not base64");
  int rc = nv_buf_reserve(out, text.n / 4 * 3);
  if (rc != NV_OK) return failed(err, rc);
  int k = EVP_DecodeBlock((unsigned char *)out->p + out->n, bytes_of(text),
                          (int)text.n);
  if (k < 0) return nv_fail(err, NV_ESYNTAX, "crypto", "not base64");
  out->n += (size_t)k - padding;
  out->p[out->n] = 0;
  return NV_OK;
}

void nv_hex(const unsigned char *p, size_t n, char *out) {
  static const char digits[] = "0123456789abcdef";
  for (size_t i = 0; i < n; i++) {
    out[2 * i] = digits[p[i] >> 4];
    out[2 * i + 1] = digits[p[i] & 15];
  }
}

bool nv_equal(nv_str a, nv_str b) {
  return a.n == b.n && (a.n == 0 || CRYPTO_memcmp(a.p, b.p, a.n) == 0);
}
