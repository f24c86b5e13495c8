/* hstamp.h - decoder of hierarchical stamps (hstamp 1.0, profile "full").
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Identifiers in square brackets are clauses of the hstamp 1.0 specification. */
#ifndef HSTAMP_H
#define HSTAMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define HSTAMP_MAX_BLOB 65536 /* [CO-3] bytes */
#define HSTAMP_MAX_LEVELS 8   /* [GE-2] */
#define HSTAMP_SIDE 15        /* [GE-3] pixels along each side of a level */
#define HSTAMP_LEVEL_SIZE (HSTAMP_SIDE * HSTAMP_SIDE)
#define HSTAMP_MAX_PLANES 16 /* [EN-7] */
#define HSTAMP_MAX_PSF 127   /* [EN-9] */

/* The codes of [LI-1] that a blob can cause. */
typedef enum {
    HSTAMP_OK = 0,
    HSTAMP_E_LIMIT,
    HSTAMP_E_MAGIC,
    HSTAMP_E_FINGERPRINT,
    HSTAMP_E_AVRO,
    HSTAMP_E_TRAILING,
    HSTAMP_E_VERSION,
    HSTAMP_E_LEVELS,
    HSTAMP_E_TEXT,
    HSTAMP_E_OFFSET,
    HSTAMP_E_WCS,
    HSTAMP_E_ENCODING,
    HSTAMP_E_MASK,
    HSTAMP_E_PSF,
    HSTAMP_E_LENGTH,
    HSTAMP_E_SCALE,
    HSTAMP_E_VALUE
} hstamp_status;

/* A decoded stamp [DE-1], about 83 kB: keep it off small stacks.
 * Planes are [level][row][column]; only the first `levels` levels are set.
 * Missing values are NaN. Texts end with NUL. */
typedef struct {
    int32_t version;
    int levels; /* 2..8 */
    bool has_id, has_band, has_wcs, has_variance, has_mask, has_psf;
    char id[129];
    char band[33];
    char flux_unit[33];
    float dx, dy;                       /* source minus reference corner [base pixel] */
    double ra, dec;                     /* ICRS [deg] */
    float cd[4];                        /* cd1_1, cd1_2, cd2_1, cd2_2 [deg/base pixel] */
    float image[HSTAMP_MAX_LEVELS][HSTAMP_SIDE][HSTAMP_SIDE];    /* [fluxUnit per base pixel] */
    float variance[HSTAMP_MAX_LEVELS][HSTAMP_SIDE][HSTAMP_SIDE]; /* [fluxUnit^2] */
    uint16_t mask[HSTAMP_MAX_LEVELS][HSTAMP_SIDE][HSTAMP_SIDE];
    int plane_count;
    char planes[HSTAMP_MAX_PLANES][33]; /* planes[b] names mask bit b */
    int psf_size;                       /* odd, 1..127 */
    float psf[HSTAMP_MAX_PSF * HSTAMP_MAX_PSF]; /* psf_size * psf_size values, row-major */
} hstamp_stamp;

/* Decodes one blob. On any status but HSTAMP_OK, *out is not touched [DE-3].
 * Allocates nothing and keeps no state, so it is safe to call from many threads. */
hstamp_status hstamp_decode(const uint8_t *blob, size_t size, hstamp_stamp *out);

/* The name of a status as the specification writes it: "E_LIMIT", ... ("OK" for HSTAMP_OK). */
const char *hstamp_status_name(hstamp_status status);

#ifdef __cplusplus
}
#endif
#endif
