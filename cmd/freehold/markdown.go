package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// markdown writes a document's content for people. Its schema is not known here, so it goes by the names that things have: a
// title is the heading, a body stands alone, every other field has a heading of its own. Marks go by their usual names; those
// that have no counterpart are left out, and so are fields of the package's own ($type). JSON leaves out nothing.
func markdown(value map[string]any) string {
	var w strings.Builder
	keys := slices.Sorted(maps.Keys(value))
	if title, ok := value["title"]; ok {
		fmt.Fprintf(&w, "# %s\n", strings.ReplaceAll(strings.TrimSpace(inline(title)), "\n", " "))
	}
	if _, ok := value["body"]; ok {
		keys = append([]string{"body"}, slices.DeleteFunc(keys, func(k string) bool { return k == "body" })...)
	}
	keys = slices.DeleteFunc(keys, func(k string) bool { return k == "title" || strings.HasPrefix(k, "$") })
	for _, k := range keys {
		if w.Len() > 0 {
			w.WriteString("\n")
		}
		if k != "body" {
			fmt.Fprintf(&w, "## %s\n\n", k)
		}
		block(&w, value[k], 0)
	}
	return w.String()
}

// deepest is how far lists are indented: deeper ones go on there, since indentation adds up.
const deepest = 32

// block writes something on lines of its own.
func block(w *strings.Builder, v any, depth int) {
	indent := strings.Repeat("  ", min(depth, deepest))
	var item func(label string, v any)
	item = func(label string, v any) {
		switch v := v.(type) {
		case map[string]any, []any:
			if text, ok := richText(v); ok {
				fmt.Fprintf(w, "%s- %s%s\n", indent, label, indented(text, indent))
				return
			}
			if m, ok := v.(map[string]any); ok && label == "" && len(m) > 0 {
				// The first field stands beside the dash, the others below it.
				first := slices.Sorted(maps.Keys(m))[0]
				rest := maps.Clone(m)
				delete(rest, first)
				item("**"+first+"**: ", m[first])
				block(w, rest, depth+1)
				return
			}
			fmt.Fprintf(w, "%s- %s\n", indent, strings.TrimSpace(label))
			block(w, v, depth+1)
		default:
			fmt.Fprintf(w, "%s- %s%s\n", indent, label, indented(inline(v), indent))
		}
	}
	switch v := v.(type) {
	case map[string]any:
		for _, k := range slices.Sorted(maps.Keys(v)) {
			item("**"+k+"**: ", v[k])
		}
	case []any:
		if text, ok := richText(v); ok {
			w.WriteString(strings.TrimSuffix(text, "\n") + "\n")
			return
		}
		for _, e := range v {
			node, isNode := e.(map[string]any)
			if below, ok := node["nodes"].([]any); isNode && ok && len(node) == 2 && has(node, "content") {
				item("", node["content"])
				block(w, below, depth+1)
				continue
			}
			item("", e)
		}
	default:
		w.WriteString(strings.TrimSuffix(inline(v), "\n") + "\n")
	}
}

func has(m map[string]any, key string) bool {
	_, ok := m[key]
	return ok
}

// indented keeps the lines of a text below its item.
func indented(text, indent string) string {
	return strings.ReplaceAll(strings.TrimSuffix(text, "\n"), "\n", "\n"+indent+"  ")
}

func inline(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case []byte:
		return base64.StdEncoding.EncodeToString(v)
	case nil:
		return ""
	case []any, map[string]any:
		if text, ok := richText(v); ok {
			return text
		}
		if b, err := json.Marshal(v); err == nil {
			return string(b)
		}
	}
	return fmt.Sprint(v)
}

// around is what Markdown puts around a marked text. Order is from the inside out.
var around = []struct {
	names  []string
	before string
}{
	{[]string{"code"}, "`"}, {[]string{"strike", "strikethrough"}, "~~"}, {[]string{"italic", "em"}, "*"}, {[]string{"bold", "strong"}, "**"},
}

// richText writes the spans that Doc.Value gives for one; false if v is something else: neighbours of the same marks would be
// one span. Attributes of a line stand on its newline.
func richText(v any) (string, bool) {
	spans, ok := v.([]any)
	if !ok || len(spans) == 0 {
		return "", false
	}
	var out, line strings.Builder
	plain := false
	for _, s := range spans {
		span, ok := s.(map[string]any)
		text, isText := span["text"].(string)
		embed, isEmbed := span["embed"]
		marks, _ := span["marks"].(map[string]any)
		if !ok || isText == isEmbed || len(span) > 2 || len(span) == 2 && marks == nil || plain && isText && marks == nil {
			return "", false
		}
		plain = isText && marks == nil
		if isEmbed {
			text = fmt.Sprintf("[%s]", inline(embed))
		}
		for i, part := range strings.Split(text, "\n") {
			if i > 0 {
				out.WriteString(lineStart(marks) + line.String() + "\n")
				line.Reset()
			}
			line.WriteString(marked(part, marks))
		}
	}
	out.WriteString(line.String())
	return out.String(), true
}

// marked writes one stretch. White space at its ends stays outside, where Markdown wants it.
func marked(text string, marks map[string]any) string {
	inner := strings.TrimSpace(text)
	if inner == "" {
		return text
	}
	before, after, _ := strings.Cut(text, inner)
	for _, a := range around {
		for _, name := range a.names {
			if on, ok := marks[name]; ok && on != false {
				inner = a.before + inner + a.before
			}
		}
	}
	if to, ok := marks["link"].(string); ok {
		inner = fmt.Sprintf("[%s](%s)", inner, strings.ReplaceAll(to, ")", "%29"))
	}
	return before + inner + after
}

// lineStart is how a line with these attributes begins.
func lineStart(marks map[string]any) string {
	level := 0
	switch n := marks["heading"].(type) {
	case int64:
		level = int(n)
	case float64:
		level = int(n)
	}
	switch {
	case level >= 1 && level <= 6:
		return strings.Repeat("#", level) + " "
	case has(marks, "quote"), has(marks, "blockquote"):
		return "> "
	case marks["list"] == "number", marks["list"] == "ordered":
		return "1. "
	case has(marks, "list"), has(marks, "bullet"):
		return "- "
	}
	return ""
}
