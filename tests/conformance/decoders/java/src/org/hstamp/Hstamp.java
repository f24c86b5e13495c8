// SPDX-License-Identifier: BSD-3-Clause
package org.hstamp;

import static org.hstamp.HstampException.check;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.zip.DataFormatException;
import java.util.zip.Inflater;

/**
 * Decoder of hierarchical stamps (hstamp 1.0), profile container.
 * Identifiers in square brackets are clauses of spec/hstamp-1.0.md.
 */
public final class Hstamp {
    private static final int MAX_BLOB = 65536; // [CO-3]
    private static final int MAX_BLOCK = 64 << 20; // [LI-1] 1
    private static final byte[] CONTAINER_MAGIC = {'O', 'b', 'j', 1};
    private static final byte[] BLOB_MAGIC = {(byte) 0xc3, 1};
    private static final byte[] FINGERPRINT = // [CO-2]
        {0x43, 0x6e, (byte) 0xb4, (byte) 0xbe, (byte) 0xbc, (byte) 0xee, (byte) 0xdc, 0x4c};

    private Hstamp() { }

    /** Tangent-plane WCS: ICRS position of the source [deg]; cd is {cd1_1, cd1_2, cd2_1, cd2_2} [deg/pixel]. */
    public record Wcs(double ra, double dec, float[] cd) { }

    /** n*15*15 values [level, row, column], as unsigned 16-bit integers; bit b of a value is planes.get(b). */
    public record Mask(List<String> planes, char[] data) { }

    /** size*size values with sum 1, row-major. */
    public record Psf(int size, float[] data) { }

    /** FITS TAN keywords; crpix counts from 1, cd is {CD1_1, CD1_2, CD2_1, CD2_2}. */
    public record LevelWcs(double[] crpix, double[] crval, double[] cd) { }

    /** Square image, row-major. */
    public record Mosaic(int side, float[] data) { }

    /**
     * One decoded stamp. The image and the variance hold levels*15*15 values [level, row, column], NaN where missing;
     * field is the alert field that held the stamp. All members but fluxUnit and image may be null.
     */
    public record Stamp(String field, int version, int levels, String id, String band, String fluxUnit, float dx, float dy,
                        Wcs wcs, float[] image, float[] variance, Mask mask, Psf psf) {

        /** Keywords of level k, [PL-7]; null without a WCS. */
        public LevelWcs wcsForLevel(int k) {
            if (k < 0 || k >= levels) throw new IndexOutOfBoundsException("level " + k + " of " + levels);
            return keywords(pixelSide(k), levelOrigin(k));
        }

        /** Keywords of the mosaic, [PL-7]; null without a WCS. */
        public LevelWcs wcsForMosaic() {
            return keywords(1, levelOrigin(levels - 1));
        }

        private LevelWcs keywords(int s, int o) {
            if (wcs == null) return null;
            double[] cd = new double[4];
            for (int i = 0; i < 4; i++) cd[i] = s * (double) wcs.cd()[i];
            return new LevelWcs(new double[] {((double) dx - o) / s + 0.5, ((double) dy - o) / s + 0.5},
                new double[] {wcs.ra(), wcs.dec()}, cd);
        }

        /** The image at base pixels that shows the finest stored value everywhere, [DE-5]. Works for variance too. */
        public Mosaic mosaic(float[] plane) {
            int side = 15 * pixelSide(levels - 1);
            float[] data = new float[side * side];
            // Coarse first: the outer row and column of a level k >= 1 that lie outside the hole of level k + 1
            // are also covered by that level's ring, and the finer value is shown.
            for (int k = levels - 1; k >= 0; k--) {
                int s = pixelSide(k), first = levelOrigin(k) - levelOrigin(levels - 1);
                for (int p = 0; p < 225; p++) {
                    if (!isStored(k, p / 15, p % 15)) continue;
                    int top = first + p / 15 * s, left = first + p % 15 * s;
                    for (int y = top; y < top + s; y++)
                        Arrays.fill(data, y * side + left, y * side + left + s, plane[k * 225 + p]);
                }
            }
            return new Mosaic(side, data);
        }
    }

    // ------------------------------------------------------------ geometry (Section 4)

    /** Side of a pixel of level k [base pixel], [GE-3]. */
    public static int pixelSide(int k) {
        return 1 << k;
    }

    /** Base offset o_k of the first pixel of level k along both axes, [GE-3]. */
    public static int levelOrigin(int k) {
        int o = -7;
        for (int j = 0; j < k; j++) o += j % 2 * (1 << j) - (1 << (j + 3));
        return o;
    }

    /** Number of stored values N(n), [GE-6]. */
    public static int storedCount(int n) {
        return 196 + 176 * (n - 1);
    }

    private static boolean isStored(int k, int row, int col) { // [GE-4], [GE-5]
        return k == 0 ? row < 14 && col < 14 : row < 4 || row > 10 || col < 4 || col > 10;
    }

    /** Level of the stored value i. */
    private static int levelOf(int i) {
        return i < 196 ? 0 : 1 + (i - 196) / 176;
    }

    /** Where in the n*15*15 array each stored value goes, [GE-6]. */
    private static int[] places(int n) {
        int[] places = new int[storedCount(n)];
        for (int p = 0, i = 0; p < n * 225; p++)
            if (isStored(p / 225, p % 225 / 15, p % 15)) places[i++] = p;
        return places;
    }

    /** Receives a pixel and the first of its four children; the others are at + 1, + 15 and + 16. */
    private interface Fill {
        void fill(int pixel, int child);
    }

    private static void fillHoles(int n, Fill hole) { // [GE-4], [VA-4]
        for (int k = 1; k < n; k++)
            for (int u = 0; u < 7; u++)
                for (int v = 0; v < 7; v++) {
                    int c = (k - 1) % 2;
                    hole.fill(k * 225 + (4 + u) * 15 + 4 + v, (k - 1) * 225 + (c + 2 * u) * 15 + c + 2 * v);
                }
    }

    /** Index of the level-1 pixel that the derived pixel (row, col) of level 0 shows, [GE-7]. */
    private static int shownBy(int row, int col) {
        return 225 + (4 + row / 2) * 15 + 4 + col / 2;
    }

    /** Lays values out as [DE-1] 3 to 5; a hole is the sum of its m finite children over m^power, [VA-3], [PL-3]. */
    private static float[] expand(float[] stored, int n, int power) {
        float[] out = new float[n * 225];
        int[] places = places(n);
        for (int i = 0; i < places.length; i++) out[places[i]] = stored[i];
        fillHoles(n, (pixel, child) -> {
            double sum = 0;
            int m = 0;
            for (int step : new int[] {0, 1, 15, 16})
                if (!Float.isNaN(out[child + step])) {
                    sum += out[child + step];
                    m++;
                }
            out[pixel] = m == 0 ? Float.NaN : (float) (sum / (power == 1 ? m : m * m));
        });
        for (int a = 0; a < 15; a++) {
            out[a * 15 + 14] = out[shownBy(a, 14)];
            out[14 * 15 + a] = out[shownBy(14, a)];
        }
        return out;
    }

    private static char[] expand(char[] stored, int n) {
        char[] out = new char[n * 225];
        int[] places = places(n);
        for (int i = 0; i < places.length; i++) out[places[i]] = stored[i];
        fillHoles(n, (pixel, child) -> // [PL-4]
            out[pixel] = (char) (out[child] | out[child + 1] | out[child + 15] | out[child + 16]));
        for (int a = 0; a < 15; a++) {
            out[a * 15 + 14] = out[shownBy(a, 14)];
            out[14 * 15 + a] = out[shownBy(14, a)];
        }
        return out;
    }

    // ------------------------------------------------------------ planes (Sections 6, 7)

    /** The members of one raw Avro record. */
    private record Raw(Map<String, Object> members) {
        @SuppressWarnings("unchecked")
        <T> T get(String name) {
            return (T) members.get(name);
        }

        @SuppressWarnings("unchecked")
        Raw record(String name) {
            Object value = members.get(name);
            return value == null ? null : new Raw((Map<String, Object>) value);
        }
    }

    /** The bytes as text if they number min..max and lie in low..7E hex, else null. */
    private static String ascii(ByteBuffer bytes, int min, int max, int low) {
        if (bytes.remaining() < min || bytes.remaining() > max) return null;
        StringBuilder out = new StringBuilder();
        for (int i = 0; i < bytes.remaining(); i++) {
            byte b = bytes.get(i); // bytes from 80 hex are negative and fail
            if (b < low || b > 0x7e) return null;
            out.append((char) b);
        }
        return out.toString();
    }

    /** Whether the plane's encoding is the first of two known ones. */
    private static boolean isFirstEncoding(Raw plane, String first, String second) {
        String encoding = ascii(plane.get("encoding"), 1, 8, 0x20);
        check(first.equals(encoding) || second.equals(encoding), "E_ENCODING", "the encoding is neither " + first + " nor " + second);
        return first.equals(encoding);
    }

    private static ByteBuffer data(Raw plane, int length) {
        ByteBuffer data = plane.get("data");
        check(data.remaining() == length, "E_LENGTH", "data has " + data.remaining() + " bytes instead of " + length);
        return data;
    }

    private static float[] readF4(ByteBuffer data, float smallest) {
        float[] out = new float[data.remaining() / 4];
        for (int i = 0; i < out.length; i++) {
            float v = data.getFloat(4 * i);
            check(!(v < smallest || Float.isInfinite(v)), "E_VALUE", "a value is infinite or a variance is negative");
            out[i] = Float.isNaN(v) ? Float.NaN : v; // one NaN for all, [VA-1]
        }
        return out;
    }

    private static float[] decodeImage(Raw image, int n) {
        boolean f4 = isFirstEncoding(image, "f4", "i2");
        int count = storedCount(n);
        ByteBuffer data = data(image, count * (f4 ? 4 : 2));
        List<Float> zero = image.get("zero"), scale = image.get("scale");
        if (f4) {
            check(zero.isEmpty() && scale.isEmpty(), "E_SCALE", "image: zero and scale are not empty"); // [EN-1]
            return expand(readF4(data, Float.NEGATIVE_INFINITY), n, 1);
        }
        check(zero.size() == n && scale.size() == n, "E_SCALE", "image: zero and scale need one element per level"); // [EN-2]
        for (int k = 0; k < n; k++) // written so that NaN fails, [EN-3]
            check(scale.get(k) > 0 && Math.abs((double) zero.get(k)) + 32767 * (double) scale.get(k) <= Float.MAX_VALUE,
                "E_SCALE", "image: zero or scale of a level");
        float[] out = new float[count];
        for (int i = 0; i < count; i++) {
            short q = data.getShort(2 * i);
            int k = levelOf(i);
            out[i] = q == Short.MIN_VALUE ? Float.NaN : (float) ((double) zero.get(k) + (double) scale.get(k) * q); // [EN-2]
        }
        return expand(out, n, 1);
    }

    private static final int[] M = {32768, 34219, 35734, 37316, 38968, 40693, 42495, 44376,
        46341, 48393, 50535, 52773, 55109, 57549, 60097, 62757};

    private static float[] decodeVariance(Raw variance, int n) {
        boolean f4 = isFirstEncoding(variance, "f4", "log8");
        int count = storedCount(n);
        ByteBuffer data = data(variance, count * (f4 ? 4 : 1));
        if (f4) return expand(readF4(data, 0), n, 2); // [EN-4]
        double unit = variance.<Float>get("unit");
        check(unit > 0 && unit * M[13] <= Float.MAX_VALUE, "E_SCALE", "variance: unit"); // [EN-6]
        float[] out = new float[count];
        for (int i = 0; i < count; i++) {
            int c = data.get(i) & 0xff;
            if (c == 255) out[i] = Float.NaN;
            else if (c > 0) out[i] = (float) Math.scalb(unit * M[(c - 1) % 16], (c - 1) / 16 - 15 - 2 * levelOf(i)); // [EN-5]
        }
        return expand(out, n, 2);
    }

    private static Mask decodeMask(Raw mask, int n) {
        int width = isFirstEncoding(mask, "u1", "u2") ? 1 : 2;
        List<ByteBuffer> names = mask.get("planes");
        check(names.size() >= 1 && names.size() <= 8 * width, "E_MASK", "mask: the number of planes"); // [EN-7]
        List<String> planes = new ArrayList<>();
        for (ByteBuffer name : names) planes.add(ascii(name, 1, 32, 0x21));
        check(!planes.contains(null) && new HashSet<>(planes).size() == planes.size(), "E_MASK", "mask: the names of planes");
        int count = storedCount(n);
        char[] out = new char[count];
        if (mask.<ByteBuffer>get("data").hasRemaining()) { // [EN-8]
            ByteBuffer data = data(mask, count * width);
            for (int i = 0; i < count; i++) {
                out[i] = width == 1 ? (char) (data.get(i) & 0xff) : data.getChar(2 * i);
                check(out[i] >> planes.size() == 0, "E_MASK", "mask: a bit without a name is set");
            }
        }
        return new Mask(List.copyOf(planes), expand(out, n));
    }

    private static Psf decodePsf(Raw psf) { // [EN-9]
        isFirstEncoding(psf, "i2", "i2");
        int size = psf.<Integer>get("size");
        check(size >= 1 && size <= 127 && size % 2 == 1, "E_PSF", "psf: size");
        ByteBuffer data = data(psf, 2 * size * size);
        int sum = 0;
        for (int i = 0; i < size * size; i++) {
            short q = data.getShort(2 * i);
            check(q != Short.MIN_VALUE, "E_PSF", "psf: -32768 occurs");
            sum += q;
        }
        check(sum > 0, "E_PSF", "psf: the sum is not positive");
        float[] out = new float[size * size];
        for (int i = 0; i < out.length; i++) out[i] = (float) ((double) data.getShort(2 * i) / sum);
        return new Psf(size, out);
    }

    // ------------------------------------------------------------ stamps (Sections 8, 9, 11)

    private static String text(ByteBuffer bytes, int min, int max) { // [EN-10]
        String text = ascii(bytes, min, max, 0x20);
        check(text != null, "E_TEXT", "id, band or fluxUnit");
        return text;
    }

    private static Wcs decodeWcs(Raw wcs) { // [EN-11]
        double ra = wcs.<Double>get("ra"), dec = wcs.<Double>get("dec");
        float[] cd = {wcs.<Float>get("cd1_1"), wcs.<Float>get("cd1_2"), wcs.<Float>get("cd2_1"), wcs.<Float>get("cd2_2")};
        boolean ok = ra >= 0 && ra < 360 && dec >= -90 && dec <= 90;
        for (float v : cd) ok &= Float.isFinite(v);
        check(ok && (double) cd[0] * cd[3] - (double) cd[1] * cd[2] != 0, "E_WCS", "wcs is not valid");
        return new Wcs(ra, dec, cd);
    }

    /** Checks 8 to 20 of [LI-1] in the order of [LI-2], and the values. */
    private static Stamp decodeRecord(Map<String, Object> members, String field) {
        Raw raw = new Raw(members);
        int version = raw.<Integer>get("version"), n = raw.<Integer>get("levels");
        check(version >= 100 && version <= 199, "E_VERSION", "version " + version);
        check(n >= 2 && n <= 8, "E_LEVELS", n + " levels");
        String id = raw.get("id") == null ? null : text(raw.get("id"), 0, 128);
        String band = raw.get("band") == null ? null : text(raw.get("band"), 0, 32);
        String fluxUnit = text(raw.get("fluxUnit"), 1, 32);
        float dx = raw.<Float>get("dx"), dy = raw.<Float>get("dy");
        check(dx >= -0.5f && dx <= 0.5f && dy >= -0.5f && dy <= 0.5f, "E_OFFSET", "dx " + dx + ", dy " + dy);
        Raw rawWcs = raw.record("wcs"), rawVariance = raw.record("variance"), rawMask = raw.record("mask"), rawPsf = raw.record("psf");
        Wcs wcs = rawWcs == null ? null : decodeWcs(rawWcs);
        float[] image = decodeImage(raw.record("image"), n);
        float[] variance = rawVariance == null ? null : decodeVariance(rawVariance, n);
        Mask mask = rawMask == null ? null : decodeMask(rawMask, n);
        Psf psf = rawPsf == null ? null : decodePsf(rawPsf);
        return new Stamp(field, version, n, id, band, fluxUnit, dx, dy, wcs, image, variance, mask, psf);
    }

    private static boolean matchesAt(byte[] bytes, int at, byte[] expected) {
        return bytes.length >= at + expected.length
            && Arrays.equals(bytes, at, at + expected.length, expected, 0, expected.length);
    }

    /** Whether the bytes begin as an Avro object container file. */
    public static boolean isContainer(byte[] bytes) {
        return matchesAt(bytes, 0, CONTAINER_MAGIC);
    }

    /** Decodes one blob (single-object form), [CO-2]. Throws HstampException. */
    public static Stamp decodeBlob(byte[] bytes) {
        check(bytes.length <= MAX_BLOB, "E_LIMIT", "the blob is longer than 65,536 bytes");
        check(matchesAt(bytes, 0, BLOB_MAGIC), "E_MAGIC", "not a stamp");
        check(bytes.length < 10 || matchesAt(bytes, 2, FINGERPRINT), "E_FINGERPRINT", "the schema is not known");
        Avro.Cursor cursor = new Avro.Cursor(ByteBuffer.wrap(bytes));
        cursor.advance(10);
        Map<String, Object> raw = Avro.readStamp(cursor, Avro.STAMP);
        check(cursor.left() == 0, "E_TRAILING", cursor.left() + " bytes follow the record");
        return decodeRecord(raw, null);
    }

    /** Decodes a blob or an object container file into its stamps, all or none. Throws HstampException. */
    public static List<Stamp> decode(byte[] bytes) {
        if (!isContainer(bytes)) return List.of(decodeBlob(bytes));
        List<Stamp> stamps = new ArrayList<>();
        readContainer(bytes, stamps::add);
        return stamps;
    }

    /**
     * Hands the stamps of an Avro object container file (codecs null and deflate) to a consumer, one by one.
     * Stamps handed over stay valid if a later one is rejected. Throws HstampException.
     */
    public static void readContainer(byte[] bytes, Consumer<Stamp> consumer) {
        check(isContainer(bytes), "E_MAGIC", "not an Avro object container file");
        Avro.Cursor file = new Avro.Cursor(ByteBuffer.wrap(bytes));
        file.advance(4);
        Map<String, ByteBuffer> meta = new HashMap<>();
        file.items(-1, () -> { // metadata are not counted
            String key = ascii(file.takeText(), 0, 32, 0x20);
            ByteBuffer value = file.takeText();
            if ("avro.schema".equals(key) || "avro.codec".equals(key)) meta.put(key, value);
        });
        ByteBuffer sync = file.take(16);
        Avro.Type root = writerSchema(meta.get("avro.schema"));
        String codec = meta.containsKey("avro.codec") ? ascii(meta.get("avro.codec"), 0, 32, 0x20) : "null";
        check("null".equals(codec) || "deflate".equals(codec), "E_CODEC", "codec " + codec);
        Avro.Budget budget = new Avro.Budget();
        while (file.left() > 0) {
            long count = file.longValue(), size = file.longValue();
            check(size <= MAX_BLOCK, "E_LIMIT", "a block claims more than 64 MiB");
            check(count >= 0, "E_AVRO", "a block's count is negative");
            ByteBuffer data = file.take(size);
            check(file.take(16).equals(sync), "E_AVRO", "a sync marker differs");
            budget.block(bytes.length - file.left());
            ByteBuffer content = "null".equals(codec) ? data : inflate(data, Math.min(MAX_BLOCK, budget.left()));
            budget.decompressed(content.remaining());
            Avro.Cursor cursor = new Avro.Cursor(content, budget);
            for (long i = 0; i < count; i++) readFileRecord(cursor, root, consumer);
            check(cursor.left() == 0, "E_AVRO", "a block's size is not that of its records");
        }
    }

    /** Parses the schema of a file and checks that it holds a stamp that resolves, [CO-6]. */
    private static Avro.Type writerSchema(ByteBuffer json) {
        check(json != null, "E_SCHEMA", "the writer's schema is missing");
        Avro.Type root;
        try {
            root = Avro.parse(StandardCharsets.UTF_8.newDecoder().decode(json).toString());
        } catch (CharacterCodingException error) {
            throw new HstampException("E_SCHEMA", "the writer's schema is not UTF-8");
        }
        Avro.Type holder = root.isStamp() ? root
            : root.fields.values().stream().filter(Avro.Type::holdsStamp).findFirst().orElse(null);
        check(holder != null, "E_SCHEMA", "the file holds no stamp");
        Avro.Type stamp = holder.isStamp() ? holder : holder.branches.stream().filter(Avro.Type::isStamp).findFirst().get();
        check(Avro.resolves(stamp, Avro.STAMP), "E_SCHEMA", "the stamp's schema does not resolve");
        return root;
    }

    private static void readFileRecord(Avro.Cursor cursor, Avro.Type root, Consumer<Stamp> consumer) {
        if (root.isStamp()) {
            consumer.accept(decodeRecord(Avro.readStamp(cursor, root), null));
            return;
        }
        long spare = 0;
        for (Avro.Type type : root.fields.values()) if (!type.holdsStamp()) spare += 1L + type.weight;
        cursor.passOver(spare);
        List<Runnable> found = new ArrayList<>(); // the record is parsed whole before its stamps are checked
        root.live.forEach((name, type) -> {
            Avro.Type value = type.holdsStamp() && type.is("union") ? cursor.branch(type.branches) : type;
            if (value.isStamp()) {
                Map<String, Object> raw = Avro.readStamp(cursor, value);
                found.add(() -> consumer.accept(decodeRecord(raw, name)));
            } else {
                if (value != type) cursor.passOver(value.weight);
                Avro.skip(cursor, value);
            }
        });
        found.forEach(Runnable::run);
    }

    /** Bytes behind the deflate stream are ignored: fastavro leaves 3 bytes of a zlib checksum there. */
    private static ByteBuffer inflate(ByteBuffer data, long limit) {
        Inflater inflater = new Inflater(true);
        try {
            inflater.setInput(data);
            ByteArrayOutputStream out = new ByteArrayOutputStream();
            byte[] chunk = new byte[65536];
            while (!inflater.finished()) {
                int length = inflater.inflate(chunk);
                check(length > 0 || inflater.finished(), "E_AVRO", "the deflate stream of a block ends early");
                out.write(chunk, 0, length);
                check(out.size() <= limit, "E_LIMIT", "a block decompresses to more than 64 MiB, or its file to too much");
            }
            return ByteBuffer.wrap(out.toByteArray());
        } catch (DataFormatException error) {
            throw new HstampException("E_AVRO", "a block is not valid deflate");
        } finally {
            inflater.end();
        }
    }
}
