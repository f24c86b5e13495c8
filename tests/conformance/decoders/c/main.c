/* main.c - the decoder test protocol of Appendix C. SPDX-License-Identifier: BSD-3-Clause */
#include "hstamp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DECODED = 0, REJECTED = 1, UNSUPPORTED = 2, BROKEN = 3 };

static const char BASE64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* ---- Output ---- */

typedef struct {
    uint32_t bits;
    int count;
} base64_state;

static void base64_byte(base64_state *s, unsigned byte)
{
    s->bits = s->bits << 8 | byte;
    if (++s->count == 3) {
        for (int shift = 18; shift >= 0; shift -= 6)
            putchar(BASE64[s->bits >> shift & 63]);
        *s = (base64_state){0, 0};
    }
}

static void base64_end(base64_state *s)
{
    int digits = s->count ? s->count + 1 : 0;
    uint32_t bits = s->bits << (s->count == 1 ? 16 : 8);
    for (int i = 0; i < digits; i++)
        putchar(BASE64[bits >> (18 - 6 * i) & 63]);
    for (int i = digits; digits && i < 4; i++)
        putchar('=');
}

static void put_f4(const float *values, size_t count)
{
    base64_state s = {0, 0};
    putchar('"');
    for (size_t i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, &values[i], 4);
        for (int shift = 0; shift < 32; shift += 8)
            base64_byte(&s, bits >> shift & 255);
    }
    base64_end(&s);
    putchar('"');
}

static void put_u2(const uint16_t *values, size_t count)
{
    base64_state s = {0, 0};
    putchar('"');
    for (size_t i = 0; i < count; i++) {
        base64_byte(&s, values[i] & 255u);
        base64_byte(&s, values[i] >> 8);
    }
    base64_end(&s);
    putchar('"');
}

static void put_number(double v)
{
    char text[40];
    snprintf(text, sizeof text, "%.17g", v);
    /* Without a point, many parsers read an integer and lose the sign of -0. */
    printf("%s%s", text, strpbrk(text, ".e") ? "" : ".0");
}

static void put_text(const char *text)
{
    putchar('"');
    for (; *text; text++) { /* printable ASCII [EN-10], [EN-7] */
        if (*text == '"' || *text == '\\')
            putchar('\\');
        putchar(*text);
    }
    putchar('"');
}

static void put_optional_text(bool present, const char *text)
{
    if (present)
        put_text(text);
    else
        printf("null");
}

static void put_stamp(const hstamp_stamp *s)
{
    size_t count = (size_t)s->levels * HSTAMP_LEVEL_SIZE;
    printf("\"stamps\": [{\"field\": null, \"version\": %d, \"levels\": %d, \"id\": ",
           (int)s->version, s->levels);
    put_optional_text(s->has_id, s->id);
    printf(", \"band\": ");
    put_optional_text(s->has_band, s->band);
    printf(", \"fluxUnit\": ");
    put_text(s->flux_unit);
    printf(", \"dx\": ");
    put_number(s->dx);
    printf(", \"dy\": ");
    put_number(s->dy);
    printf(", \"wcs\": ");
    if (s->has_wcs) {
        printf("{\"ra\": ");
        put_number(s->ra);
        printf(", \"dec\": ");
        put_number(s->dec);
        for (int i = 0; i < 4; i++) {
            printf("%s", i ? ", " : ", \"cd\": [");
            put_number(s->cd[i]);
        }
        printf("]}");
    } else {
        printf("null");
    }
    printf(", \"image\": ");
    put_f4(&s->image[0][0][0], count);
    printf(", \"variance\": ");
    if (s->has_variance)
        put_f4(&s->variance[0][0][0], count);
    else
        printf("null");
    printf(", \"mask\": ");
    if (s->has_mask) {
        printf("{\"planes\": [");
        for (int b = 0; b < s->plane_count; b++) {
            printf("%s", b ? ", " : "");
            put_text(s->planes[b]);
        }
        printf("], \"data\": ");
        put_u2(&s->mask[0][0][0], count);
        printf("}");
    } else {
        printf("null");
    }
    printf(", \"psf\": ");
    if (s->has_psf) {
        printf("{\"size\": %d, \"data\": ", s->psf_size);
        put_f4(s->psf, (size_t)s->psf_size * (size_t)s->psf_size);
        printf("}");
    } else {
        printf("null");
    }
    printf("}]");
}

/* Decodes one input and writes the members of its answer; returns the exit status. */
static int answer(const uint8_t *input, size_t size, hstamp_stamp *stamp)
{
    if (size >= 4 && memcmp(input, "Obj\x01", 4) == 0)
        return UNSUPPORTED; /* an object container file */
    hstamp_status status = hstamp_decode(input, size, stamp);
    if (status == HSTAMP_OK) {
        put_stamp(stamp);
        return DECODED;
    }
    printf("\"error\": \"%s\"", hstamp_status_name(status));
    return REJECTED;
}

/* ---- Single input ---- */

static int run_once(hstamp_stamp *stamp)
{
    /* One byte over the limit tells all: the rest is read but not kept. */
    static uint8_t input[HSTAMP_MAX_BLOB + 1];
    static uint8_t rest[4096];
    size_t size = fread(input, 1, sizeof input, stdin);
    while (fread(rest, 1, sizeof rest, stdin) > 0)
        ;
    if (ferror(stdin))
        return BROKEN;
    putchar('{');
    int status = answer(input, size, stamp);
    puts("}");
    return status;
}

/* ---- Long-lived mode ---- */

typedef struct {
    char *text;
    size_t size, capacity;
} line_buffer;

/* Reads a line without its end and ends it with NUL; memory grows only with bytes read.
 * Returns 1, 0 at the end of the input, or -1 without memory. */
static int read_line(line_buffer *line)
{
    int c;
    line->size = 0;
    for (;;) {
        c = getchar();
        if (line->size + 1 >= line->capacity) {
            size_t capacity = line->capacity ? 2 * line->capacity : 4096;
            char *text = realloc(line->text, capacity);
            if (!text)
                return -1;
            line->text = text;
            line->capacity = capacity;
        }
        if (c == EOF || c == '\n')
            break;
        line->text[line->size++] = (char)c;
    }
    line->text[line->size] = '\0';
    return line->size > 0 || c != EOF;
}

static char *skip_space(char *p) { return p + strspn(p, " \t\r"); }

/* A JSON string at *p: sets its raw inside, without quotes, and moves *p behind it. */
static bool scan_string(char **p, char **start, size_t *size)
{
    char *q = *p;
    if (*q++ != '"')
        return false;
    *start = q;
    while (*q != '"') {
        if ((unsigned char)*q < 0x20)
            return false; /* NUL ends the line */
        if (*q == '\\' && (unsigned char)*++q < 0x20)
            return false;
        q++;
    }
    *size = (size_t)(q - *start);
    *p = q + 1;
    return true;
}

/* A flat JSON object of strings. */
static bool parse_request(char *p, char **id, size_t *id_size, char **data, size_t *data_size)
{
    *id = *data = NULL;
    *id_size = *data_size = 0;
    p = skip_space(p);
    if (*p++ != '{')
        return false;
    for (;;) {
        char *key, *value;
        size_t key_size, value_size;
        p = skip_space(p);
        if (!scan_string(&p, &key, &key_size))
            return false;
        p = skip_space(p);
        if (*p++ != ':')
            return false;
        p = skip_space(p);
        if (!scan_string(&p, &value, &value_size))
            return false;
        if (key_size == 2 && memcmp(key, "id", 2) == 0) {
            *id = value;
            *id_size = value_size;
        } else if (key_size == 4 && memcmp(key, "data", 4) == 0) {
            *data = value;
            *data_size = value_size;
        }
        p = skip_space(p);
        if (*p == ',')
            p++;
        else
            break;
    }
    return *p == '}' && *skip_space(p + 1) == '\0' && *id && *data;
}

/* Decodes base64 in place (JSON may write "/" as "\/"); false if it is malformed. */
static bool base64_decode(char *text, size_t *size)
{
    uint32_t bits = 0;
    size_t digits = 0, padding = 0, out = 0;
    for (size_t i = 0; i < *size; i++) {
        if (text[i] == '\\' && i + 1 < *size && text[i + 1] == '/')
            continue;
        if (text[i] == '=') {
            padding++;
            continue;
        }
        const char *digit = strchr(BASE64, text[i]);
        if (!digit || padding)
            return false;
        bits = bits << 6 | (uint32_t)(digit - BASE64);
        if (digits++ % 4)
            text[out++] = (char)(unsigned char)(bits >> (6 - 2 * ((digits - 1) % 4)) & 255);
    }
    *size = out;
    return padding <= 2 && (digits + padding) % 4 == 0;
}

static int run_lines(hstamp_stamp *stamp)
{
    static const char *const names[] = {"decoded", "rejected", "unsupported"};
    line_buffer line = {NULL, 0, 0};
    int more;
    while ((more = read_line(&line)) > 0) {
        char *id, *data;
        size_t id_size, data_size;
        if (*skip_space(line.text) == '\0')
            continue;
        if (!parse_request(line.text, &id, &id_size, &data, &data_size) ||
            !base64_decode(data, &data_size)) {
            fprintf(stderr, "hstamp: not a request: %.60s\n", line.text);
            more = -1;
            break;
        }
        printf("{\"id\": \"%.*s\", ", (int)id_size, id);
        int status = answer((const uint8_t *)data, data_size, stamp);
        printf("%s\"status\": \"%s\"}\n", status == UNSUPPORTED ? "" : ", ", names[status]);
        fflush(stdout);
    }
    free(line.text);
    return more < 0 ? BROKEN : 0;
}

int main(int argc, char **argv)
{
    static hstamp_stamp stamp; /* too large for a small stack */
    int status;
    if (argc == 1) {
        status = run_once(&stamp);
    } else if (argc == 2 && strcmp(argv[1], "--jsonl") == 0) {
        status = run_lines(&stamp);
    } else {
        fprintf(stderr, "usage: %s [--jsonl] < input\n", argv[0]);
        status = BROKEN;
    }
    return fflush(stdout) == 0 ? status : BROKEN;
}
