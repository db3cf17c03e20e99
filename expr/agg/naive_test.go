package agg_test

import (
	"cmp"
	"fmt"
	"math"
	"math/big"
	"slices"
	"strings"

	"github.com/deltaic/deltaic/batch"
)

// model is each aggregate said naively: the JSON of its result over a group.
var model = map[string]func([]row) string{
	"count(*) AS n":     func(r []row) string { return fmt.Sprint(len(r)) },
	"count(long) AS nl": func(r []row) string { return fmt.Sprint(len(longs(r))) },
	"count(long, text) AS nlt": func(r []row) string {
		return fmt.Sprint(count(r, func(r row) bool { return r.long != nil && r.text != nil }))
	},
	"count(*) FILTER (WHERE flag) AS nf": func(r []row) string { return fmt.Sprint(count(r, flagged)) },
	"sum(long) AS sl":                    func(r []row) string { return decimalOf(sum(longs(r)), 0, 0, len(longs(r))) },
	"sum(word) AS sw":                    func(r []row) string { return decimalOf(sum(words(r)), 0, 0, len(r)) },
	"sum(long) FILTER (WHERE flag AND word > 0) AS slf": func(r []row) string {
		l := longs(slices.DeleteFunc(slices.Clone(r), func(r row) bool { return !flagged(r) || r.word <= 0 }))
		return decimalOf(sum(l), 0, 0, len(l))
	},
	"avg(long) AS al":            func(r []row) string { return meanOf(sum(longs(r)), len(longs(r))) },
	"avg(word) AS aw":            func(r []row) string { return meanOf(sum(words(r)), len(r)) },
	"sum(real) AS sr":            func(r []row) string { return realJSON(r, func(s float64, n int) float64 { return s }) },
	"avg(real) AS ar":            func(r []row) string { return realJSON(r, func(s float64, n int) float64 { return s / float64(n) }) },
	"sum(cash) AS sc":            func(r []row) string { return decimalOf(sum(cashes(r)), 2, 2, len(cashes(r))) },
	"avg(cash) AS ac":            func(r []row) string { return decimalOf(sum(cashes(r)), 2, 6, len(cashes(r))) },
	"sum(wide) AS sx":            func(r []row) string { return decimalOf(sum(wides(r)), 3, 3, len(wides(r))) },
	"avg(wide) AS ax":            func(r []row) string { return decimalOf(sum(wides(r)), 3, 7, len(wides(r))) },
	"min(long) AS ml":            func(r []row) string { return extreme(longs(r), -1, 0) },
	"max(long) AS xl":            func(r []row) string { return extreme(longs(r), 1, 0) },
	"max(word) AS xw":            func(r []row) string { return extreme(words(r), 1, 0) },
	"min(cash) AS mc":            func(r []row) string { return extreme(cashes(r), -1, 2) },
	"min(wide) AS mx":            func(r []row) string { return extreme(wides(r), -1, 3) },
	"max(wide) AS xx":            func(r []row) string { return extreme(wides(r), 1, 3) },
	"min(real) AS mr":            func(r []row) string { return extremeReal(r, -1) },
	"max(real) AS xr":            func(r []row) string { return extremeReal(r, 1) },
	"min(text) AS mt":            func(r []row) string { return extremeText(r, -1) },
	"max(text) AS xt":            func(r []row) string { return extremeText(r, 1) },
	"min(flag) AS mf":            func(r []row) string { return extremeFlag(r, false) },
	"max(flag) AS xf":            func(r []row) string { return extremeFlag(r, true) },
	"count(DISTINCT word) AS dw": func(r []row) string { return fmt.Sprint(len(unique(words(r)))) },
	"count(DISTINCT text) AS dt": func(r []row) string { return fmt.Sprint(len(texts(r))) },
	"count(DISTINCT text) FILTER (WHERE flag) AS dtf": func(r []row) string {
		return fmt.Sprint(len(texts(slices.DeleteFunc(slices.Clone(r), func(r row) bool { return !flagged(r) }))))
	},
	"count(DISTINCT text, word) AS dtw": func(r []row) string {
		seen := map[string]bool{}
		for _, r := range r {
			if r.text != nil {
				seen[fmt.Sprint(*r.text, "|", r.word)] = true
			}
		}
		return fmt.Sprint(len(seen))
	},
	"sum(DISTINCT word) AS sdw": func(r []row) string { return decimalOf(sum(unique(words(r))), 0, 0, len(r)) },
	"sum(DISTINCT cash) AS sdc": func(r []row) string { return decimalOf(sum(unique(cashes(r))), 2, 2, len(cashes(r))) },
	"avg(DISTINCT word) FILTER (WHERE flag) AS adw": func(r []row) string {
		l := unique(words(slices.DeleteFunc(slices.Clone(r), func(r row) bool { return !flagged(r) })))
		return meanOf(sum(l), len(l))
	},
	"min(DISTINCT word) AS mdw": func(r []row) string { return extreme(words(r), -1, 0) },
	"count_if(word > 0) FILTER (WHERE flag) AS ci": func(r []row) string {
		return fmt.Sprint(count(r, func(r row) bool { return r.word > 0 && flagged(r) }))
	},
	"bool_and(flag) AS ba":    func(r []row) string { return extremeFlag(r, false) },
	"some(flag) AS bo":        func(r []row) string { return extremeFlag(r, true) },
	"var_pop(word) AS vp":     func(r []row) string { return rounded(variance(r, 0)) },
	"stddev(word) AS ss":      func(r []row) string { return rounded(root(variance(r, 1))) },
	"variance(word) AS vs":    func(r []row) string { return rounded(variance(r, 1)) },
	"stddev_pop(word) AS sp":  func(r []row) string { return rounded(root(variance(r, 0))) },
	"first(text) AS ft":       func(r []row) string { return textOf(r[0]) },
	"first(text, true) AS fi": func(r []row) string { return textOf(append(slices.DeleteFunc(slices.Clone(r), noText), row{})[0]) },
	"last(text) AS lt":        func(r []row) string { return textOf(r[len(r)-1]) },
	"last_value(text, true) AS li": func(r []row) string {
		l := append([]row{{}}, slices.DeleteFunc(slices.Clone(r), noText)...)
		return textOf(l[len(l)-1])
	},
	"min_by(text, word) AS mb": func(r []row) string {
		return textOf(slices.MinFunc(r, func(a, b row) int { return cmp.Compare(a.word, b.word) }))
	},
	"max_by(word, cash) AS xb": func(r []row) string {
		l := slices.DeleteFunc(slices.Clone(r), func(r row) bool { return r.cash == nil })
		if len(l) == 0 {
			return "null"
		}
		return fmt.Sprint(slices.MaxFunc(l, func(a, b row) int { return cmp.Compare(*a.cash, *b.cash) }).word)
	},
	"collect_list(word) AS cl": func(r []row) string { return list(words(r)) },
	"collect_list(long) FILTER (WHERE flag) AS clf": func(r []row) string {
		return list(longs(slices.DeleteFunc(slices.Clone(r), func(r row) bool { return !flagged(r) })))
	},
	"array_size(collect_set(word)) AS cs": func(r []row) string { return fmt.Sprint(len(unique(words(r)))) },
	"approx_count_distinct(text) AS act":  func(r []row) string { return fmt.Sprint(len(texts(r))) },
	"percentile_approx(word, 0.5) AS pw":  func(r []row) string { return percentile(words(r), 0.5) },
	"percentile_approx(cash, array(0.0, 0.25, 1.0), 100) AS pc": func(r []row) string {
		if len(cashes(r)) == 0 {
			return "null"
		}
		var l []string
		for _, p := range []float64{0, 0.25, 1} {
			v, _ := new(big.Int).SetString(percentile(cashes(r), p), 10)
			l = append(l, decimalOf(v, 2, 2, 1))
		}
		return "[" + strings.Join(l, ",") + "]"
	},
	"sum(long) / count(*) - min(word) AS mixed": func(r []row) string {
		if len(longs(r)) == 0 {
			return "null"
		}
		f, _ := new(big.Float).SetInt(sum(longs(r))).Float64()
		return number(f/float64(len(r)) - float64(slices.MinFunc(r, func(a, b row) int { return cmp.Compare(a.word, b.word) }).word))
	},
}

func list(l []*big.Int) string {
	s := []string{}
	for _, v := range l {
		s = append(s, v.String())
	}
	return "[" + strings.Join(s, ",") + "]"
}

func noText(r row) bool { return r.text == nil }

func textOf(r row) string {
	if r.text == nil {
		return "null"
	}
	return fmt.Sprintf("%q", *r.text)
}

func percentile(l []*big.Int, share float64) string {
	if len(l) == 0 {
		return "null"
	}
	l = slices.Clone(l)
	slices.SortFunc(l, (*big.Int).Cmp)
	return l[max(0, int(math.Ceil(share*float64(len(l))))-1)].String()
}

func variance(rows []row, less int) float64 {
	if len(rows) <= less {
		return math.Inf(1)
	}
	mean, s := 0.0, 0.0
	for _, r := range rows {
		mean += float64(r.word) / float64(len(rows))
	}
	for _, r := range rows {
		s += (float64(r.word) - mean) * (float64(r.word) - mean)
	}
	return s / float64(len(rows)-less)
}

func root(v float64) float64 { return math.Sqrt(v) }

// rounded writes a result that may be wrong in the last digits; infinity stands for null.
func rounded(v float64) string {
	if math.IsInf(v, 1) {
		return "null"
	}
	return "~" + number(math.Round(v*1e9)/1e9)
}

func unique(l []*big.Int) []*big.Int {
	l = slices.Clone(l)
	slices.SortFunc(l, (*big.Int).Cmp)
	return slices.CompactFunc(l, func(a, b *big.Int) bool { return a.Cmp(b) == 0 })
}

func texts(rows []row) map[string]bool {
	m := map[string]bool{}
	for _, r := range rows {
		if r.text != nil {
			m[*r.text] = true
		}
	}
	return m
}

func flagged(r row) bool { return r.flag != nil && *r.flag }

func count(rows []row, f func(row) bool) (n int) {
	for _, r := range rows {
		if f(r) {
			n++
		}
	}
	return n
}

func longs(rows []row) (l []*big.Int) {
	for _, r := range rows {
		if r.long != nil {
			l = append(l, big.NewInt(*r.long))
		}
	}
	return l
}

func words(rows []row) (l []*big.Int) {
	for _, r := range rows {
		l = append(l, big.NewInt(int64(r.word)))
	}
	return l
}

func cashes(rows []row) (l []*big.Int) {
	for _, r := range rows {
		if r.cash != nil {
			l = append(l, big.NewInt(*r.cash))
		}
	}
	return l
}

func wides(rows []row) (l []*big.Int) {
	for _, r := range rows {
		if r.wide != nil {
			l = append(l, r.wide)
		}
	}
	return l
}

func sum(l []*big.Int) *big.Int {
	s := new(big.Int)
	for _, v := range l {
		s.Add(s, v)
	}
	return s
}

// decimalOf writes s at scale from, at scale to; divided by n if they differ.
func decimalOf(s *big.Int, from, to, n int) string {
	if n == 0 {
		return "null"
	}
	if from != to {
		ten := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(to-from)), nil)
		twice := new(big.Int).Mul(new(big.Int).Abs(s), new(big.Int).Lsh(ten, 1)) // half up: (2a + n) / 2n
		q := new(big.Int).Quo(twice.Add(twice, big.NewInt(int64(n))), big.NewInt(int64(2*n)))
		if s.Sign() < 0 {
			q.Neg(q)
		}
		s = q
	}
	if to == 0 {
		return s.String()
	}
	v, _ := batch.Int128FromBig(s)
	return string(batch.AppendDecimal(nil, v, to))
}

func number(f float64) string {
	c := batch.NewBuilder(batch.DoubleType, nil)
	c.Float64(f)
	b := batch.NewBatch(batch.NewSchema(batch.Field{Name: "x", Type: batch.DoubleType}), 1, c.Finish())
	s := string(batch.AppendRowJSON(nil, b, 0))
	return strings.TrimSuffix(strings.TrimPrefix(s, `{"x":`), "}")
}

func meanOf(s *big.Int, n int) string {
	if n == 0 {
		return "null"
	}
	f, _ := new(big.Float).SetInt(s).Float64()
	return number(f / float64(n))
}

func realJSON(rows []row, f func(float64, int) float64) string {
	s, n := 0.0, 0
	for _, r := range rows {
		if r.real != nil {
			s += *r.real
			n++
		}
	}
	if n == 0 {
		return "null"
	}
	return number(f(s, n))
}

func extreme(l []*big.Int, sign, scale int) string {
	if len(l) == 0 {
		return "null"
	}
	v := slices.MaxFunc(l, func(a, b *big.Int) int { return sign * a.Cmp(b) })
	return decimalOf(v, scale, scale, 1)
}

func extremeReal(rows []row, sign int) string {
	var l []float64
	for _, r := range rows {
		if r.real != nil {
			l = append(l, *r.real+0)
		}
	}
	if len(l) == 0 {
		return "null"
	}
	order := func(a, b float64) int {
		if an, bn := math.IsNaN(a), math.IsNaN(b); an != bn {
			if an {
				return sign
			}
			return -sign
		}
		return sign * cmp.Compare(a, b)
	}
	return number(slices.MaxFunc(l, order))
}

func extremeText(rows []row, sign int) string {
	best := ""
	none := true
	for _, r := range rows {
		if r.text != nil && (none || sign*strings.Compare(*r.text, best) > 0) {
			best, none = *r.text, false
		}
	}
	if none {
		return "null"
	}
	return fmt.Sprintf("%q", best)
}

func extremeFlag(rows []row, most bool) string {
	n := count(rows, func(r row) bool { return r.flag != nil })
	if n == 0 {
		return "null"
	}
	yes := count(rows, flagged)
	return fmt.Sprint(most && yes > 0 || !most && yes == n)
}
