package flowfile

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/deltaic/deltaic/supervision"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// Limits of a flow file: what comes from outside is bounded.
const (
	MaxBytes = 1 << 20
	maxDepth = 32
	maxWords = 20_000 // keys, values and what stands between them: the parser's time grows with their square
	maxSteps = 1000   // verbs, sources and sinks of a flow
)

// kind is what a value is.
type kind uint8

const (
	scalar kind = iota
	mapping
	sequence
	null
)

func (k kind) String() string {
	return [...]string{"a value", "a mapping", "a list", "nothing"}[k]
}

// value is a node of the document, with its place.
type value struct {
	file         string
	line, column int
	kind         kind
	text         string // scalar
	quoted       bool   // scalar: written as a string
	keys         []*value
	values       []*value // by key, or the items of a list
}

func (v *value) fail(class, format string, args ...any) *supervision.Failure {
	f := supervision.New(supervision.Fatal, class, format, args...)
	f.Path, f.Line, f.Column = v.file, v.line, v.column
	return f
}

// get returns the value of a key, nil if it is not there.
func (v *value) get(key string) *value {
	for i, k := range v.keys {
		if k.text == key {
			return v.values[i]
		}
	}
	return nil
}

// documents parses the text into one value per document.
func documents(file string, text []byte) ([]*value, error) {
	if len(text) > MaxBytes {
		f := supervision.New(supervision.Fatal, "INVALID_FLOW_FILE", "the file has more than %d bytes; a flow file has not", MaxBytes)
		f.Path = file
		return nil, f
	}
	if err := shallow(file, text); err != nil {
		return nil, err
	}
	words := lexer.Tokenize(string(text))
	if err := few(file, words); err != nil {
		return nil, err
	}
	parsed, err := parser.Parse(words, 0)
	if err != nil {
		return nil, syntax(file, err)
	}
	var docs []*value
	for _, d := range parsed.Docs {
		if d.Body == nil {
			continue
		}
		v, err := (&reader{file: file}).node(d.Body, 0)
		if err != nil {
			return nil, err
		}
		if v.kind != null {
			docs = append(docs, v)
		}
	}
	return docs, nil
}

// shallow refuses text that nests too deep before the parser recurses into it.
func shallow(file string, text []byte) error {
	depth, line := 0, 1
	for _, c := range text {
		switch c {
		case '[', '{':
			depth++
		case ']', '}':
			depth = max(0, depth-1)
		case '\n':
			line++
		}
		if depth > 4*maxDepth {
			return &supervision.Failure{Kind: supervision.Fatal, Class: "INVALID_FLOW_FILE", Path: file, Line: line, Message: "brackets are nested too deep"}
		}
	}
	return nil
}

// few refuses text of too many words, and lists within lists on one line, which no bracket opens.
func few(file string, words token.Tokens) error {
	opened := 0
	for i, w := range words {
		if w.Type == token.SequenceEntryType || w.Type == token.MappingKeyType {
			opened++
		} else {
			opened = 0
		}
		f := &supervision.Failure{Kind: supervision.Fatal, Class: "INVALID_FLOW_FILE", Path: file, Line: w.Position.Line}
		switch {
		case opened > maxDepth:
			f.Message = fmt.Sprintf("nested more than %d deep", maxDepth)
			return f
		case i >= maxWords:
			f.Message = fmt.Sprintf("the file has more than %d keys and values", maxWords)
			f.Hint = "a flow of its own may stand in a file of its own"
			return f
		}
	}
	return nil
}

func syntax(file string, err error) error {
	f := &supervision.Failure{Kind: supervision.Fatal, Class: "INVALID_FLOW_FILE", Path: file, Line: 1, Message: "this is not YAML"}
	text := err.Error()
	var line, column int
	if n, _ := fmt.Sscanf(text, "[%d:%d]", &line, &column); n == 2 {
		f.Line, f.Column = line, column
		_, text, _ = strings.Cut(text, "] ")
	}
	first, _, _ := strings.Cut(text, "\n")
	f.Message = first
	return f
}

type reader struct{ file string }

func (r *reader) at(t *token.Token) *value {
	v := &value{file: r.file, line: 1, column: 1}
	if t != nil && t.Position != nil {
		v.line, v.column = t.Position.Line, t.Position.Column
	}
	return v
}

func (r *reader) node(n ast.Node, depth int) (*value, error) {
	v := r.at(n.GetToken())
	if depth > maxDepth {
		return nil, v.fail("INVALID_FLOW_FILE", "nested more than %d deep", maxDepth)
	}
	switch n := n.(type) {
	case *ast.MappingNode:
		return r.mapping(v, n.Values, depth)
	case *ast.MappingValueNode:
		return r.mapping(v, []*ast.MappingValueNode{n}, depth)
	case *ast.SequenceNode:
		v.kind = sequence
		for _, item := range n.Values {
			c, err := r.node(item, depth+1)
			if err != nil {
				return nil, err
			}
			v.values = append(v.values, c)
		}
		return v, nil
	case *ast.NullNode:
		v.kind = null
		return v, nil
	case *ast.StringNode:
		v.text, v.quoted = n.Value, true
		return v, nil
	case *ast.LiteralNode:
		v.text, v.quoted = n.Value.Value, true
		return v, nil
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		v.text = n.GetToken().Value
		return v, nil
	}
	return nil, v.fail("INVALID_FLOW_FILE", "anchors, tags and merge keys are not used in flow files")
}

func (r *reader) mapping(v *value, entries []*ast.MappingValueNode, depth int) (*value, error) {
	v.kind = mapping
	if len(entries) > 0 {
		first := r.at(entries[0].Key.GetToken())
		v.line, v.column = first.line, first.column
	}
	for _, e := range entries {
		k := r.at(e.Key.GetToken())
		switch key := e.Key.(type) {
		case *ast.StringNode:
			k.text = key.Value
		case *ast.IntegerNode, *ast.BoolNode, *ast.NullNode:
			k.text = e.Key.GetToken().Value
		default:
			return nil, k.fail("INVALID_FLOW_FILE", "a key must be a plain word")
		}
		if v.get(k.text) != nil {
			return nil, k.fail("INVALID_FLOW_FILE", "the key %q stands here twice", k.text)
		}
		c, err := r.node(e.Value, depth+1)
		if err != nil {
			return nil, err
		}
		v.keys, v.values = append(v.keys, k), append(v.values, c)
	}
	return v, nil
}

// str returns the scalar's text.
func (v *value) str(what string) (string, error) {
	if v.kind != scalar {
		return "", v.fail("INVALID_FLOW_FILE", "%s is %s; a value is wanted", what, v.kind)
	}
	return v.text, nil
}

// strs returns a list's texts; a single value is a list of one.
func (v *value) strs(what string) ([]string, error) {
	if v.kind == scalar {
		return []string{v.text}, nil
	}
	if v.kind != sequence {
		return nil, v.fail("INVALID_FLOW_FILE", "%s is %s; a list is wanted", what, v.kind)
	}
	var out []string
	for _, item := range v.values {
		s, err := item.str("an item of " + what)
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, nil
}

// options returns a mapping's texts by key.
func (v *value) options(what string) (map[string]string, error) {
	if v.kind != mapping {
		return nil, v.fail("INVALID_FLOW_FILE", "%s is %s; a mapping is wanted", what, v.kind)
	}
	out := map[string]string{}
	for i, k := range v.keys {
		if v.values[i].kind == null {
			out[k.text] = ""
			continue
		}
		s, err := v.values[i].str(what + "." + k.text)
		if err != nil {
			return nil, err
		}
		out[k.text] = s
	}
	return out, nil
}

func (v *value) integer(what string) (int, error) {
	s, err := v.str(what)
	if err != nil {
		return 0, err
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		return 0, v.fail("INVALID_FLOW_FILE", "%s is %q; a whole number is wanted", what, s)
	}
	return n, nil
}

// only refuses keys that are not known.
func (v *value) only(what string, known ...string) error {
	if v.kind != mapping {
		return v.fail("INVALID_FLOW_FILE", "%s is %s; a mapping is wanted", what, v.kind)
	}
	for _, k := range v.keys {
		if !contains(known, k.text) {
			f := k.fail("UNKNOWN_KEY", "%s has no key %.100q", what, k.text)
			if near := nearest(k.text, known); near != "" {
				f.Hint = fmt.Sprintf("did you mean %q?", near)
			} else {
				f.Hint = "known keys: " + strings.Join(known, ", ")
			}
			return f
		}
	}
	return nil
}

func contains(list []string, s string) bool {
	for _, l := range list {
		if l == s {
			return true
		}
	}
	return false
}

// Nearest returns the known word with the fewest edits from s, letter case ignored; "" if none is near.
func Nearest(s string, known []string) string { return nearest(s, known) }

// longestWord is the longest that a suggestion is looked for.
const longestWord = 200

// nearest returns the known word with the fewest edits from s, "" if none is
// near.
func nearest(s string, known []string) string {
	best, least := "", len(s)/2+1
	if len(s) > longestWord {
		return ""
	}
	for _, k := range known {
		if d := distance(strings.ToLower(s), strings.ToLower(k)); d < least {
			best, least = k, d
		}
	}
	return best
}

func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
