package expr

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr/parse"
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
func (b *binder) regex(c *parse.Call, n *node) (*regexp.Regexp, error) {
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
	literal, plain := re.LiteralPrefix()
	t := batch.ArrayType(batch.StringType, false)
	n := b.call("split", t, strict(t, func(x *rows, i int) {
		s := x.str(0, i)
		out := x.b.Kids[0]
		for k := int64(1); limit <= 0 || k < limit; k++ {
			var at []int
			if plain && literal != "" {
				found := strings.Index(text(s), literal)
				if found < 0 {
					break
				}
				out.Bytes(s[:found])
				s = s[found+len(literal):]
				continue
			}
			if at = re.FindIndex(s); at == nil {
				break
			}
			if at[1] == 0 { // an empty match splits between characters
				if len(s) == 0 {
					break
				}
				first := len(cutRunes(s, 0, 1))
				if first == len(s) {
					break
				}
				out.Bytes(s[:first])
				s = s[first:]
				continue
			}
			out.Bytes(s[:at[0]])
			s = s[at[1]:]
		}
		out.Bytes(s)
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
	if group < 0 || group > int64(re.NumSubexp()) {
		return nil, b.fail(c, "INVALID_PARAMETER_VALUE.REGEX_GROUP_INDEX", "the pattern has groups 0 to %d, not %d", re.NumSubexp(), group)
	}
	find := newFinder(re)
	n := b.call("regexp_extract", batch.StringType, strict(batch.StringType, func(x *rows, i int) {
		s := x.str(0, i)
		m := find.find(s)
		if m == nil || m[2*group] < 0 {
			x.b.Bytes(nil)
			return
		}
		x.b.Bytes(s[m[2*group]:m[2*group+1]])
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
	literal, plain := re.LiteralPrefix()
	n := b.call("regexp_count", batch.IntType, strict(batch.IntType, func(x *rows, i int) {
		if plain && literal != "" {
			x.b.Int32(int32(strings.Count(text(x.str(0, i)), literal)))
			return
		}
		x.b.Int32(int32(len(re.FindAllIndex(x.str(0, i), -1))))
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
	template := goTemplate(by)
	n := b.call("regexp_replace", batch.StringType, strict(batch.StringType, func(x *rows, i int) {
		s := x.str(0, i)
		if len(s) > 0 && len(template) > maxText/len(s) {
			x.fail(i, "COLLECTION_SIZE_LIMIT_EXCEEDED", fmt.Sprintf("the result could be larger than %d bytes", maxText), nil)
			return
		}
		x.b.Bytes(re.ReplaceAll(s, template))
	}), args[0])
	n.fails = true
	return b.intern(n, fmt.Sprintf("%q %q", re, by)), nil
}

// goTemplate turns Java's replacement ($1, \$) into Go's (${1}, $$).
func goTemplate(s string) []byte {
	var out []byte
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\' && i+1 < len(s):
			i++
			if s[i] == '$' {
				out = append(out, '$')
			}
			out = append(out, s[i])
		case c == '$' && i+1 < len(s) && s[i+1] >= '0' && s[i+1] <= '9':
			j := i + 1
			for j < len(s) && s[j] >= '0' && s[j] <= '9' {
				j++
			}
			out = append(out, '$', '{')
			out = append(append(out, s[i+1:j]...), '}')
			i = j - 1
		case c == '$':
			out = append(out, '$', '$')
		default:
			out = append(out, c)
		}
	}
	return out
}
