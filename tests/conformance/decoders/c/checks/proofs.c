/* proofs.c - what the model checker CBMC proves of the Avro reader in ../hstamp.c: memory safety, no
 * overflow, spans within the input. SPDX-License-Identifier: BSD-3-Clause
 *
 * read_record calls these readers one after another and does nothing else with the input.
 *
 * Each reader is proved on an input of any content and any length up to LIMIT, once by itself and
 * then as a stub: its callers are proved with the stub in its place, which does whatever the proof
 * allows. See the Makefile for which stub stands where. */
#include "../hstamp.c"

#include <assert.h>
#include <stdlib.h>

#ifndef LIMIT
#define LIMIT HSTAMP_MAX_BLOB
#endif

size_t nondet_size(void);
int64_t nondet_long(void);
int32_t nondet_int(void);
bool nondet_bool(void);

static const uint8_t *input;
static size_t length;

/* The rest of the input: `in` is a tail of it. */
static bool tail(const span *in)
{
    return in->n <= length && in->p == input + (length - in->n);
}

/* A span that was read lies in the input, before what is still to be read. */
static bool inside(span part)
{
    return part.p && __CPROVER_same_object(part.p, input) &&
           __CPROVER_POINTER_OFFSET(part.p) + part.n <= length;
}

static span any_input(void)
{
    length = nondet_size();
    __CPROVER_assume(length <= LIMIT);
#ifdef STORE
    static uint8_t store[LIMIT]; /* one block of one size is simpler to reason about */
    __CPROVER_havoc_object(store);
    input = store;
#else
    input = malloc(length);
    __CPROVER_assume(input != NULL);
#endif
    size_t start = nondet_size();
    __CPROVER_assume(start <= length);
    return (span){input + start, length - start};
}

/* ---- Stubs ---- */

static void step(span *in, size_t least, size_t most)
{
    size_t n = nondet_size();
    __CPROVER_assume(n >= least && n <= most && n <= in->n);
    in->p += n;
    in->n -= n;
}

static span any_part(size_t most)
{
    size_t start = nondet_size(), n = nondet_size();
    __CPROVER_assume(start <= length && n <= length - start && n <= most);
    return (span){input + start, n};
}

bool stub_long(span *in, int64_t *out)
{
    if (in->n == 0 || nondet_bool()) {
        step(in, 0, 10);
        return false;
    }
    step(in, 1, 10);
    *out = nondet_long();
    return true;
}

bool stub_union(span *in, bool *present)
{
    step(in, 0, 10);
    *present = nondet_bool();
    return nondet_bool();
}

bool stub_bytes(span *in, span *out)
{
    if (in->n == 0 || nondet_bool()) {
        step(in, 0, 10);
        return false;
    }
    step(in, 1, in->n);
    *out = any_part(length);
    return true;
}

/* ---- Proofs ---- */

void prove_fixed(void)
{
    span in = any_input(), out = {NULL, 0};
    size_t n = nondet_size(), before = in.n;
    if (read_fixed(&in, n, &out))
        assert(out.n == n && in.n + n == before && inside(out));
    else
        assert(in.n == before && n > before);
    assert(tail(&in));
}

void prove_long(void)
{
    span in = any_input();
    size_t before = in.n;
    int64_t value;
    bool good = read_long(&in, &value);
    assert(tail(&in) && in.n <= before && before - in.n <= 10 && (!good || before > in.n));
}

void prove_int(void)
{
    span in = any_input();
    size_t before = in.n;
    int32_t value;
    bool good = read_int(&in, &value);
    assert(tail(&in) && before - in.n <= 10 && (!good || before > in.n));
}

void prove_union(void)
{
    span in = any_input();
    size_t before = in.n;
    bool present;
    bool good = read_union(&in, &present);
    assert(tail(&in) && before - in.n <= 10 && (!good || before > in.n));
}

void prove_bytes(void)
{
    span in = any_input(), out = {NULL, 0};
    size_t before = in.n;
    if (read_bytes(&in, &out))
        assert(inside(out) && before > in.n);
    else
        assert(before - in.n <= 10);
    assert(tail(&in));
}

void prove_optional(void)
{
    span in = any_input(), out = {NULL, 0};
    if (read_optional_text(&in, &out))
        assert(!out.p || inside(out));
    assert(tail(&in));
}

void prove_array(void)
{
    span in = any_input();
    array out = {0};
    bool texts = nondet_bool();
    bool good = read_array(&in, texts, &out);
    assert(tail(&in) && out.count <= length);
    for (size_t i = 0; good && i < HSTAMP_MAX_PLANES && i < out.count; i++)
        assert(inside(out.item[i]) && (texts || out.item[i].n == 4));
}

/* The geometry, which no input can bend: every index lies in a plane of n levels. */
void prove_geometry(void)
{
    uint16_t order[MAX_VALUES];
    int n = nondet_int();
    __CPROVER_assume(n >= 2 && n <= HSTAMP_MAX_LEVELS);
    stamp_order(n, order);
    size_t i = nondet_size();
    __CPROVER_assume(i < value_count(n));
    assert(order[i] < n * LEVEL && order[i] / LEVEL == value_level(i));
    int k = nondet_int(), u = nondet_int(), v = nondet_int();
    __CPROVER_assume(k >= 1 && k < n && u >= 0 && u < HOLE_SIDE && v >= 0 && v < HOLE_SIDE);
    assert(hole_pixel(k, u, v) < (size_t)((k + 1) * LEVEL));
    assert(first_child(k, u, v) + CHILD[3] < (size_t)(k * LEVEL));
}
