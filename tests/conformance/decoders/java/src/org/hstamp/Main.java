// SPDX-License-Identifier: BSD-3-Clause
package org.hstamp;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.StringJoiner;

/** Decoder test protocol, Appendix C of the hstamp specification. */
public final class Main {
    private Main() { }

    private static String base64(float[] values) {
        if (values == null) return "null";
        ByteBuffer bytes = ByteBuffer.allocate(4 * values.length).order(ByteOrder.LITTLE_ENDIAN);
        bytes.asFloatBuffer().put(values);
        return quote(bytes);
    }

    private static String base64(char[] values) {
        ByteBuffer bytes = ByteBuffer.allocate(2 * values.length).order(ByteOrder.LITTLE_ENDIAN);
        bytes.asCharBuffer().put(values);
        return quote(bytes);
    }

    private static String quote(ByteBuffer bytes) {
        return '"' + Base64.getEncoder().encodeToString(bytes.array()) + '"';
    }

    // Floats are widened first: the shortest text of a float is not the value of the float as a binary64.
    private static String json(Hstamp.Wcs wcs) {
        if (wcs == null) return "null";
        StringJoiner cd = new StringJoiner(",", "[", "]");
        for (float v : wcs.cd()) cd.add(Double.toString(v));
        return "{\"ra\":" + wcs.ra() + ",\"dec\":" + wcs.dec() + ",\"cd\":" + cd + "}";
    }

    private static String json(Hstamp.Mask mask) {
        if (mask == null) return "null";
        StringJoiner planes = new StringJoiner(",", "[", "]");
        for (String name : mask.planes()) planes.add(Json.quote(name));
        return "{\"planes\":" + planes + ",\"data\":" + base64(mask.data()) + "}";
    }

    private static String json(Hstamp.Psf psf) {
        return psf == null ? "null" : "{\"size\":" + psf.size() + ",\"data\":" + base64(psf.data()) + "}";
    }

    private static String json(Hstamp.Stamp s) {
        return "{\"field\":" + Json.quote(s.field()) + ",\"version\":" + s.version() + ",\"levels\":" + s.levels()
            + ",\"id\":" + Json.quote(s.id()) + ",\"band\":" + Json.quote(s.band())
            + ",\"fluxUnit\":" + Json.quote(s.fluxUnit()) + ",\"dx\":" + (double) s.dx() + ",\"dy\":" + (double) s.dy()
            + ",\"wcs\":" + json(s.wcs()) + ",\"image\":" + base64(s.image()) + ",\"variance\":" + base64(s.variance())
            + ",\"mask\":" + json(s.mask()) + ",\"psf\":" + json(s.psf()) + "}";
    }

    /** The members of the answer, and the exit status. */
    private record Answer(String members, int status) { }

    private static Answer answer(byte[] input) {
        try {
            List<Hstamp.Stamp> stamps = Hstamp.decode(input);
            StringJoiner out = new StringJoiner(",", "\"stamps\":[", "]");
            for (Hstamp.Stamp stamp : stamps) out.add(json(stamp));
            return new Answer(out.toString(), 0);
        } catch (HstampException error) {
            return new Answer("\"error\":" + Json.quote(error.code()), 1);
        }
    }

    private static void serveLines(PrintStream out) throws IOException {
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            if (line.isBlank()) continue;
            Map<?, ?> request = (Map<?, ?>) Json.parse(line, 8);
            Answer answer = answer(Base64.getDecoder().decode((String) request.get("data")));
            out.print("{\"id\":" + Json.quote((String) request.get("id"))
                + ",\"status\":\"" + (answer.status() == 0 ? "decoded" : "rejected") + "\"," + answer.members() + "}\n");
            out.flush();
        }
    }

    public static void main(String[] args) {
        int status = 0;
        try {
            PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
            if (List.of(args).contains("--jsonl")) {
                serveLines(out);
            } else {
                Answer answer = answer(System.in.readAllBytes());
                out.print("{" + answer.members() + "}\n");
                status = answer.status();
            }
            out.flush();
        } catch (Throwable error) {
            error.printStackTrace();
            status = 70; // Java's own status for a crash, 1, would read as "rejected"
        }
        System.exit(status);
    }
}
