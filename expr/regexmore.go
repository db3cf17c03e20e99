package expr

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr/parse"
	"github.com/deltaic/deltaic/expr/regex"
)

func init() {
	list := batch.ArrayType(batch.StringType, true)
	regexFunction("regexp_substr", "regexp_substr(s, regex)", "The first match; null if there is none.", `regexp_substr('Steven Jones and Stephen Smith', 'Ste(v|ph)en')`, "Steven", batch.StringType, 2,
		func(x *rows, i int, m *regex.Machine, group int) {
			s := x.str(0, i)
			if start, end := m.Find(s); end > start {
				x.b.Bytes(s[start:end])
			} else {
				x.b.Null()
			}
		})
	regexFunction("regexp_instr", "regexp_instr(s, regex[, group])", "Where the first match begins, from 1; 0 if there is none.", `regexp_instr('user@spark.apache.org', '@[^.]*')`, "5", batch.IntType, 3,
		func(x *rows, i int, m *regex.Machine, group int) {
			s := x.str(0, i)
			if start, _ := m.Find(s); start >= 0 {
				x.b.Int32(int32(utf8.RuneCount(s[:start]) + 1))
			} else {
				x.b.Int32(0)
			}
		})
	regexFunction("regexp_extract_all", "regexp_extract_all(s, regex[, group])", "What a group of each match holds.", `regexp_extract_all('100-200, 300-400', '([0-9]+)-([0-9]+)', 1)`, "[100, 300]", list, 3,
		func(x *rows, i int, m *regex.Machine, group int) {
			s := x.str(0, i)
			x.at = m.All(x.at[:0], s, -1)
			for k := 0; k < len(x.at); k += 2 {
				x.groups = append(x.groups[:0], x.at[k], x.at[k+1])
				if group > 0 {
					x.groups = m.Groups(x.groups[:0], s, x.at[k], x.at[k+1])[2*group:]
				}
				if x.groups[0] < 0 {
					x.b.Kids[0].Bytes(nil)
				} else {
					x.b.Kids[0].Bytes(s[x.groups[0]:x.groups[1]])
				}
			}
			x.b.List()
		})
}

// regexFunction defines a function of a text, a regex and maybe a group, all of which may differ from row to row.
func regexFunction(name, signature, doc, example, result string, t batch.Type, most int, f func(x *rows, i int, m *regex.Machine, group int)) {
	define(name, signature, doc, example, result, 2, most, func(b *binder, c *parse.Call, args []*node) (*node, error) {
		var patterns patternCache
		return eager(t, []batch.Type{batch.StringType, batch.StringType, batch.IntType}, true, strict(t, func(x *rows, i int) {
			re, err := patterns.of(x.str(1, i))
			if err != nil {
				x.fail(i, "INVALID_PARAMETER_VALUE.PATTERN", fmt.Sprintf("the pattern of %s: %v", strings.ToLower(c.Name), err), x.str(1, i))
				return
			}
			group := 1
			if len(x.a) == 3 {
				group = int(x.i32(2, i))
			} else if re.NumGroups() == 0 && t.Kind != batch.Array {
				group = 0
			}
			if t.Kind == batch.Array && (group < 0 || group > re.NumGroups()) {
				x.fail(i, "INVALID_PARAMETER_VALUE.REGEX_GROUP_INDEX", fmt.Sprintf("the pattern has groups 0 to %d, not %d", re.NumGroups(), group), nil)
				return
			}
			m := re.Machine()
			f(x, i, m, group)
			m.Release()
		}))(b, c, args)
	})
}
