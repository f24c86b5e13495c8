/* hstamp.c - see hstamp.h. SPDX-License-Identifier: BSD-3-Clause */
#include "hstamp.h"

#include <float.h>
#include <string.h>

/* [NO-2] asks for plain binary32 and binary64, one rounding per operation. */
_Static_assert(sizeof(float) == 4 && FLT_MANT_DIG == 24 && FLT_MAX_EXP == 128, "float: binary32");
_Static_assert(sizeof(double) == 8 && DBL_MANT_DIG == 53 && DBL_MAX_EXP == 1024, "double: binary64");
_Static_assert(FLT_EVAL_METHOD == 0 || FLT_EVAL_METHOD == 16, "no excess precision");

enum { SIDE = HSTAMP_SIDE, LEVEL = HSTAMP_LEVEL_SIZE, CORE_SIDE = 14, CORE = 196, RING = 176 };
enum { HOLE_START = 4, HOLE_SIDE = 7, MAX_VALUES = CORE + RING * (HSTAMP_MAX_LEVELS - 1) };

/* ---- Little-endian scalars [NO-1] ---- */

static uint16_t load_u2(const uint8_t *p) { return (uint16_t)(p[0] | (unsigned)p[1] << 8); }

static int load_i2(const uint8_t *p)
{
    int v = load_u2(p);
    return v < 32768 ? v : v - 65536;
}

static uint32_t load_u4(const uint8_t *p)
{
    return (uint32_t)load_u2(p) | (uint32_t)load_u2(p + 2) << 16;
}

static float bits_f4(uint32_t bits)
{
    float v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

static float missing(void) { return bits_f4(0x7FC00000u); }
static bool is_missing(float v) { return v != v; }
static bool is_finite(double v) { return v >= -DBL_MAX && v <= DBL_MAX; }

/* Every NaN becomes the same quiet one: its bits are not significant [VA-1]. */
static float load_f4(const uint8_t *p)
{
    uint32_t bits = load_u4(p);
    return (bits & 0x7FFFFFFFu) > 0x7F800000u ? missing() : bits_f4(bits);
}

static double load_f8(const uint8_t *p)
{
    uint64_t bits = (uint64_t)load_u4(p) | (uint64_t)load_u4(p + 4) << 32;
    double v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

/* ---- Avro [CO-1]: a record as spans of the input. Every reader returns false for E_AVRO ---- */

typedef struct {
    const uint8_t *p; /* NULL: absent */
    size_t n;
} span;

/* Items beyond the 16th are counted but not kept: no valid stamp has them. */
typedef struct {
    size_t count;
    span item[HSTAMP_MAX_PLANES];
} array;

typedef struct {
    int32_t version, levels, psf_size;
    span id, band, flux_unit, offset, wcs;
    span image_encoding, image_data;
    array zero, scale;
    span variance_encoding, variance_unit, variance_data;
    span mask_encoding, mask_data;
    array planes;
    span psf_encoding, psf_data;
} record;

static bool read_fixed(span *in, size_t n, span *out)
{
    if (n > in->n)
        return false;
    *out = (span){in->p, n};
    in->p += n;
    in->n -= n;
    return true;
}

static bool read_long(span *in, int64_t *out)
{
    uint64_t v = 0;
    for (int i = 0; i < 10; i++) {
        span byte;
        if (!read_fixed(in, 1, &byte))
            return false;
        if (i == 9 && *byte.p > 1) /* an eleventh byte, or a 65th bit */
            return false;
        v |= (uint64_t)(*byte.p & 0x7F) << (7 * i);
        if (*byte.p < 0x80) {
            int64_t half = (int64_t)(v >> 1);
            *out = v & 1 ? -half - 1 : half;
            return true;
        }
    }
    return false;
}

static bool read_int(span *in, int32_t *out)
{
    int64_t v;
    if (!read_long(in, &v) || v < INT32_MIN || v > INT32_MAX)
        return false;
    *out = (int32_t)v;
    return true;
}

static bool read_bytes(span *in, span *out)
{
    int64_t n;
    return read_long(in, &n) && n >= 0 && (uint64_t)n <= in->n && read_fixed(in, (size_t)n, out);
}

static bool read_union(span *in, bool *present)
{
    int64_t branch;
    if (!read_long(in, &branch) || branch < 0 || branch > 1)
        return false;
    *present = branch == 1;
    return true;
}

static bool read_optional_text(span *in, span *out)
{
    bool present;
    return read_union(in, &present) && (!present || read_bytes(in, out));
}

static bool read_array(span *in, bool texts, array *out)
{
    for (;;) {
        int64_t count, size = -1;
        if (!read_long(in, &count))
            return false;
        if (count == 0)
            return true;
        if (count < 0 && (!read_long(in, &size) || size < 0))
            return false;
        uint64_t items = count < 0 ? (uint64_t)-(count + 1) + 1 : (uint64_t)count;
        size_t before = in->n;
        if (items > before)
            return false;
        for (; items > 0; items--) {
            span item;
            if (!(texts ? read_bytes(in, &item) : read_fixed(in, 4, &item)))
                return false;
            if (out->count < HSTAMP_MAX_PLANES)
                out->item[out->count] = item;
            out->count++;
        }
        if (count < 0 && (uint64_t)size != before - in->n)
            return false;
    }
}

static bool read_record(span *in, record *r)
{
    bool present;
    if (!read_int(in, &r->version) || !read_int(in, &r->levels) ||
        !read_optional_text(in, &r->id) || !read_optional_text(in, &r->band) ||
        !read_bytes(in, &r->flux_unit) || !read_fixed(in, 8, &r->offset))
        return false;
    if (!read_union(in, &present) || (present && !read_fixed(in, 32, &r->wcs)))
        return false;
    if (!read_bytes(in, &r->image_encoding) || !read_array(in, false, &r->zero) ||
        !read_array(in, false, &r->scale) || !read_bytes(in, &r->image_data))
        return false;
    if (!read_union(in, &present) ||
        (present && (!read_bytes(in, &r->variance_encoding) ||
                     !read_fixed(in, 4, &r->variance_unit) || !read_bytes(in, &r->variance_data))))
        return false;
    if (!read_union(in, &present) ||
        (present && (!read_bytes(in, &r->mask_encoding) || !read_array(in, true, &r->planes) ||
                     !read_bytes(in, &r->mask_data))))
        return false;
    return read_union(in, &present) &&
           (!present || (read_bytes(in, &r->psf_encoding) && read_int(in, &r->psf_size) &&
                         read_bytes(in, &r->psf_data)));
}

/* ---- Checks 8 to 20 [LI-1], in the order of [LI-2] ---- */

static size_t value_count(int levels) { return (size_t)(CORE + RING * (levels - 1)); } /* [GE-6] */
static int value_level(size_t i) { return i < CORE ? 0 : 1 + (int)((i - CORE) / RING); }

static bool is(span text, const char *word)
{
    return text.n == strlen(word) && memcmp(text.p, word, text.n) == 0;
}

static bool text_valid(span text, size_t min, size_t max, uint8_t lowest)
{
    if (text.n < min || text.n > max)
        return false;
    for (size_t i = 0; i < text.n; i++)
        if (text.p[i] < lowest || text.p[i] > 0x7E)
            return false;
    return true;
}

static hstamp_status check_head(const record *r)
{
    if (r->version < 100 || r->version > 199)
        return HSTAMP_E_VERSION;
    if (r->levels < 2 || r->levels > HSTAMP_MAX_LEVELS)
        return HSTAMP_E_LEVELS;
    if ((r->id.p && !text_valid(r->id, 0, 128, 0x20)) || /* [EN-10] */
        (r->band.p && !text_valid(r->band, 0, 32, 0x20)) || !text_valid(r->flux_unit, 1, 32, 0x20))
        return HSTAMP_E_TEXT;
    for (int i = 0; i < 2; i++) { /* [EN-11]; written so that NaN fails */
        float d = load_f4(r->offset.p + 4 * i);
        if (!(d >= -0.5f && d <= 0.5f))
            return HSTAMP_E_OFFSET;
    }
    if (r->wcs.p) {
        double ra = load_f8(r->wcs.p), dec = load_f8(r->wcs.p + 8), cd[4];
        if (!(ra >= 0 && ra < 360 && dec >= -90 && dec <= 90))
            return HSTAMP_E_WCS;
        for (int i = 0; i < 4; i++) {
            cd[i] = load_f4(r->wcs.p + 16 + 4 * i);
            if (!is_finite(cd[i]))
                return HSTAMP_E_WCS;
        }
        if (cd[0] * cd[3] - cd[1] * cd[2] == 0)
            return HSTAMP_E_WCS;
    }
    return HSTAMP_OK;
}

static hstamp_status check_image(const record *r)
{
    size_t count = value_count(r->levels);
    bool i2 = is(r->image_encoding, "i2");
    if (!i2 && !is(r->image_encoding, "f4"))
        return HSTAMP_E_ENCODING;
    if (r->image_data.n != count * (i2 ? 2 : 4))
        return HSTAMP_E_LENGTH;
    size_t elements = i2 ? (size_t)r->levels : 0; /* [EN-1], [EN-2] */
    if (r->zero.count != elements || r->scale.count != elements)
        return HSTAMP_E_SCALE;
    for (size_t k = 0; k < elements; k++) { /* [EN-3] */
        double zero = load_f4(r->zero.item[k].p), scale = load_f4(r->scale.item[k].p);
        if (!is_finite(zero) || !is_finite(scale) || !(scale > 0) ||
            (zero < 0 ? -zero : zero) + 32767.0 * scale > FLT_MAX)
            return HSTAMP_E_SCALE;
    }
    for (size_t i = 0; !i2 && i < count; i++) {
        float v = load_f4(r->image_data.p + 4 * i);
        if (!is_missing(v) && !is_finite(v))
            return HSTAMP_E_VALUE;
    }
    return HSTAMP_OK;
}

static const uint16_t M[16] = {32768, 34219, 35734, 37316, 38968, 40693, 42495, 44376,
                               46341, 48393, 50535, 52773, 55109, 57549, 60097, 62757}; /* [EN-5] */

static hstamp_status check_variance(const record *r)
{
    size_t count = value_count(r->levels);
    bool log8 = is(r->variance_encoding, "log8");
    if (!log8 && !is(r->variance_encoding, "f4"))
        return HSTAMP_E_ENCODING;
    if (r->variance_data.n != count * (log8 ? 1 : 4))
        return HSTAMP_E_LENGTH;
    if (log8) { /* [EN-6]; f4 does not use its unit [EN-4] */
        double unit = load_f4(r->variance_unit.p);
        if (!is_finite(unit) || !(unit > 0) || unit * M[13] > FLT_MAX)
            return HSTAMP_E_SCALE;
        return HSTAMP_OK;
    }
    for (size_t i = 0; i < count; i++) {
        float v = load_f4(r->variance_data.p + 4 * i);
        if (!is_missing(v) && (!is_finite(v) || v < 0))
            return HSTAMP_E_VALUE;
    }
    return HSTAMP_OK;
}

static unsigned mask_value(const record *r, size_t i)
{
    return is(r->mask_encoding, "u1") ? r->mask_data.p[i] : load_u2(r->mask_data.p + 2 * i);
}

static hstamp_status check_mask(const record *r)
{
    size_t count = value_count(r->levels), planes = r->planes.count;
    bool u1 = is(r->mask_encoding, "u1");
    if (!u1 && !is(r->mask_encoding, "u2"))
        return HSTAMP_E_ENCODING;
    if (planes < 1 || planes > (u1 ? 8 : 16)) /* [EN-7] */
        return HSTAMP_E_MASK;
    for (size_t a = 0; a < planes; a++) {
        span name = r->planes.item[a];
        if (!text_valid(name, 1, 32, 0x21))
            return HSTAMP_E_MASK;
        for (size_t b = 0; b < a; b++)
            if (r->planes.item[b].n == name.n && !memcmp(r->planes.item[b].p, name.p, name.n))
                return HSTAMP_E_MASK;
    }
    if (r->mask_data.n == 0) /* [EN-8] */
        return HSTAMP_OK;
    if (r->mask_data.n != count * (u1 ? 1 : 2))
        return HSTAMP_E_LENGTH;
    for (size_t i = 0; i < count; i++)
        if (mask_value(r, i) >> planes)
            return HSTAMP_E_MASK;
    return HSTAMP_OK;
}

static hstamp_status check_psf(const record *r, int32_t *sum)
{
    if (!is(r->psf_encoding, "i2"))
        return HSTAMP_E_ENCODING;
    if (r->psf_size < 1 || r->psf_size > HSTAMP_MAX_PSF || r->psf_size % 2 == 0)
        return HSTAMP_E_PSF;
    size_t count = (size_t)r->psf_size * (size_t)r->psf_size;
    if (r->psf_data.n != count * 2)
        return HSTAMP_E_LENGTH;
    for (size_t i = 0; i < count; i++) { /* [EN-9]; 127 * 127 * 32767 fits 32 bits */
        int q = load_i2(r->psf_data.p + 2 * i);
        if (q == -32768)
            return HSTAMP_E_PSF;
        *sum += q;
    }
    return *sum > 0 ? HSTAMP_OK : HSTAMP_E_PSF;
}

static hstamp_status check(const record *r, int32_t *psf_sum)
{
    hstamp_status s = check_head(r);
    if (!s)
        s = check_image(r);
    if (!s && r->variance_encoding.p)
        s = check_variance(r);
    if (!s && r->mask_encoding.p)
        s = check_mask(r);
    if (!s && r->psf_encoding.p)
        s = check_psf(r, psf_sum);
    return s;
}

/* ---- Values and geometry: nothing below can fail ---- */

/* The index into [level][row][column] of every stored value, in stamp order [GE-6]. */
static void stamp_order(int levels, uint16_t order[MAX_VALUES])
{
    size_t i = 0;
    for (int row = 0; row < CORE_SIDE; row++)
        for (int col = 0; col < CORE_SIDE; col++)
            order[i++] = (uint16_t)(row * SIDE + col);
    for (int k = 1; k < levels; k++)
        for (int row = 0; row < SIDE; row++)
            for (int col = 0; col < SIDE; col++)
                if (row < HOLE_START || row >= HOLE_START + HOLE_SIDE || col < HOLE_START ||
                    col >= HOLE_START + HOLE_SIDE)
                    order[i++] = (uint16_t)(k * LEVEL + row * SIDE + col);
}

/* The pixels that a decoder derives from stored ones, in the order of [DE-1] steps 4 and 5:
 * each hole pixel of level k from four children [GE-4], then row and column 14 of level 0 [GE-7]. */
static size_t hole_pixel(int k, int u, int v)
{
    return (size_t)(k * LEVEL + (HOLE_START + u) * SIDE + HOLE_START + v);
}

static size_t first_child(int k, int u, int v)
{
    int c = (k - 1) % 2;
    return (size_t)((k - 1) * LEVEL + (c + 2 * u) * SIDE + c + 2 * v);
}

static const uint8_t CHILD[4] = {0, 1, SIDE, SIDE + 1}; /* row-major, relative to the first */

/* [VA-3], or with variance [PL-3]. */
static float combine(const float *first, bool variance)
{
    double sum = 0.0;
    int m = 0;
    for (int i = 0; i < 4; i++) {
        if (!is_missing(first[CHILD[i]])) {
            sum += (double)first[CHILD[i]];
            m++;
        }
    }
    return m == 0 ? missing() : (float)(sum / (variance ? m * m : m));
}

static void derive_f4(int levels, float *pixels, bool variance)
{
    for (int k = 1; k < levels; k++)
        for (int u = 0; u < HOLE_SIDE; u++)
            for (int v = 0; v < HOLE_SIDE; v++)
                pixels[hole_pixel(k, u, v)] = combine(pixels + first_child(k, u, v), variance);
    for (int i = 0; i < SIDE; i++) {
        pixels[14 * SIDE + i] = pixels[LEVEL + 11 * SIDE + 4 + i / 2];
        pixels[i * SIDE + 14] = pixels[LEVEL + (4 + i / 2) * SIDE + 11];
    }
}

static void derive_mask(int levels, uint16_t *pixels)
{
    for (int k = 1; k < levels; k++)
        for (int u = 0; u < HOLE_SIDE; u++)
            for (int v = 0; v < HOLE_SIDE; v++) {
                const uint16_t *first = pixels + first_child(k, u, v);
                pixels[hole_pixel(k, u, v)] = first[CHILD[0]] | first[CHILD[1]] | first[CHILD[2]] |
                                              first[CHILD[3]]; /* [PL-4] */
            }
    for (int i = 0; i < SIDE; i++) {
        pixels[14 * SIDE + i] = pixels[LEVEL + 11 * SIDE + 4 + i / 2];
        pixels[i * SIDE + 14] = pixels[LEVEL + (4 + i / 2) * SIDE + 11];
    }
}

static float image_value(const record *r, bool i2, size_t i)
{
    if (!i2)
        return load_f4(r->image_data.p + 4 * i);
    int k = value_level(i), q = load_i2(r->image_data.p + 2 * i);
    if (q == -32768)
        return missing();
    double zero = load_f4(r->zero.item[k].p), scale = load_f4(r->scale.item[k].p);
    return (float)(zero + scale * q); /* [EN-2] */
}

static float variance_value(const record *r, bool log8, size_t i)
{
    if (!log8)
        return load_f4(r->variance_data.p + 4 * i);
    unsigned c = r->variance_data.p[i];
    if (c == 255)
        return missing();
    if (c == 0)
        return 0.0f;
    /* [EN-5]; a ratio of powers of two is exact, so only the conversion rounds. */
    double unit = load_f4(r->variance_unit.p);
    double power = (double)(1ul << (c - 1) / 16) / (double)(1ul << (15 + 2 * value_level(i)));
    return (float)(unit * M[(c - 1) % 16] * power);
}

static void copy_text(char *to, span text)
{
    if (text.n)
        memcpy(to, text.p, text.n);
    to[text.n] = '\0';
}

static void decode_record(const record *r, int32_t psf_sum, hstamp_stamp *out)
{
    int n = r->levels;
    size_t count = value_count(n);
    uint16_t order[MAX_VALUES];

    memset(out, 0, sizeof *out);
    out->version = r->version;
    out->levels = n;
    out->has_id = r->id.p != NULL;
    out->has_band = r->band.p != NULL;
    copy_text(out->id, r->id);
    copy_text(out->band, r->band);
    copy_text(out->flux_unit, r->flux_unit);
    out->dx = load_f4(r->offset.p);
    out->dy = load_f4(r->offset.p + 4);
    if (r->wcs.p) {
        out->has_wcs = true;
        out->ra = load_f8(r->wcs.p);
        out->dec = load_f8(r->wcs.p + 8);
        for (int i = 0; i < 4; i++)
            out->cd[i] = load_f4(r->wcs.p + 16 + 4 * i);
    }

    stamp_order(n, order);
    float *image = &out->image[0][0][0];
    bool i2 = is(r->image_encoding, "i2");
    for (size_t i = 0; i < count; i++)
        image[order[i]] = image_value(r, i2, i);
    derive_f4(n, image, false);

    if (r->variance_encoding.p) {
        float *variance = &out->variance[0][0][0];
        bool log8 = is(r->variance_encoding, "log8");
        out->has_variance = true;
        for (size_t i = 0; i < count; i++)
            variance[order[i]] = variance_value(r, log8, i);
        derive_f4(n, variance, true);
    }
    if (r->mask_encoding.p) {
        uint16_t *mask = &out->mask[0][0][0];
        out->has_mask = true;
        out->plane_count = (int)r->planes.count;
        for (size_t b = 0; b < r->planes.count; b++)
            copy_text(out->planes[b], r->planes.item[b]);
        for (size_t i = 0; r->mask_data.n && i < count; i++)
            mask[order[i]] = (uint16_t)mask_value(r, i);
        derive_mask(n, mask);
    }
    if (r->psf_encoding.p) {
        out->has_psf = true;
        out->psf_size = r->psf_size;
        for (size_t i = 0; i < r->psf_data.n / 2; i++) /* [EN-9] */
            out->psf[i] = (float)((double)load_i2(r->psf_data.p + 2 * i) / (double)psf_sum);
    }
}

hstamp_status hstamp_decode(const uint8_t *blob, size_t size, hstamp_stamp *out)
{
    static const uint8_t head[10] = {0xC3, 0x01,                                      /* [CO-2] */
                                     0x43, 0x6E, 0xB4, 0xBE, 0xBC, 0xEE, 0xDC, 0x4C};
    if (size > HSTAMP_MAX_BLOB)
        return HSTAMP_E_LIMIT;
    if (size < 2 || memcmp(blob, head, 2) != 0)
        return HSTAMP_E_MAGIC;
    if (size < sizeof head) /* check 3 asks for 10 bytes; with fewer, they end early */
        return HSTAMP_E_AVRO;
    if (memcmp(blob, head, sizeof head) != 0)
        return HSTAMP_E_FINGERPRINT;

    span in = {blob + sizeof head, size - sizeof head};
    record r = {0};
    int32_t psf_sum = 0;
    if (!read_record(&in, &r))
        return HSTAMP_E_AVRO;
    if (in.n != 0)
        return HSTAMP_E_TRAILING;
    hstamp_status status = check(&r, &psf_sum);
    if (status == HSTAMP_OK)
        decode_record(&r, psf_sum, out);
    return status;
}

const char *hstamp_status_name(hstamp_status status)
{
    static const char *const name[] = {
        "OK", "E_LIMIT", "E_MAGIC", "E_FINGERPRINT", "E_AVRO", "E_TRAILING",
        "E_VERSION", "E_LEVELS", "E_TEXT", "E_OFFSET", "E_WCS", "E_ENCODING",
        "E_MASK", "E_PSF", "E_LENGTH", "E_SCALE", "E_VALUE"};
    return (size_t)status < sizeof name / sizeof *name ? name[status] : "unknown";
}
