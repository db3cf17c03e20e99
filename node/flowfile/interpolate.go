package flowfile

import (
	"fmt"
	"strings"

	"github.com/deltaic/deltaic/expr"
)

// Options say what a flow file may refer to.
type Options struct {
	// Env returns an environment variable. nil: none is set.
	Env func(name string) (string, bool)
	// ReadFile returns the text of ${file:path}. nil: refused.
	ReadFile func(path string) (string, error)
	// Set overrides keys: "a.b=c", in order.
	Set []string
	// Connectors make sources and sinks.
	Connectors Connectors
	// Functions are written in Go, for the expressions of every flow.
	Functions []expr.UserFunction
}

// mostBrought bounds what files and variables add to a flow file, each time that it names them.
const mostBrought = 16 << 20

// mostLines bounds the lines of ${file:}: each is a secret of its own, looked for in all that is printed.
const mostLines = 20_000

// interpolate replaces ${VAR}, ${VAR:default} and ${file:path} in every value
// below v. "$${" stands for "${".
func (o *Options) interpolate(v *value, s *secrets) error {
	if v.kind == scalar {
		text, err := o.expand(v, s)
		if err != nil {
			return err
		}
		v.text = text
		return nil
	}
	for _, c := range v.values {
		if err := o.interpolate(c, s); err != nil {
			return err
		}
	}
	return nil
}

func (o *Options) expand(v *value, s *secrets) (string, error) {
	var out strings.Builder
	rest := v.text
	for {
		before, after, found := strings.Cut(rest, "${")
		if !found {
			out.WriteString(rest)
			return out.String(), nil
		}
		if strings.HasSuffix(before, "$") {
			out.WriteString(before + "{")
			rest = after
			continue
		}
		out.WriteString(before)
		name, tail, closed := strings.Cut(after, "}")
		if !closed {
			return "", v.fail("INVALID_FLOW_FILE", "${%s has no closing brace", name)
		}
		text, err := o.lookup(v, name, s)
		if err != nil {
			return "", err
		}
		if s.brought += len(text); s.brought > mostBrought {
			return "", v.fail("INVALID_FLOW_FILE", "what stands in place of ${...} has more than %d bytes in all", mostBrought)
		}
		out.WriteString(text)
		rest = tail
	}
}

func (o *Options) lookup(v *value, name string, s *secrets) (string, error) {
	if path, isFile := strings.CutPrefix(name, "file:"); isFile {
		if o.ReadFile == nil {
			return "", v.fail("INVALID_FLOW_FILE", "${file:%s}: files are not read here", path)
		}
		text, err := o.ReadFile(path)
		if err != nil {
			return "", v.fail("INVALID_FLOW_FILE", "${file:%s}: %w", path, err)
		}
		if strings.Count(text, "\n") > mostLines {
			return "", v.fail("INVALID_FLOW_FILE", "${file:%s} has more than %d lines", path, mostLines)
		}
		text = strings.TrimRight(text, "\r\n")
		s.add(text)
		return text, nil
	}
	name, fallback, hasDefault := strings.Cut(name, ":")
	if o.Env != nil {
		if text, ok := o.Env(name); ok {
			return text, nil
		}
	}
	if hasDefault {
		return fallback, nil
	}
	f := v.fail("INVALID_FLOW_FILE", "the environment variable %s is not set", name)
	f.Hint = fmt.Sprintf("set it, or give a default: ${%s:...}", name)
	return "", f
}

// override applies "a.b=c" to the document.
func override(doc *value, setting string) error {
	path, text, ok := strings.Cut(setting, "=")
	if !ok || path == "" {
		return doc.fail("INVALID_SETTING", "--set %s: want a.b=c", setting)
	}
	v := doc
	rest := path
	for {
		// Keys may hold dots themselves: the longest one that is there wins.
		if k := v.longest(rest); k >= 0 && v.kind == mapping {
			key := v.keys[k].text
			if rest == key {
				v.values[k] = &value{file: "--set", line: 0, kind: scalar, text: text, quoted: true}
				return nil
			}
			v, rest = v.values[k], rest[len(key)+1:]
			continue
		}
		if v.kind != mapping {
			return doc.fail("INVALID_SETTING", "--set %s: %s is %s", setting, strings.TrimSuffix(path, "."+rest), v.kind)
		}
		key, more, nested := strings.Cut(rest, ".")
		if v.text == "" && (isOptions(path, rest)) {
			key, nested = rest, false
		}
		child := &value{file: "--set", kind: scalar, text: text, quoted: true}
		if nested {
			child = &value{file: "--set", kind: mapping}
		}
		v.keys = append(v.keys, &value{file: "--set", kind: scalar, text: key})
		v.values = append(v.values, child)
		if !nested {
			return nil
		}
		v, rest = child, more
	}
}

// isOptions reports whether what is left of the path is the name of an option,
// which may hold dots.
func isOptions(path, rest string) bool {
	before := strings.TrimSuffix(path, rest)
	for _, holder := range []string{"options.", "configuration.", "properties."} {
		if strings.HasSuffix(before, holder) {
			return true
		}
	}
	return false
}

func (v *value) longest(path string) int {
	best := -1
	for i, k := range v.keys {
		if (path == k.text || strings.HasPrefix(path, k.text+".")) && (best < 0 || len(k.text) > len(v.keys[best].text)) {
			best = i
		}
	}
	return best
}
