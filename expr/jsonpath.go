package expr

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
)

// pathStep is one step of a path such as $.a['b'][0][*].
type pathStep struct {
	name  string
	index int
	kind  byte // 'n' a name, 'i' an index, '*' every element or value
}

// parsePath reads a path that begins with $. It reports false for what is none.
func parsePath(s string) (steps []pathStep, ok bool) {
	if !strings.HasPrefix(s, "$") {
		return nil, false
	}
	for s = s[1:]; s != ""; {
		switch {
		case strings.HasPrefix(s, ".*"):
			steps, s = append(steps, pathStep{kind: '*'}), s[2:]
		case s[0] == '.':
			end := strings.IndexAny(s[1:], ".[")
			if end < 0 {
				end = len(s) - 1
			}
			if end == 0 {
				return nil, false
			}
			steps, s = append(steps, pathStep{kind: 'n', name: s[1 : end+1]}), s[end+1:]
		case strings.HasPrefix(s, "[*]"):
			steps, s = append(steps, pathStep{kind: '*', index: 1}), s[3:]
		case strings.HasPrefix(s, "['") || strings.HasPrefix(s, `["`):
			end := strings.Index(s, s[1:2]+"]")
			if end < 2 {
				return nil, false
			}
			steps, s = append(steps, pathStep{kind: 'n', name: s[2:end]}), s[end+2:]
		case s[0] == '[':
			end := strings.IndexByte(s, ']')
			if end < 0 {
				return nil, false
			}
			n, err := strconv.Atoi(s[1:end])
			if err != nil || n < 0 {
				return nil, false
			}
			steps, s = append(steps, pathStep{kind: 'i', index: n}), s[end+1:]
		default:
			return nil, false
		}
	}
	return steps, true
}

// jsonEnd returns where the value that begins at p ends; s is valid JSON.
func jsonEnd(s []byte, p int) int {
	switch s[p] {
	case '"':
		for p++; s[p] != '"'; p++ {
			if s[p] == '\\' {
				p++
			}
		}
		return p + 1
	case '{', '[':
		for depth := 0; ; p++ {
			switch s[p] {
			case '"':
				p = jsonEnd(s, p) - 1
			case '{', '[':
				depth++
			case '}', ']':
				if depth--; depth == 0 {
					return p + 1
				}
			}
		}
	}
	for p < len(s) && !strings.ContainsRune(",]} \t\r\n", rune(s[p])) {
		p++
	}
	return p
}

func jsonSpace(s []byte, p int) int {
	for p < len(s) && (s[p] == ' ' || s[p] == '\t' || s[p] == '\n' || s[p] == '\r') {
		p++
	}
	return p
}

// jsonMembers calls f with each value of an array, or name and value of an object, until it returns false.
func jsonMembers(s []byte, f func(name, value []byte) bool) {
	p := jsonSpace(s, 1)
	for s[p] != '}' && s[p] != ']' {
		var name []byte
		if s[0] == '{' {
			end := jsonEnd(s, p)
			name = s[p:end]
			p = jsonSpace(s, jsonSpace(s, end)+1)
		}
		end := jsonEnd(s, p)
		if !f(name, s[p:end]) {
			return
		}
		if p = jsonSpace(s, end); s[p] == ',' {
			p = jsonSpace(s, p+1)
		}
	}
}

func jsonText(s []byte) string {
	var out string
	if json.Unmarshal(s, &out) != nil {
		return ""
	}
	return out
}

// jsonFind collects what a path leads to from a value; without nulls a member that is null is not there.
func jsonFind(value []byte, steps []pathStep, found [][]byte, nulls bool) [][]byte {
	if len(steps) == 0 {
		return append(found, value)
	}
	step := steps[0]
	place := 0
	switch {
	case step.kind == 'n' && value[0] == '{':
		jsonMembers(value, func(name, v []byte) bool {
			if jsonText(name) == step.name {
				if !nulls && string(v) == "null" {
					return false
				}
				found = jsonFind(v, steps[1:], found, nulls)
				return false
			}
			return true
		})
	case step.kind == 'i' && value[0] == '[':
		jsonMembers(value, func(_, v []byte) bool {
			if place == step.index {
				found = jsonFind(v, steps[1:], found, nulls)
				return false
			}
			place++
			return true
		})
	case step.kind == '*' && value[0] == '[' && step.index == 1, step.kind == '*' && value[0] == '{' && step.index == 0:
		jsonMembers(value, func(_, v []byte) bool {
			found = jsonFind(v, steps[1:], found, nulls)
			return true
		})
	}
	return found
}

// jsonAt appends what a path leads to: a text without its quotes, anything else as JSON without blanks.
func jsonAt(dst, s []byte, steps []pathStep) ([]byte, bool) {
	if !json.Valid(s) {
		return dst, false
	}
	s = bytes.TrimSpace(s)
	found := jsonFind(s, steps, nil, false)
	stars := 0
	for _, step := range steps {
		if step.kind == '*' {
			stars++
		}
	}
	if len(found) == 0 {
		return dst, false
	}
	buf := bytes.NewBuffer(dst)
	if len(found) == 1 {
		switch v := found[0]; {
		case v[0] == '"' && stars == 0:
			return append(dst, jsonText(v)...), true
		case json.Compact(buf, v) != nil:
			return dst, false
		}
		return buf.Bytes(), true
	}
	buf.WriteByte('[')
	for k, v := range found {
		if k > 0 {
			buf.WriteByte(',')
		}
		if json.Compact(buf, v) != nil {
			return dst, false
		}
	}
	buf.WriteByte(']')
	return buf.Bytes(), true
}
