// SPDX-License-Identifier: BSD-3-Clause
package org.hstamp;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Strict JSON (RFC 8259) as Map, List, String, Double, Boolean and null, with bounded nesting. */
final class Json {
    private static final Pattern NUMBER = Pattern.compile("-?(0|[1-9][0-9]*)(\\.[0-9]+)?([eE][+-]?[0-9]+)?+");

    private final String text;
    private int pos;

    private Json(String text) {
        this.text = text;
    }

    /** Parses one value. Throws IllegalArgumentException if the text is not JSON or nests deeper than maxDepth. */
    static Object parse(String text, int maxDepth) {
        Json json = new Json(text);
        Object value = json.value(maxDepth);
        json.space();
        json.require(json.pos == text.length());
        return value;
    }

    private void require(boolean ok) {
        if (!ok) throw new IllegalArgumentException("not JSON near character " + pos);
    }

    private void space() {
        while (pos < text.length() && " \t\r\n".indexOf(text.charAt(pos)) >= 0) pos++;
    }

    private char peek() {
        space();
        require(pos < text.length());
        return text.charAt(pos);
    }

    private boolean accept(char c) {
        if (peek() != c) return false;
        pos++;
        return true;
    }

    private Object word(String word, Object value) {
        require(text.startsWith(word, pos));
        pos += word.length();
        return value;
    }

    private Object value(int depth) {
        switch (peek()) {
            case '{': return object(depth);
            case '[': return array(depth);
            case '"': return string();
            case 't': return word("true", true);
            case 'f': return word("false", false);
            case 'n': return word("null", null);
            default: return number();
        }
    }

    private Double number() {
        Matcher matcher = NUMBER.matcher(text).region(pos, text.length());
        require(matcher.lookingAt());
        pos = matcher.end();
        return Double.valueOf(matcher.group());
    }

    private Map<String, Object> object(int depth) {
        require(depth > 0);
        Map<String, Object> out = new LinkedHashMap<>();
        pos++;
        if (accept('}')) return out;
        do {
            require(peek() == '"');
            String key = string();
            require(accept(':'));
            out.put(key, value(depth - 1));
        } while (accept(','));
        require(accept('}'));
        return out;
    }

    private List<Object> array(int depth) {
        require(depth > 0);
        List<Object> out = new ArrayList<>();
        pos++;
        if (accept(']')) return out;
        do out.add(value(depth - 1)); while (accept(','));
        require(accept(']'));
        return out;
    }

    private String string() {
        StringBuilder out = new StringBuilder();
        pos++;
        while (true) {
            require(pos < text.length() && text.charAt(pos) >= 0x20);
            char c = text.charAt(pos++);
            if (c == '"') return out.toString();
            out.append(c == '\\' ? escape() : c);
        }
    }

    private char escape() {
        require(pos < text.length());
        int simple = "\"\\/bfnrt".indexOf(text.charAt(pos++));
        if (simple >= 0) return "\"\\/\b\f\n\r\t".charAt(simple);
        require(text.charAt(pos - 1) == 'u' && text.length() - pos >= 4);
        int code = 0;
        for (int i = 0; i < 4; i++) {
            int digit = "0123456789abcdef".indexOf(Character.toLowerCase(text.charAt(pos++)));
            require(digit >= 0);
            code = code << 4 | digit;
        }
        return (char) code;
    }

    /** The text as a JSON string. */
    static String quote(String text) {
        if (text == null) return "null";
        StringBuilder out = new StringBuilder("\"");
        for (char c : text.toCharArray()) {
            if (c == '"' || c == '\\') out.append('\\').append(c);
            else if (c < 0x20 || Character.isSurrogate(c)) out.append(String.format("\\u%04x", (int) c));
            else out.append(c);
        }
        return out.append('"').toString();
    }
}
