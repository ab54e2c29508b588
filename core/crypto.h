/* crypto - digests, signatures and base64 over OpenSSL's libcrypto.
 *
 * No key is kept and no algorithm is chosen at run time. Failures are NV_ENOMEM
 * (or what the buffer says) except where a function says more; a buffer then
 * holds what it held before. Threading: any thread.
 */
#ifndef NV_CRYPTO_H
#define NV_CRYPTO_H

#include "nv.h"

#define NV_SHA256_BYTES 32

int nv_sha256(nv_str data, unsigned char out[NV_SHA256_BYTES], nv_error *err);
int nv_hmac_sha256(nv_str key, nv_str data, unsigned char out[NV_SHA256_BYTES],
                   nv_error *err);

/* Appends the standard alphabet with padding, on one line. */
int nv_base64_add(nv_buf *out, nv_str data, nv_error *err);
/* Appends what `text` stands for. NV_ESYNTAX for anything that nv_base64_add
 * would not have written: line ends, missing padding, stray bits. */
int nv_unbase64_add(nv_buf *out, nv_str text, nv_error *err);

/* Writes 2 * n lower-case digits, no NUL. */
void nv_hex(const unsigned char *p, size_t n, char *out);
/* Takes the same time wherever the difference is; lengths are not secret. */
bool nv_equal(nv_str a, nv_str b);

#endif
