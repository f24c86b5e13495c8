// SPDX-License-Identifier: BSD-3-Clause
package org.hstamp;

/** An input was rejected; {@link #code()} is an error code of [LI-1], for example "E_SCALE". */
public final class HstampException extends RuntimeException {
    private static final long serialVersionUID = 1L;
    private final String code;

    HstampException(String code, String message) {
        super(code + ": " + message);
        this.code = code;
    }

    public String code() {
        return code;
    }

    static void check(boolean ok, String code, String message) {
        if (!ok) throw new HstampException(code, message);
    }
}
