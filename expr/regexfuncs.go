package expr

import (
	"fmt"
	"strings"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr/parse"
	"github.com/deltaic/deltaic/expr/regex"
)

func defineRegex() {
	define("split", "split(s, regex[, limit])", "The parts of the text between matches; a positive limit bounds their number.", "split('a1b2c', '[0-9]')", "[a, b, c]", 2, 3, split)
	define("regexp_extract", "regexp_extract(s, regex[, group])", "What a group of the first match holds; empty if there is none.", "regexp_extract('100-200', '(\\\\d+)-(\\\\d+)', 1)", "100", 2, 3, regexpExtract)
	define("regexp_count", "regexp_count(s, regex)", "How many matches the text has.", "regexp_count('a1b2c', '[0-9]')", "2", 2, 2, regexpCount)
	define("regexp_replace", "regexp_replace(s, regex, by)", "The text with every match replaced; $1 is group 1.", "regexp_replace('100-200', '\\\\d+', 'n')", "n-n", 3, 3, regexpReplace)
	define("regexp_like", "regexp_like(s, regex)", "Whether the text has a match.", "regexp_like('abc', 'b+')", "true", 2, 2,
		func(b *binder, c *parse.Call, args []*node) (*node, error) {
			if err := b.to(batch.StringType, c, args, 0, 1); err != nil {
				return nil, err
			}
			return b.match("RLIKE", c, args[0], args[1], "")
		})
	also("regexp_like", "rlike", "regexp")
	for _, name := range []string{"like", "ilike"} {
		define(name, name+"(s, pattern[, escape])", "s "+strings.ToUpper(name)+" pattern.", name+"('abc', 'a%')", "true", 2, 3,
			func(b *binder, c *parse.Call, args []*node) (*node, error) {
				if err := b.to(batch.StringType, c, args, 0, 1); err != nil {
					return nil, err
				}
				escape := `\`
				if len(args) == 3 {
					text, ok := stringConstant(args[2])
					if !ok || len([]rune(text)) != 1 {
						return nil, b.fail(c.Args[2], "INVALID_ESCAPE_CHAR", "the escape is one character, a constant")
					}
					escape = text
				}
				return b.match(strings.ToUpper(name), c, args[0], args[1], escape)
			})
	}
}

// regex compiles a constant pattern.
func (b *binder) regex(c *parse.Call, n *node) (*regex.Regex, error) {
	text, ok := stringConstant(n)
	if !ok {
		return nil, b.fail(c.Args[1], "NON_FOLDABLE_ARGUMENT", "the pattern of %s is a string constant", strings.ToLower(c.Name))
	}
	re, err := compileRegex(text)
	if err != nil {
		return nil, b.fail(c.Args[1], "INVALID_PARAMETER_VALUE.PATTERN", "the pattern %q: %v", clip(text), err)
	}
	return re, nil
}

func split(b *binder, c *parse.Call, args []*node) (*node, error) {
	if err := b.to(batch.StringType, c, args, 0, 1); err != nil {
		return nil, err
	}
	limit := int64(-1)
	if len(args) == 3 {
		v, ok := args[2].wholeConstant()
		if !ok {
			return nil, b.fail(c.Args[2], "NON_FOLDABLE_ARGUMENT", "the limit of split is an integer constant")
		}
		limit = v
	}
	re, err := b.regex(c, args[1])
	if err != nil {
		return nil, err
	}
	t := batch.ArrayType(batch.StringType, false)
	n := b.call("split", t, matching(t, re, func(x *rows, m *regex.Machine, i int) {
		s := x.str(0, i)
		x.at = parts(x.at[:0], m, s, int(limit))
		for k := 0; k < len(x.at); k += 2 {
			x.b.Kids[0].Bytes(s[x.at[k]:x.at[k+1]])
		}
		x.b.List()
	}), args[0])
	return b.intern(n, fmt.Sprintf("%q %d", re, limit)), nil
}

func regexpExtract(b *binder, c *parse.Call, args []*node) (*node, error) {
	if err := b.to(batch.StringType, c, args, 0, 1); err != nil {
		return nil, err
	}
	group := int64(1)
	if len(args) == 3 {
		v, ok := args[2].wholeConstant()
		if !ok {
			return nil, b.fail(c.Args[2], "NON_FOLDABLE_ARGUMENT", "the group of regexp_extract is an integer constant")
		}
		group = v
	}
	re, err := b.regex(c, args[1])
	if err != nil {
		return nil, err
	}
	if group < 0 || group > int64(re.NumGroups()) {
		return nil, b.fail(c, "INVALID_PARAMETER_VALUE.REGEX_GROUP_INDEX", "the pattern has groups 0 to %d, not %d", re.NumGroups(), group)
	}
	n := b.call("regexp_extract", batch.StringType, matching(batch.StringType, re, func(x *rows, m *regex.Machine, i int) {
		s := x.str(0, i)
		start, end := m.Find(s)
		if start >= 0 && group > 0 {
			x.at = m.Groups(x.at[:0], s, start, end)
			start, end = x.at[2*group], x.at[2*group+1]
		}
		if start < 0 {
			x.b.Bytes(nil)
			return
		}
		x.b.Bytes(s[start:end])
	}), args[0])
	n.perEntry = true
	return b.intern(n, fmt.Sprintf("%q %d", re, group)), nil
}

func regexpCount(b *binder, c *parse.Call, args []*node) (*node, error) {
	if err := b.to(batch.StringType, c, args, 0, 1); err != nil {
		return nil, err
	}
	re, err := b.regex(c, args[1])
	if err != nil {
		return nil, err
	}
	n := b.call("regexp_count", batch.IntType, matching(batch.IntType, re, func(x *rows, m *regex.Machine, i int) {
		x.at = m.All(x.at[:0], x.str(0, i), -1)
		x.b.Int32(int32(len(x.at) / 2))
	}), args[0])
	n.perEntry = true
	return b.intern(n, fmt.Sprintf("%q", re)), nil
}

func regexpReplace(b *binder, c *parse.Call, args []*node) (*node, error) {
	if err := b.to(batch.StringType, c, args, 0, 1, 2); err != nil {
		return nil, err
	}
	re, err := b.regex(c, args[1])
	if err != nil {
		return nil, err
	}
	by, ok := stringConstant(args[2])
	if !ok {
		return nil, b.fail(c.Args[2], "NON_FOLDABLE_ARGUMENT", "the replacement of regexp_replace is a string constant")
	}
	template, err := newReplacement(by, re)
	if err != nil {
		return nil, b.fail(c.Args[2], invalidParameter, "the replacement %q: %v", clip(by), err)
	}
	n := b.call("regexp_replace", batch.StringType, matching(batch.StringType, re, func(x *rows, m *regex.Machine, i int) {
		s := x.str(0, i)
		if len(s) > 0 && len(by) > maxText/len(s) {
			x.fail(i, "COLLECTION_SIZE_LIMIT_EXCEEDED", fmt.Sprintf("the result could be larger than %d bytes", maxText), nil)
			return
		}
		x.at = m.All(x.at[:0], s, -1)
		x.bytes(template.replace(x.buf[:0], x, m, s))
	}), args[0])
	n.fails = true
	return b.intern(n, fmt.Sprintf("%q %q", re, by)), nil
}

// replacement is what takes the place of a match: literals and groups in turn, a literal first and last.
type replacement []replacementPiece

type replacementPiece struct {
	literal []byte
	group   int
}

// newReplacement reads Java's replacement: $1 is a group, of as many digits as there are groups for, ${name} one by its name, and
// \ takes what follows as it is.
func newReplacement(s string, re *regex.Regex) (replacement, error) {
	var out replacement
	var literal []byte
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' && s[i] != '$' {
			literal = append(literal, s[i])
			continue
		}
		if s[i] == '\\' {
			if i++; i == len(s) {
				return nil, patternError(`a \ at the end; a literal one is \\`)
			}
			literal = append(literal, s[i])
			continue
		}
		group, width, err := replacementGroup(s[i+1:], re)
		if err != nil {
			return nil, err
		}
		i += width
		out = append(out, replacementPiece{literal: literal}, replacementPiece{group: group})
		literal = nil
	}
	return append(out, replacementPiece{literal: literal}), nil
}

// replacementGroup reads which group is meant behind a $, and in how many bytes that is said.
func replacementGroup(s string, re *regex.Regex) (group, width int, err error) {
	digit := func(k int) bool { return k < len(s) && s[k] >= '0' && s[k] <= '9' }
	switch {
	case strings.HasPrefix(s, "{"):
		name, _, closed := strings.Cut(s[1:], "}")
		if group = re.Group(name); !closed || group < 0 {
			return 0, 0, patternError(fmt.Sprintf(`the pattern has no group ${%s}; a literal $ is \$`, clip(name)))
		}
		return group, len(name) + 2, nil
	case !digit(0):
		return 0, 0, patternError(`a $ without a group behind it; a literal $ is \$`)
	}
	group, width = int(s[0]-'0'), 1
	for digit(width) && group*10+int(s[width]-'0') <= re.NumGroups() {
		group = group*10 + int(s[width]-'0')
		width++
	}
	if group > re.NumGroups() {
		return 0, 0, patternError(fmt.Sprintf(`the pattern has groups 0 to %d, not $%d; a literal $ is \$`, re.NumGroups(), group))
	}
	return group, width, nil
}

// replace appends the text with its matches, which are in x.at, replaced.
func (p replacement) replace(dst []byte, x *rows, m *regex.Machine, s []byte) []byte {
	from := 0
	for k := 0; k < len(x.at); k += 2 {
		start, end := x.at[k], x.at[k+1]
		dst = append(dst, s[from:start]...)
		from = end
		if len(p) > 1 {
			x.groups = m.Groups(x.groups[:0], s, start, end)
		}
		for n, piece := range p {
			if n%2 == 0 {
				dst = append(dst, piece.literal...)
			} else if g := 2 * piece.group; g+1 < len(x.groups) && x.groups[g] >= 0 {
				dst = append(dst, s[x.groups[g]:x.groups[g+1]]...)
			}
		}
	}
	return append(dst, s[from:]...)
}
