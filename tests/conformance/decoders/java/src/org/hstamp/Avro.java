// SPDX-License-Identifier: BSD-3-Clause
package org.hstamp;

import static org.hstamp.HstampException.check;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;

/** The part of Apache Avro that stamps need: schemas, their resolution, and bounded reading, [CO-1], [CO-6]. */
final class Avro {
    /** Bound on the nesting of schemas and of their values; the specification sets none. */
    static final int MAX_DEPTH = 128;
    /** Largest size of a fixed, [SE-1]. */
    private static final int MAX_FIXED = 1 << 26;
    /** More items than any valid array of a stamp has, so keeping further ones is useless. */
    private static final int MAX_ITEMS = 17;

    static final String STAMP_NAME = "hstamp.v1.stamp";
    static final Type STAMP = stampType();

    private Avro() { }

    /** A schema node; which members are set depends on kind. */
    static final class Type {
        final String kind;
        String name;
        int size = -1;
        int depth;
        /** Number of fields of a value, at any depth outside unions, arrays and maps, [LI-4]. */
        int weight;
        Type items;
        List<Type> branches = List.of();
        Map<String, Type> fields = Map.of();
        /** The fields that take bytes: the others can be passed over, however many there are. */
        Map<String, Type> live;
        /** For a record with one such field, what is skipped: a chain of wrappers costs one step, not one each. */
        Type skipAs;
        Map<String, Object> defaults = Map.of();

        Type(String kind) {
            this.kind = kind;
        }

        boolean is(String other) {
            return kind.equals(other);
        }

        /** Whether values of this type take no bytes. */
        boolean isEmpty() {
            return is("null") || size == 0 || live != null && live.isEmpty();
        }

        boolean isStamp() {
            return is("record") && name.equals(STAMP_NAME);
        }

        /** Whether this is a stamp or a union that contains one. */
        boolean holdsStamp() {
            return isStamp() || branches.stream().anyMatch(Type::isStamp);
        }
    }

    // ------------------------------------------------------------ values

    static final class Cursor {
        private final ByteBuffer bytes;
        private final Budget budget;

        Cursor(ByteBuffer bytes) {
            this(bytes, new Budget());
        }

        Cursor(ByteBuffer bytes, Budget budget) {
            this.bytes = bytes.slice().order(ByteOrder.LITTLE_ENDIAN);
            this.budget = budget;
        }

        /** Counts values that are passed over, [LI-4]. */
        void passOver(long count) {
            budget.passOver(count);
        }

        int left() {
            return bytes.remaining();
        }

        /** Steps over count bytes and returns where they begin; every length passes here, [DE-4]. */
        int advance(long count) {
            check(count >= 0 && count <= left(), "E_AVRO", "the bytes end early or a length is negative");
            int start = bytes.position();
            bytes.position(start + (int) count);
            return start;
        }

        /** A view, not a copy. */
        ByteBuffer take(long count) {
            int start = advance(count);
            return bytes.slice(start, (int) count).order(ByteOrder.LITTLE_ENDIAN);
        }

        ByteBuffer takeText() {
            return take(longValue());
        }

        long longValue() {
            long value = 0;
            for (int shift = 0; shift < 70; shift += 7) {
                int b = bytes.get(advance(1)) & 0xff;
                value |= (long) (b & 127) << shift;
                if (b < 128) {
                    check(shift < 63 || b < 2, "E_AVRO", "a long does not fit 64 bits");
                    return value >>> 1 ^ -(value & 1);
                }
            }
            throw new HstampException("E_AVRO", "a long has more than 10 bytes");
        }

        int intValue() {
            long value = longValue();
            check(value == (int) value, "E_AVRO", "an int does not fit 32 bits");
            return (int) value;
        }

        float floatValue() {
            return bytes.getFloat(advance(4));
        }

        double doubleValue() {
            return bytes.getDouble(advance(8));
        }

        Type branch(List<Type> branches) {
            long index = longValue();
            check(index >= 0 && index < branches.size(), "E_AVRO", "a union index is out of range");
            return branches.get((int) index);
        }

        /** Runs item for each item of an array or map; each costs 1 + weight of the file's budget, [LI-4]. */
        void items(int weight, Runnable item) {
            for (long count = longValue(); count != 0; count = longValue()) {
                boolean sized = count < 0;
                long size = sized ? longValue() : 0;
                if (sized) count = -count; // the smallest long stays negative and is caught below
                check(count > 0 && count <= left(), "E_AVRO", "a count exceeds the remaining bytes");
                passOver(count * (1L + weight));
                int start = bytes.position();
                for (long i = 0; i < count; i++) item.run();
                check(!sized || bytes.position() - start == size, "E_AVRO", "a block's size is not that of its items");
            }
        }
    }

    /** What a whole file may decompress to and have passed over, [LI-4]. */
    static final class Budget {
        private long size, decompressed, passed;

        /** Starts the block that ends at so many bytes from the start of the file. */
        void block(long end) {
            size = end;
        }

        /** How many bytes the block at hand may decompress to. */
        long left() {
            return 64L * 1024 * 1024 + 16 * size - decompressed;
        }

        void decompressed(long count) {
            decompressed += count;
        }

        private void passOver(long count) {
            passed += count;
            check(passed <= (1L << 23) + 8 * size, "E_LIMIT", "too many values are passed over");
        }
    }

    /** Reads a value written with schema w as the reader's r; resolves(w, r) holds. Text and bytes become ByteBuffer. */
    static Object read(Cursor cursor, Type w, Type r) {
        if (w.is("union")) return read(cursor, cursor.branch(w.branches), r);
        if (w.is("null")) return null;
        if (r.is("union")) return read(cursor, w, r.branches.get(1));
        switch (r.kind) {
            case "int": return cursor.intValue();
            case "float": return w.is("int") ? (float) cursor.intValue() : w.is("long") ? (float) cursor.longValue() : cursor.floatValue();
            case "double": return w.is("int") ? (double) cursor.intValue() : w.is("long") ? (double) cursor.longValue()
                : w.is("float") ? (double) cursor.floatValue() : cursor.doubleValue();
            case "array": {
                List<Object> items = new ArrayList<>();
                cursor.items(w.items.weight, () -> {
                    Object item = read(cursor, w.items, r.items);
                    if (items.size() < MAX_ITEMS) items.add(item);
                });
                return items;
            }
            case "record": return readRecord(cursor, w, r);
            default: return cursor.takeText();
        }
    }

    @SuppressWarnings("unchecked")
    static Map<String, Object> readStamp(Cursor cursor, Type writer) {
        return (Map<String, Object>) read(cursor, writer, STAMP);
    }

    private static Map<String, Object> readRecord(Cursor cursor, Type w, Type r) {
        Map<String, Object> out = new HashMap<>(r.defaults);
        long spare = 0;
        for (Map.Entry<String, Type> field : w.fields.entrySet())
            if (!r.fields.containsKey(field.getKey())) spare += 1L + field.getValue().weight;
        cursor.passOver(spare);
        w.live.forEach((name, type) -> {
            Type target = r.fields.get(name);
            if (target == null) skip(cursor, type);
            else out.put(name, read(cursor, type, target));
        });
        return out;
    }

    /** Steps over a value that is not needed. Types of zero bytes cost nothing, whatever they hold. */
    static void skip(Cursor cursor, Type type) {
        switch (type.kind) {
            case "null": break;
            case "boolean": cursor.advance(1); break;
            case "int": case "enum": cursor.intValue(); break;
            case "long": cursor.longValue(); break;
            case "float": cursor.advance(4); break;
            case "double": cursor.advance(8); break;
            case "fixed": cursor.advance(type.size); break;
            case "union": {
                Type branch = cursor.branch(type.branches);
                cursor.passOver(branch.weight);
                skip(cursor, branch);
                break;
            }
            case "array": cursor.items(type.items.weight, () -> skip(cursor, type.items)); break;
            case "map":
                cursor.items(type.items.weight, () -> {
                    cursor.advance(cursor.longValue());
                    skip(cursor, type.items);
                });
                break;
            case "record":
                if (type.skipAs != null) skip(cursor, type.skipAs);
                else for (Type field : type.live.values()) skip(cursor, field);
                break;
            default: cursor.advance(cursor.longValue()); // bytes, string
        }
    }

    // ------------------------------------------------------------ schemas

    static Type parse(String json) {
        Object parsed;
        try {
            parsed = Json.parse(json, MAX_DEPTH);
        } catch (IllegalArgumentException error) {
            throw new HstampException("E_SCHEMA", error.getMessage());
        }
        return new Compiler().compileAll(parsed);
    }

    private static final class Compiler {
        private static final Set<String> PRIMITIVES =
            Set.of("null", "boolean", "int", "long", "float", "double", "bytes", "string");
        private static final Pattern NAME = Pattern.compile("[A-Za-z_][A-Za-z0-9_]*");

        private final Map<String, Type> names = new HashMap<>();

        private static void require(boolean ok, String message) {
            check(ok, "E_SCHEMA", message);
        }

        private static boolean isName(Object text) {
            return text instanceof String && NAME.matcher((String) text).matches();
        }

        private static boolean isFullName(Object text) {
            return text instanceof String && Arrays.stream(((String) text).split("\\.", -1)).allMatch(Compiler::isName);
        }

        Type compileAll(Object json) {
            return compile(json, "");
        }

        private Type compile(Object json, String space) {
            if (json instanceof String) {
                String name = (String) json;
                if (PRIMITIVES.contains(name)) return new Type(name);
                Type type = names.get(name.contains(".") || space.isEmpty() ? name : space + "." + name);
                require(type != null, "a type is not known");
                require(!type.is("record") || type.live != null, name + " contains itself"); // [SE-1]
                return type;
            }
            if (json instanceof List) return union((List<?>) json, space);
            require(json instanceof Map, "a schema is not valid");
            Map<?, ?> map = (Map<?, ?>) json;
            Object kind = map.get("type");
            if ("record".equals(kind) || "enum".equals(kind) || "fixed".equals(kind)) return named(map, (String) kind, space);
            if ("array".equals(kind) || "map".equals(kind)) {
                Type type = new Type((String) kind);
                type.items = compile(map.get("array".equals(kind) ? "items" : "values"), space);
                require(kind.equals("map") || !type.items.isEmpty(), "an array holds items of zero bytes"); // [SE-1]
                return nest(type, List.of(type.items));
            }
            return compile(kind, space);
        }

        private Type union(List<?> json, String space) {
            Type type = new Type("union");
            type.branches = new ArrayList<>();
            Set<String> keys = new HashSet<>();
            for (Object branch : json) {
                Type compiled = compile(branch, space);
                type.branches.add(compiled);
                keys.add(compiled.name != null ? compiled.name : "#" + compiled.kind); // # is not part of any name
            }
            require(keys.size() == json.size() && !keys.isEmpty() && !keys.contains("#union"), "a union is not valid");
            return nest(type, type.branches);
        }

        private Type named(Map<?, ?> json, String kind, String space) {
            require(isFullName(json.get("name")), "a name is not valid");
            String name = (String) json.get("name");
            Object namespace = json.get("namespace");
            require(namespace == null || namespace.equals("") || isFullName(namespace), "a namespace is not valid");
            int dot = name.lastIndexOf('.');
            String own = dot >= 0 ? name.substring(0, dot) : namespace != null ? (String) namespace : space;
            Type type = new Type(kind);
            type.name = dot >= 0 || own.isEmpty() ? name : own + "." + name;
            require(!PRIMITIVES.contains(type.name) && names.put(type.name, type) == null, type.name + " is defined twice");
            if (kind.equals("fixed")) {
                Object size = json.get("size");
                require(size instanceof Double && (Double) size >= 0 && (Double) size <= MAX_FIXED
                    && (Double) size == (double) ((Double) size).intValue(), "a fixed size is not valid");
                type.size = ((Double) size).intValue();
            } else if (kind.equals("enum")) {
                require(json.get("symbols") instanceof List, "an enum has no symbols");
                List<?> symbols = (List<?>) json.get("symbols");
                require(symbols.stream().allMatch(s -> isName(s)) && new HashSet<>(symbols).size() == symbols.size(),
                    "enum symbols are not valid");
            } else {
                require(json.get("fields") instanceof List, "a record has no fields");
                type.fields = new LinkedHashMap<>();
                for (Object item : (List<?>) json.get("fields")) {
                    require(item instanceof Map, "a field is not valid");
                    Map<?, ?> field = (Map<?, ?>) item;
                    require(isName(field.get("name")) && !type.fields.containsKey(field.get("name")), "a field is not valid");
                    type.fields.put((String) field.get("name"), compile(field.get("type"), own));
                }
                for (Type field : type.fields.values()) {
                    // Names can stand for more fields than an int counts; so many exceed any budget.
                    type.weight = (int) Math.min(Integer.MAX_VALUE / 2, type.weight + 1L + field.weight);
                }
                Map<String, Type> live = new LinkedHashMap<>(type.fields);
                live.values().removeIf(Type::isEmpty);
                if (live.size() == 1) {
                    Type only = live.values().iterator().next();
                    type.skipAs = only.skipAs != null ? only.skipAs : only;
                }
                type.live = live; // last: until here the record is incomplete
                nest(type, type.fields.values());
            }
            return type;
        }

        /** Bounds the depth of values, and so of recursion: names let it grow faster than the JSON nests. */
        private static Type nest(Type type, Collection<Type> parts) {
            for (Type part : parts) type.depth = Math.max(type.depth, part.depth);
            require(++type.depth <= MAX_DEPTH, "types nest too deeply");
            return type;
        }
    }

    // ------------------------------------------------------------ resolution

    private static final Map<String, List<String>> PROMOTIONS = Map.of(
        "null", List.of("null"), "int", List.of("int"), "float", List.of("float", "int", "long"),
        "double", List.of("double", "float", "int", "long"), "bytes", List.of("bytes", "string"),
        "string", List.of("string", "bytes"));

    /** Whether every value of writer's schema w can be read as reader's schema r, [CO-6]. */
    static boolean resolves(Type w, Type r) {
        if (w.is("union")) return w.branches.stream().allMatch(branch -> resolves(branch, r));
        if (r.is("union")) return r.branches.stream().anyMatch(branch -> resolves(w, branch));
        if (r.is("array")) return w.is("array") && resolves(w.items, r.items);
        if (!r.is("record")) return PROMOTIONS.get(r.kind).contains(w.kind);
        return w.is("record") && unqualified(w.name).equals(unqualified(r.name)) && r.fields.entrySet().stream().allMatch(
            field -> w.fields.containsKey(field.getKey())
                ? resolves(w.fields.get(field.getKey()), field.getValue()) : r.defaults.containsKey(field.getKey()));
    }

    private static String unqualified(String name) {
        return name.substring(name.lastIndexOf('.') + 1);
    }

    /** The reader's schema, schemas/hstamp.v1.stamp.avsc without its documentation, [CO-1]. */
    private static Type stampType() {
        String floats = "{'type':'array','items':'float'}", texts = "{'type':'array','items':'string'}";
        Type stamp = parse(record(STAMP_NAME, "version", "'int'", "levels", "'int'", "id", "['null','string']",
            "band", "['null','string']", "fluxUnit", "'string'", "dx", "'float'", "dy", "'float'",
            "wcs", "['null'," + record("wcs", "ra", "'double'", "dec", "'double'",
                "cd1_1", "'float'", "cd1_2", "'float'", "cd2_1", "'float'", "cd2_2", "'float'") + "]",
            "image", record("image", "encoding", "'string'", "zero", floats, "scale", floats, "data", "'bytes'"),
            "variance", "['null'," + record("variance", "encoding", "'string'", "unit", "'float'", "data", "'bytes'") + "]",
            "mask", "['null'," + record("mask", "encoding", "'string'", "planes", texts, "data", "'bytes'") + "]",
            "psf", "['null'," + record("psf", "encoding", "'string'", "size", "'int'", "data", "'bytes'") + "]"
        ).replace('\'', '"'));
        stamp.defaults = new HashMap<>();
        for (String name : List.of("id", "band", "wcs", "variance", "mask", "psf")) stamp.defaults.put(name, null);
        stamp.defaults.put("fluxUnit", ByteBuffer.wrap("nJy".getBytes(StandardCharsets.US_ASCII)));
        return stamp;
    }

    private static String record(String name, String... namesAndTypes) {
        List<String> fields = new ArrayList<>();
        for (int i = 0; i < namesAndTypes.length; i += 2)
            fields.add("{'name':'" + namesAndTypes[i] + "','type':" + namesAndTypes[i + 1] + "}");
        return "{'type':'record','name':'" + name + "','fields':[" + String.join(",", fields) + "]}";
    }
}
