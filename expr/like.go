package expr

import (
	"bytes"
	"strings"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr/parse"
	"github.com/deltaic/deltaic/expr/regex"
)

// like binds LIKE, ILIKE and RLIKE.
func (b *binder) like(n *parse.Like) (*node, error) {
	nodes, err := b.bindAll([]parse.Node{n.X, n.Pattern})
	if err != nil {
		return nil, err
	}
	for i, at := range []parse.Node{n.X, n.Pattern} {
		if nodes[i], err = b.implicit(nodes[i], batch.StringType, at); err != nil {
			return nil, err
		}
	}
	escape := `\`
	if n.Escape != "" {
		escape = n.Escape
	}
	out, err := b.match(n.Op, n, nodes[0], nodes[1], escape)
	if err == nil && n.Not {
		out = b.intern(b.call("not", batch.BooleanType, notKernel, out), "")
	}
	return out, err
}

// textTest is what LIKE and its like ask of a text.
type textTest struct {
	like  likePattern
	lower bool         // of the text in lower case
	re    *regex.Regex // where like is nil
}

// open returns the test for one goroutine, to be closed.
func (t *textTest) open() (test func(s []byte) bool, done func()) {
	if t.re != nil {
		m := t.re.Machine()
		return m.Match, m.Release
	}
	if !t.lower {
		return t.like.match, func() {}
	}
	var lowered []byte
	return func(s []byte) bool {
		lowered = lower(lowered[:0], s)
		return t.like.match(lowered)
	}, func() {}
}

// match binds x LIKE pattern; a pattern that is no constant is compiled when it is another one than in the row before.
func (b *binder) match(op string, at parse.Node, x, pattern *node, escape string) (*node, error) {
	k := matchEach(op, escape)
	text, fixed := stringConstant(pattern)
	if fixed {
		test, err := newTextTest(op, []byte(text), escape)
		if err != nil {
			return nil, b.fail(at, patternClass(op), "the pattern %q: %v", clip(text), err)
		}
		k = matchFixed(test)
	}
	n := b.call(strings.ToLower(op), batch.BooleanType, k, x, pattern)
	n.perEntry = fixed
	n.fails = !fixed
	return b.intern(n, escape), nil
}

func matchFixed(t *textTest) kernel {
	return func(r *run, sel []int32, a []val) (*batch.Column, error) {
		out := r.new(batch.BooleanType)
		r.copyNulls(out, a...)
		test, done := t.open()
		defer done()
		x := textsOf(a[0])
		r.each(sel, func(i int) {
			if !out.IsNull(i) && test(x.at(i)) {
				out.Bits.Set(i)
			}
		})
		return out, nil
	}
}

func matchEach(op, escape string) kernel {
	return func(r *run, sel []int32, a []val) (*batch.Column, error) {
		var last []byte
		var test func([]byte) bool
		done := func() {}
		defer func() { done() }()
		var failed error
		return strict(batch.BooleanType, func(x *rows, i int) {
			if p := x.str(1, i); test == nil && failed == nil || !bytes.Equal(p, last) {
				last = append(last[:0], p...)
				done()
				test, done = nil, func() {}
				var t *textTest
				if t, failed = newTextTest(op, p, escape); failed == nil {
					test, done = t.open()
				}
			}
			if failed != nil {
				x.fail(i, patternClass(op), failed.Error(), last)
				return
			}
			x.b.Bool(test(x.str(0, i)))
		})(r, sel, a)
	}
}

// patternClass is the class of an error in a pattern.
func patternClass(op string) string {
	if op == "RLIKE" {
		return "INVALID_PARAMETER_VALUE.PATTERN"
	}
	return "INVALID_FORMAT"
}

func newTextTest(op string, pattern []byte, escape string) (*textTest, error) {
	if op == "RLIKE" {
		re, err := compileRegex(string(pattern))
		return &textTest{re: re}, err
	}
	if len(pattern) > maxRegex {
		return nil, patternError("a pattern of more than 10000 bytes")
	}
	folds := op == "ILIKE" // which is LIKE of both in lower case
	if folds {
		pattern = lower(nil, pattern)
	}
	like, err := newLikePattern(pattern, escape)
	return &textTest{like: like, lower: folds}, err
}

type patternError string

func (e patternError) Error() string { return string(e) }
