package expr

import (
	"fmt"
	"strings"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr/parse"
)

func init() {
	list := batch.ArrayType(batch.StringType, true)
	regexFunction("regexp_substr", "regexp_substr(s, regex)", "The first match; null if there is none.", `regexp_substr('Steven Jones and Stephen Smith', 'Ste(v|ph)en')`, "Steven", batch.StringType, 2,
		func(x *rows, i int, r cachedPattern, group int) {
			if m := r.re.Find(x.str(0, i)); len(m) > 0 {
				x.b.Bytes(m)
			} else {
				x.b.Null()
			}
		})
	regexFunction("regexp_instr", "regexp_instr(s, regex[, group])", "Where the first match begins, from 1; 0 if there is none.", `regexp_instr('user@spark.apache.org', '@[^.]*')`, "5", batch.IntType, 3,
		func(x *rows, i int, r cachedPattern, group int) {
			s := x.str(0, i)
			if m := r.re.FindIndex(s); m != nil {
				x.b.Int32(int32(len([]rune(string(s[:m[0]]))) + 1))
			} else {
				x.b.Int32(0)
			}
		})
	regexFunction("regexp_extract_all", "regexp_extract_all(s, regex[, group])", "What a group of each match holds.", `regexp_extract_all('100-200, 300-400', '([0-9]+)-([0-9]+)', 1)`, "[100, 300]", list, 3,
		func(x *rows, i int, r cachedPattern, group int) {
			s := x.str(0, i)
			for _, m := range r.re.FindAllSubmatchIndex(s, -1) {
				if m[2*group] < 0 {
					x.b.Kids[0].Bytes(nil)
				} else {
					x.b.Kids[0].Bytes(s[m[2*group]:m[2*group+1]])
				}
			}
			x.b.List()
		})
}

// regexFunction defines a function of a text, a regex and maybe a group, all of which may differ from row to row.
func regexFunction(name, signature, doc, example, result string, t batch.Type, most int, f func(x *rows, i int, r cachedPattern, group int)) {
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
			} else if re.NumSubexp() == 0 && t.Kind != batch.Array {
				group = 0
			}
			if t.Kind == batch.Array && (group < 0 || group > re.NumSubexp()) {
				x.fail(i, "INVALID_PARAMETER_VALUE.REGEX_GROUP_INDEX", fmt.Sprintf("the pattern has groups 0 to %d, not %d", re.NumSubexp(), group), nil)
				return
			}
			f(x, i, cachedPattern{re: re}, group)
		}))(b, c, args)
	})
}
